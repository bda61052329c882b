"""Report and release the lock of a deployment, for the command line."""

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Any

from decodeat_ops.core.errors import Locked
from decodeat_ops.core.outcome import Outcome
from decodeat_ops.deployment.store import Store
from decodeat_ops.engine.lock import Owner, holder
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.supervisor.process import has_open
from decodeat_ops.wiring.opening import layout_of


def owner_of(loaded: Loaded) -> Owner | None:
    """Return who holds the deployment's lock now."""
    layout = layout_of(loaded)
    Store(layout).check_place()
    return holder(layout.lock)


def status(loaded: Loaded) -> Outcome:
    """Report who holds the deployment's lock."""
    owner = owner_of(loaded)
    return Outcome("lock status", f"Locked: {owner}." if owner else "Not locked.", data=_told(owner))


def release(loaded: Loaded, asked_about: Owner | None) -> Outcome:
    """Interrupt the process that holds the lock, as Ctrl-C would: the lock ends with it.

    `asked_about` held it when the operator was asked; another command that holds it by now is left alone. Raises
    `Locked` when the process still holds it after 15 s, or can't be interrupted.
    """
    path = layout_of(loaded).lock
    owner = holder(path)
    if owner is None:
        return Outcome("lock release", "0 changed: it is not locked.", data={"locked": False})
    if owner != asked_about:
        return Outcome("lock release", f"0 changed: it is held by another command now, {owner}.", data=_told(owner))
    _interrupt(owner, path)
    deadline = time.monotonic() + 15
    while holder(path) == owner:
        if time.monotonic() > deadline:
            raise Locked(
                f"Process {owner.pid} was asked to stop and still holds the lock: {owner}.",
                hint=f"It may be waiting for a step to end; look at it, or end it with `kill {owner.pid}`.",
            )
        time.sleep(0.1)
    return Outcome(
        "lock release",
        f"Process {owner.pid} ({owner.verb}) was interrupted and the lock is free.",
        changed=1,
        data={"locked": False, "owner": vars(owner)},
        next=("decodeat-ops status", "decodeat-ops resume"),
    )


def _told(owner: Owner | None) -> dict[str, Any]:
    return {"locked": owner is not None, "owner": None if owner is None else vars(owner)}


def _interrupt(owner: Owner, path: Path) -> None:
    """Send SIGINT to the owner if it holds the lock: the file may still name an earlier owner.

    Raises `Locked` when it doesn't, or belongs to another user.
    """
    with contextlib.suppress(OSError):  # it has ended, or is another user's
        pidfd = os.pidfd_open(owner.pid or -1)
        try:
            if has_open(owner.pid, path.stat()):
                signal.pidfd_send_signal(pidfd, signal.SIGINT)
                return
        finally:
            os.close(pidfd)
    raise Locked(
        f"The lock's file names {owner}: that is not the one that holds it, or not yours to stop.",
        hint="Try again in a moment: a command writes its name right after it has taken the lock.",
    )
