"""Print an error: what happened, what state things are in, what to do next."""

from typing import TYPE_CHECKING

from decodeat_ops.cli import selection
from decodeat_ops.cli.show import print_grid, print_json
from decodeat_ops.cli.streams import forget_streams
from decodeat_ops.core.errors import OpsError
from decodeat_ops.core.outcome import Outcome

if TYPE_CHECKING:
    from rich.text import Text

ENOUGH = 3  # lines at a traceback's end: where it was raised, that line, and what was raised


def as_json(problem: OpsError, command: str) -> None:
    """Print the envelope of an outcome, with `error` filled."""
    told = problem.advice
    print_json(
        {
            **Outcome(command, told.what, exit_code=problem.code).envelope(),
            "error": {
                "kind": problem.kind,
                "what": told.what,
                "state": told.state,
                "hint": told.hint,
                "lines": list(told.lines),
                "where": problem.where,
            },
        }
    )


def for_people(problem: OpsError) -> None:
    """Print a few aligned lines on stderr; quoted lines (of a log, a list of mistakes) stand between them."""
    from rich.table import Table as Grid
    from rich.text import Text

    from decodeat_ops.cli import console

    talk = console.talk()
    told = problem.advice
    mark = console.sign("✗", talk)
    head = Grid.grid(padding=(0, 1, 0, 0))
    head.add_row(Text(mark, style="bad"), Text(selection.commands(told.what), style="strong"))
    print_grid(head, talk)
    for line in told.lines:
        for part in readable(line):
            talk.print(Text(f"    {selection.commands(part)}"), soft_wrap=True)
    grid = Grid.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="label", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, text in (("state", told.state), ("where", problem.where), ("next", told.hint)):
        if text:
            grid.add_row(f"  {label}", _commands(text))
    print_grid(grid, talk)


def on_stderr(problem: OpsError) -> None:
    """Print an error for people after a stream failed, as far as stderr still takes it."""
    try:
        for_people(problem)
    except OSError:
        forget_streams()  # no stream takes a message; the exit code tells the caller


def readable(line: str) -> list[str]:
    """Return a log line for a person: of a JSON object its level, message and the end of its traceback."""
    if not line.startswith("{"):
        return [line]
    import json

    try:
        told = json.loads(line)
        head = f"{told.get('level', '')} {told['message']}".strip()
    except (ValueError, KeyError):
        return [line]
    trace = [text for text in str(told.get("error") or "").splitlines() if text.strip(" ^")]
    return [head, *(f"  {text.strip()}" for text in trace[-ENOUGH:])]


def _commands(text: str) -> "Text":
    """Return text with the parts between backticks in the tone of commands; without colour the backticks stay."""
    text = selection.commands(text)
    from rich.text import Text

    from decodeat_ops.cli import console

    if console.talk().color_system is None or console.talk().no_color:
        return Text(text)
    parts = text.split("`")
    return Text.assemble(*((part, "command" if number % 2 else "") for number, part in enumerate(parts)))
