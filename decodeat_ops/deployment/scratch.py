"""Lend checks a directory in staging, which a change that clears staging leaves alone while the check runs."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from decodeat_ops.core.layout import Layout
from decodeat_ops.deployment import files
from decodeat_ops.settings import trust

PREFIX = "check-"


@contextmanager
def lent(layout: Layout) -> Iterator[Path]:
    """Make a directory and remove it afterwards. A lock on it tells `clear` that it is in use."""
    trust.private_directory(layout.staging)
    place = Path(tempfile.mkdtemp(prefix=PREFIX, dir=layout.staging))
    descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield place
    finally:
        files.discard(place)
        os.close(descriptor)


def clear(layout: Layout) -> None:
    """Empty staging, but for directories of checks that run: one that was killed holds no lock.

    The caller holds the deployment's lock.
    """
    trust.private_directory(layout.staging)
    for entry in layout.staging.iterdir():
        if not (entry.name.startswith(PREFIX) and entry.is_dir() and files.is_locked(entry)):
            files.discard(entry)
