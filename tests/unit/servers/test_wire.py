"""The wire of the tests counts what is sent over it, and is cut where it should be."""

import contextlib
import socket
import threading

from tests.servers.wire import wire
from tests.support.waiting import PATIENCE, wait_for


def sent(port: int, data: bytes) -> bytes:
    """Send over a connection of its own, and return all that comes back until that is closed."""
    got = b""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        while more := client.recv(65536):
            got += more
    return got


def test_it_counts_and_is_cut_and_mended() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def echo() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listening.accept()
                    with client, contextlib.suppress(OSError):
                        data = b""
                        while more := client.recv(65536):
                            data += more
                        client.sendall(data)

        thread = threading.Thread(target=echo, daemon=True)
        thread.start()
        with wire(listening.getsockname()[1]) as between:
            assert sent(between.port, b"x" * 1000) == b"x" * 1000
            assert between.sent == 1000
            between.cut_after(500)
            assert sent(between.port, b"x" * 1000) == b""
            wait_for(between.cut.is_set)
            assert sent(between.port, b"x") == b""
            assert between.sent == 2000
            between.mend()
            assert sent(between.port, b"x" * 10) == b"x" * 10
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(PATIENCE)
        assert not thread.is_alive()
