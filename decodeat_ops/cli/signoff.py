"""Ask a person to sign off an item of a checklist."""

from typing import TYPE_CHECKING

from decodeat_ops.cli import selection
from decodeat_ops.cli.asking import ask
from decodeat_ops.core.errors import Usage

if TYPE_CHECKING:
    from decodeat_ops.checks.signoffs import SignOff
    from decodeat_ops.checks.walk import Question


def sign_off(question: "Question") -> "SignOff | None":
    """Ask a person to sign one item or waive a finding; return None when the name is left empty."""
    from rich.padding import Padding
    from rich.text import Text

    from decodeat_ops.checks.signoffs import SignOff
    from decodeat_ops.cli import console

    talk = console.talk()
    talk.print()
    talk.print(Text.assemble((question.title, "strong"), "  ", (question.why, "muted")))
    for text in (question.says, question.hint):
        if text:
            talk.print(Padding(Text(selection.commands(text)), (0, 0, 0, 2), expand=False))
    what = "waive it" if question.waiver else "sign it"
    while True:
        operator = ask(f"  Your name to {what}, Enter to leave it open:")
        if not operator:
            return None
        reason = ask("  Reason:")
        days = ask("  Valid for days [30]:") or "30"
        try:
            return SignOff(operator, reason, int(days))
        except ValueError:
            talk.print("  That is not a number of days.", style="warn")
        except Usage as error:
            talk.print(f"  {error.advice.what}", style="warn")
