"""Define the commands status and releases."""

from decodeat_ops.cli.command import command
from decodeat_ops.cli.run import Run
from decodeat_ops.core.outcome import Outcome


@command(examples=("decodeat-ops status", "decodeat-ops status --json"))
def status(run: Run) -> Outcome:
    """What serves, since when, and is anything wrong?"""
    from decodeat_ops.application import state

    return state.status(run.loaded())


@command(examples=("decodeat-ops releases", "decodeat-ops rollback RELEASE   go back to one of them"))
def releases(run: Run) -> Outcome:
    """Which releases are kept, and which one serves."""
    from decodeat_ops.application import state

    return state.releases(run.loaded())
