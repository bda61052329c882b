"""Define the ledger of a deployment: the lock that keeps changes apart, and the journals that tell what they did."""

from contextlib import AbstractContextManager
from typing import Any, Protocol

from decodeat_ops.core.owner import Owner
from decodeat_ops.core.plan import Plan
from decodeat_ops.core.progress import Progress


class Journal(Protocol):
    """Append to the journal of one change. Each record is stored safely before the call returns."""

    @property
    def name(self) -> str:
        """Return what the ledger knows the journal by."""
        ...

    def step(self, record: str, step: str, **facts: Any) -> None:
        """Note what happened to a step: "begun", "done" or "undone"; or that the undo begins, with step ""."""
        ...

    def end(self, how: str) -> None:
        """Note how the change ended, "done", "undone" or "done in part", and close the journal."""
        ...

    def close(self) -> None:
        """Leave the journal open, for `resume`."""
        ...


class Ledger(Protocol):
    """Keep the lock and the journals of one deployment, beside what they protect."""

    def exists(self) -> bool:
        """Return whether anything is kept yet."""
        ...

    def prepare(self) -> None:
        """Make the place for lock and journals, and record whose it is. Raises `Configuration` if it is another's."""
        ...

    def held(self, verb: str, wait: float = 0.0) -> AbstractContextManager[Owner]:
        """Hold the lock. Raises `Locked`, naming the owner, when it isn't free within `wait` seconds."""
        ...

    def holder(self) -> Owner | None:
        """Return who holds the lock now, None when it is free."""
        ...

    def interrupt(self, owner: Owner) -> None:
        """Ask the command that holds the lock to stop. Raises `Locked` when it is another one, or can't be asked."""
        ...

    def unfinished(self) -> str:
        """Return the name of the journal that was left open, "" when there is none."""
        ...

    def read(self, name: str) -> Progress:
        """Read a journal. Raises `Configuration` when it is damaged or of a newer version."""
        ...

    def begin(self, plan: Plan) -> Journal:
        """Begin the journal of a change, and take its space. Raises `StepFailed` when that fails: nothing has begun."""
        ...

    def reopen(self, name: str) -> Journal:
        """Continue an open journal."""
        ...

    def discard(self) -> None:
        """Delete lock and journals after a removal, unless another command works here by now."""
        ...
