"""lock status and lock release, for the command line."""

import contextlib
import os
import signal
import time

from decodeat_ops.core.errors import Locked
from decodeat_ops.core.outcome import Outcome
from decodeat_ops.deployment.store import Store
from decodeat_ops.engine.lock import holder
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.wiring.opening import layout_of


def status(loaded: Loaded) -> Outcome:
    """Who holds the deployment's lock."""
    layout = layout_of(loaded)
    Store(layout).check_place()
    owner = holder(layout.lock)
    told = None if owner is None else vars(owner)
    return Outcome(
        "lock status", f"Locked: {owner}." if owner else "Not locked.", data={"locked": bool(owner), "owner": told}
    )


def release(loaded: Loaded) -> Outcome:
    """End the process that holds the lock, as Ctrl-C would; a lock without a process doesn't exist."""
    path = layout_of(loaded).lock
    owner = holder(path)
    if owner is None:
        return Outcome("lock release", "0 changed: it is not locked.", data={"locked": False})
    if not owner.pid:
        raise Locked("The lock is held by a process that has not written its name yet.", hint="Try again in a moment.")
    with contextlib.suppress(ProcessLookupError):
        os.kill(owner.pid, signal.SIGINT)
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
