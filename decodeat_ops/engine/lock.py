"""Lock a deployment with flock, so that the lock ends with the process that holds it."""

import fcntl
import getpass
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from decodeat_ops.core.errors import Locked
from decodeat_ops.core.owner import Owner


def operator() -> str:
    """Return the name of the user who runs this."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a uid without a name, as in containers
        return str(os.getuid())


LOOK_SECONDS = 0.5  # a command that looks who holds the lock holds it itself for a moment


@contextmanager
def held(path: Path, verb: str, wait: float = 0.0) -> Iterator[Owner]:
    """Hold the deployment's lock. Raises `Locked`, naming the owner, when it isn't free within `wait` seconds."""
    descriptor = _taken(path, time.monotonic() + max(wait, LOOK_SECONDS))
    try:
        owner = Owner(verb, operator(), os.getpid(), datetime.now(UTC).isoformat(timespec="seconds"))
        _write(descriptor, owner)
        yield owner
    finally:
        os.close(descriptor)


def _taken(path: Path, deadline: float) -> int:
    """Return the descriptor of the locked file. Raises `Locked` when another process holds it past the deadline.

    A file that was deleted meanwhile (by a removal) is made anew: a lock on it would exclude no other process.
    """
    while True:
        path.parent.mkdir(exist_ok=True, mode=0o700)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            continue  # the directory was deleted at that moment
        try:
            _take(descriptor, path, deadline)
            if os.fstat(descriptor).st_nlink:
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _take(descriptor: int, path: Path, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() < deadline:
                time.sleep(0.1)
                continue
            owner = holder(path)
            raise Locked(
                f"This deployment is locked: {owner or 'by a process that just started'}.",
                hint="Wait for it, look with `decodeat-ops lock status`, or give --lock-wait SECONDS.",
            ) from None


# The owner's line has a fixed length, so that writing it over an existing one needs no new disk space.
_LENGTH = 512


def _write(descriptor: int, owner: Owner) -> None:
    line = json.dumps(asdict(owner)).encode().ljust(_LENGTH - 1) + b"\n"
    try:
        os.pwrite(descriptor, line, 0)
    except OSError:
        # A full disk must not stop an undo or a rollback. The lock itself is held; only the name of an earlier
        # owner may be in the file, so it is removed.
        os.ftruncate(descriptor, 0)


def holder(path: Path) -> Owner | None:
    """Return who holds the lock now, None when it is free.

    Until the holder has written its name, the owner before it is returned, or "unknown" where the file names none.
    A pipe in place of the file is not waited for: it is free, as nothing locks it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None
        except BlockingIOError:
            pass
        try:
            return Owner(**json.loads(os.pread(descriptor, _LENGTH, 0)))
        except (ValueError, TypeError):
            return Owner("unknown", "unknown", 0, "unknown")
    finally:
        os.close(descriptor)
