"""Lock the requests to the supervisor, so that a command and the supervisor never change them at the same time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from decodeat_ops.core.layout import Layout


@contextmanager
def alone(layout: Layout, *, wait: bool) -> Iterator[None]:
    """Hold the lock on requests and their secrets; every process holds it that writes or removes one of them.

    Raises BlockingIOError when the other side holds it and `wait` is false.
    """
    descriptor = os.open(layout.wants, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)
