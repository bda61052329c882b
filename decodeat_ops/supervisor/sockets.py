"""Hold the listening sockets, which outlive every release and, in the standby, the supervisor itself."""

import ctypes
import os
import socket
from pathlib import Path

BACKLOG = 2048  # the guide's gunicorn backlog; connections wait here while a release boots


class Listeners:
    """Hold open sockets by address. `take_changed` returns whether one was opened or closed since its last call."""

    def __init__(self) -> None:
        self._open: dict[str, socket.socket] = {}
        self._changed = False

    def get(self, host: str, port: int, address: str) -> socket.socket:
        """Return the socket of an address, opened when needed. Raises OSError when it can't be, as for a taken port."""
        known = self._open.get(address)
        if known is not None:
            return known
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen(BACKLOG)
        except OSError:
            listener.close()
            raise
        self._open[address] = listener
        self._changed = True
        return listener

    def recover(self, pid: int, pidfd: int, host: str, port: int, address: str) -> bool:
        """Duplicate a listening socket of another process.

        Return False when it has none, has ended, or that is not allowed. Used to replace a supervisor, and to adopt
        releases after the supervisor and its standby died together.
        """
        if address in self._open:
            return True
        try:
            wanted = {info[4][:2] for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
        except (OSError, ValueError, OverflowError):
            return False  # no address: the unit is damaged
        try:
            entries = list(Path(f"/proc/{pid}/fd").iterdir())
        except OSError:
            return False
        for entry in entries:
            found = _socket(pidfd, entry)
            if found is None:
                continue
            listens = found.type == socket.SOCK_STREAM and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            if listens and found.getsockname()[:2] in wanted:
                self._open[address] = found
                self._changed = True
                return True
            found.close()
        return False

    def private(self, name: str) -> socket.socket:
        """Return the unix socket of that name in the working directory; a whole path may be too long for one.

        It is made anew when its file is missing, since gunicorn removes that when it is asked to stop.
        """
        known = self._open.get(name)
        if known is not None and Path(name).is_socket():
            return known
        if known is not None:
            known.close()
        Path(name).unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(name)
            listener.listen(BACKLOG)
        except OSError:
            listener.close()
            raise
        self._open[name] = listener
        self._changed = True
        return listener

    def keep(self, addresses: set[str]) -> None:
        """Close every socket but those of `addresses`."""
        for address in set(self._open) - addresses:
            self._open.pop(address).close()
            self._changed = True

    def addresses(self) -> list[str]:
        """Return the addresses of the public sockets."""
        return sorted(name for name, s in self._open.items() if s.family != socket.AF_UNIX)

    def take_changed(self) -> bool:
        changed, self._changed = self._changed, False
        return changed


def _socket(pidfd: int, entry: Path) -> socket.socket | None:
    """Return a duplicate of a process's open socket, None when it is no socket or may not be duplicated.

    Only sockets are duplicated: a duplicate of a lock would hold the lock.
    """
    try:
        if not str(entry.readlink()).startswith("socket:"):
            return None
        descriptor = _duplicate(pidfd, int(entry.name))
    except OSError:
        return None  # the process closed it meanwhile
    if descriptor < 0:
        return None
    try:
        return socket.socket(fileno=descriptor)
    except OSError:
        os.close(descriptor)
        return None


def _duplicate(pidfd: int, descriptor: int) -> int:
    """Call pidfd_getfd(2), system call 438 on every architecture; return -1 when it is not allowed or not there."""
    return int(ctypes.CDLL(None, use_errno=True).syscall(438, pidfd, descriptor, 0))
