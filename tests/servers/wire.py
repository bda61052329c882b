"""A wire between a client and a server on this machine: it counts what is sent over it, and can be cut."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

CHUNK = 64 * 1024


@dataclass
class Wire:
    """`sent` are the bytes that clients sent to the server so far. `after` cuts the wire once it is so many.

    A wire that is cut takes connections and closes them at once, until it is mended.
    """

    port: int
    target: int
    sent: int = 0
    after: int | None = None
    cut: threading.Event = field(default_factory=threading.Event)
    _open: set[socket.socket] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def cut_after(self, more: int) -> None:
        """Cut it once so many more bytes were sent."""
        with self._lock:
            self.after = self.sent + more

    def mend(self) -> None:
        with self._lock:
            self.after = None
            self.cut.clear()

    def take(self, client: socket.socket) -> None:
        """Carry one connection until either side ends it."""
        with client, socket.create_connection(("127.0.0.1", self.target)) as server:
            with self._lock:
                if self.cut.is_set():
                    return
                self._open |= {client, server}
            back = threading.Thread(target=self._carry, args=(server, client, False), daemon=True)
            back.start()
            self._carry(client, server, True)
            back.join()
            with self._lock:
                self._open -= {client, server}

    def _carry(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                if counted and self._counts(len(data)):
                    return
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)  # the other direction goes on

    def _counts(self, length: int) -> bool:
        """Count what is sent, and return whether the wire is cut now."""
        with self._lock:
            self.sent += length
            if self.after is not None and self.sent >= self.after and not self.cut.is_set():
                self.cut.set()
                for one in self._open:
                    with contextlib.suppress(OSError):
                        one.shutdown(socket.SHUT_RDWR)
            return self.cut.is_set()


@contextlib.contextmanager
def wire(target: int) -> Iterator[Wire]:
    """A wire to a port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        made = Wire(listening.getsockname()[1], target)
        accepting = threading.Thread(target=_accept, args=(listening, made), daemon=True)
        accepting.start()
        try:
            yield made
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            accepting.join()


def _accept(listening: socket.socket, made: Wire) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = listening.accept()
            threading.Thread(target=_taken, args=(client, made), daemon=True).start()


def _taken(client: socket.socket, made: Wire) -> None:
    with contextlib.suppress(OSError):
        made.take(client)
