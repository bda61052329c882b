"""Let containers of the lab reach a server of this machine that listens on loopback alone."""

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator

from tests.lab.engine import Engine
from tests.support.ports import free_port
from tests.support.serving import serving


def _copy(source: socket.socket, sink: socket.socket) -> None:
    """Pass bytes on until one side has ended; then the other one hears of it."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def forwarded(engine: Engine, port: int) -> Iterator[str]:
    """Return the address, host and port, at which containers find what listens on 127.0.0.1:`port`."""

    class Forward(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", port)) as server:
                back = threading.Thread(target=_copy, args=(server, self.request), daemon=True)
                back.start()
                _copy(self.request, server)
                back.join()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    listener = Server((engine.gateway, free_port()), Forward)
    with serving(listener):
        yield "{}:{}".format(*listener.server_address[:2])
