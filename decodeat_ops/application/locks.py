"""Report and release the lock of a deployment, for the command line."""

import time
from typing import Any

from decodeat_ops.application.targets import open_ledger
from decodeat_ops.core.errors import Locked
from decodeat_ops.core.outcome import Outcome
from decodeat_ops.core.owner import Owner
from decodeat_ops.settings.schema import Loaded

RELEASE_SECONDS = 15.0  # in which an interrupted command gives the lock up


def owner_of(loaded: Loaded) -> Owner | None:
    """Return who holds the deployment's lock now."""
    return open_ledger(loaded).holder()


def status(loaded: Loaded) -> Outcome:
    """Report who holds the deployment's lock."""
    owner = owner_of(loaded)
    return Outcome("lock status", f"Locked: {owner}." if owner else "Not locked.", data=_told(owner))


def release(loaded: Loaded, asked_about: Owner | None) -> Outcome:
    """Interrupt the command that holds the lock, as Ctrl-C would: the lock ends with it.

    `asked_about` held it when the operator was asked; another command that holds it by now is left alone. Raises
    `Locked` when it is still held after 15 s, or its owner can't be interrupted.
    """
    ledger = open_ledger(loaded)
    owner = ledger.holder()
    if owner is None:
        return Outcome("lock release", "0 changed: it is not locked.", data={"locked": False})
    if owner != asked_about:
        return Outcome("lock release", f"0 changed: it is held by another command now, {owner}.", data=_told(owner))
    ledger.interrupt(owner)
    deadline = time.monotonic() + RELEASE_SECONDS
    while ledger.holder() == owner:
        if time.monotonic() > deadline:
            where = _where(owner)
            raise Locked(
                f"Process {owner.pid} was asked to stop and still holds the lock: {owner}.",
                hint=f"It may be waiting for a step to end; look at it, or end it with `kill {owner.pid}`{where}.",
            )
        time.sleep(0.1)
    return Outcome(
        "lock release",
        f"Process {owner.pid} ({owner.verb}) was interrupted and the lock is free.",
        changed=1,
        data={"locked": False, "owner": vars(owner)},
        next=("decodeat-ops status", "decodeat-ops resume"),
    )


def _where(owner: Owner) -> str:
    """Return the machine of an owner who may be at another one than this."""
    _, at, machine = owner.user.rpartition("@")
    return f" on {machine}" if at else ""


def _told(owner: Owner | None) -> dict[str, Any]:
    return {"locked": owner is not None, "owner": None if owner is None else vars(owner)}
