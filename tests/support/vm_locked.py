"""Hold the lock of a deployment on machines, as a command that changes something there does."""

import contextlib
import fcntl
from collections.abc import Iterable, Iterator
from pathlib import Path

from decodeat_ops.targets.vm.keeping import TOKEN
from decodeat_ops.targets.vm.place import Place


@contextlib.contextmanager
def locked(place: Place, roots: Iterable[Path]) -> Iterator[None]:
    """Make the directory of the deployment on every machine, and hold its lock; `roots` are where they are."""
    with contextlib.ExitStack() as held:
        for root in roots:
            (root / "releases").mkdir(parents=True, exist_ok=True)
            lock = held.enter_context((root / "lock").open("w"))
            lock.write('{"token": "it"}\n')
            lock.flush()
            fcntl.flock(lock, fcntl.LOCK_EX)
        place.remembered[TOKEN] = "it"
        yield
