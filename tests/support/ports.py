"""Ports for test servers. Processes of tests that run at the same time never choose the same one."""

import contextlib
import fcntl
import functools
import itertools
import os
import random
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

FIRST, LAST = 20000, 32000  # below those that the kernel hands to outgoing connections
EACH = 200  # ports that one process has to itself


def free_port() -> int:
    """A free port of this process's own: it stays free until it is used."""
    for port in _own():
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("the ports of a process never end")


@functools.cache
def _own() -> Iterator[int]:
    """Lock a block of ports for as long as this process lives, and go round in it.

    A port that is free now and used seconds later could be another process's by then.
    """
    directory = Path(tempfile.gettempdir()) / f"decodeat-test-ports-{os.getuid()}"
    directory.mkdir(mode=0o700, exist_ok=True)
    blocks = range(FIRST, LAST, EACH)
    for first in random.sample(blocks, len(blocks)):
        held = os.open(directory / str(first), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(held)
        else:
            return itertools.cycle(range(first, first + EACH))
    raise AssertionError(f"all {len(blocks)} blocks of ports are in use")
