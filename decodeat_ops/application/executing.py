"""Run a program inside an instance of the service, for the command line."""

from collections.abc import Callable, Sequence

from decodeat_ops.application.targets import open_view, this_terminal
from decodeat_ops.core.abilities import Enters
from decodeat_ops.core.errors import Usage
from decodeat_ops.settings.schema import Loaded

SHELL = ("/bin/sh",)


def enter(loaded: Loaded, words: Sequence[str], instance: str, say: Callable[[str], None]) -> int:
    """Run `words`, a shell without any, in an instance, "" for the newest, and return the exit status of the session.

    `say` is told where it leads. Raises `Usage` where nothing can be entered, `Configuration` with what is missing.
    """
    view = open_view(loaded)
    if not isinstance(view, Enters):
        raise Usage(
            f"There is nothing to enter on {loaded.settings.target}.",
            hint="The service runs on this machine: `decodeat-ops status --json` names its files.",
        )
    attached = view.enter(tuple(words) or SHELL, instance)
    say(attached.says)
    return this_terminal().attach(attached.argv, {name: one.reveal() for name, one in attached.variables.items()})
