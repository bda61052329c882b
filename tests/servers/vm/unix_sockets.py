"""Bind and reach sockets whose paths are longer than an address of them may be, as those of tests are."""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def reachable(path: Path) -> Iterator[str]:
    """Yield an address of the socket that is short enough; the links on the way are followed now."""
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


def bound(path: Path, owner: tuple[int, int]) -> socket.socket:
    """Return a socket that listens at a path, and that its owner and group may use, as gunicorn's settings say."""
    path.unlink(missing_ok=True)  # gunicorn does the same with one that was left
    listening = socket.socket(socket.AF_UNIX)
    with reachable(path) as address:
        listening.bind(address)
    with contextlib.suppress(PermissionError):
        os.chown(path, *owner)
    path.chmod(0o770)
    listening.listen(256)
    return listening


def connected(path: Path, timeout: float) -> socket.socket:
    """Return a connection. Raises OSError."""
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(timeout)
    try:
        with reachable(path) as address:
            made.connect(address)
    except OSError:
        made.close()
        raise
    return made
