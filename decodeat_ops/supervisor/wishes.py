"""What the supervisor is asked for: one side writes it, the other grants it, never both at the same moment."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from decodeat_ops.core.layout import Layout


@contextmanager
def alone(layout: Layout, *, wait: bool) -> Iterator[None]:
    """Hold what is asked for as it is: whoever writes a wish or its secrets, and whoever removes them, holds this.

    Raises BlockingIOError when the other side holds it and `wait` is false.
    """
    descriptor = os.open(layout.wants, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)
