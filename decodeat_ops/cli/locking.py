"""Define the commands lock status and lock release."""

from decodeat_ops.cli.command import command
from decodeat_ops.cli.run import Run
from decodeat_ops.core.outcome import Outcome


@command(examples=("decodeat-ops lock status",))
def status(run: Run) -> Outcome:
    """Tell who holds this deployment's lock, and since when."""
    from decodeat_ops.application import locks

    return locks.status(run.loaded())


@command(changes=("yes",), examples=("decodeat-ops lock release", "decodeat-ops lock release --yes"))
def release(run: Run) -> Outcome:
    """Interrupt the process that holds the lock."""
    from decodeat_ops.application import locks

    loaded = run.loaded()
    owner = locks.owner_of(loaded)
    if owner is not None:
        from decodeat_ops.cli.asking import ask, refuse_unattended
        from decodeat_ops.core.errors import Interrupted

        refuse_unattended(run, "lock release")
        if not run.yes and ask(f"Locked: {owner}. Interrupt it? [y/N]").lower() not in ("y", "yes"):
            raise Interrupted("The lock was not released.", hint="Run it again and answer y, or give --yes.")
    return locks.release(loaded, owner)
