"""Whoever listens on the port may be anybody: an answer that never ends, in time or in bytes, is no answer."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from decodeat_ops.adapters import direct_http
from decodeat_ops.adapters.direct_http import DirectHttp
from decodeat_ops.core.errors import Unreachable
from decodeat_ops.core.ports import Endpoint

HEAD = b"HTTP/1.1 200 OK\r\n"
Send = Callable[[socket.socket], None]


@contextlib.contextmanager
def stranger(send: Send) -> Iterator[Endpoint]:
    """Listen for one client, and do to it what `send` does until it has gone."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def serve() -> None:
            client, _ = listener.accept()
            with client, contextlib.suppress(OSError):
                client.recv(65536)
                send(client)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield Endpoint(port=listener.getsockname()[1])
        thread.join(60)


def _slowly(first: bytes, rest: bytes) -> Send:
    def send(client: socket.socket) -> None:
        client.sendall(first)
        while True:
            client.sendall(rest)
            time.sleep(0.05)

    return send


def _endlessly(client: socket.socket) -> None:
    client.sendall(HEAD + b"Connection: close\r\n\r\n")
    while True:
        client.sendall(b"x" * 65536)


@pytest.mark.parametrize(
    "send",
    [
        _slowly(HEAD, b"X-Never: ends\r\n"[:1]),
        _slowly(HEAD + b"Content-Length: 100000\r\n\r\n", b"x"),
        _slowly(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    ],
    ids=["a head", "a body", "chunks"],
)
def test_an_answer_that_comes_too_slowly_is_none(send: Send) -> None:
    with stranger(send) as endpoint:
        before = time.monotonic()
        with pytest.raises(Unreachable, match="timed out"):
            DirectHttp().request(endpoint, "GET", "/health", timeout=1)  # never comes
        assert time.monotonic() - before < 30


def test_an_answer_without_end_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(direct_http, "MOST", 1024 * 1024)
    with stranger(_endlessly) as endpoint, pytest.raises(Unreachable, match="more than 1 MiB"):
        DirectHttp().request(endpoint, "GET", "/metrics", timeout=60)


def test_a_whole_answer_is_one() -> None:
    with stranger(lambda client: client.sendall(HEAD + b"Content-Length: 2\r\nX-Release-Id: r1\r\n\r\nok")) as endpoint:
        answer = DirectHttp().request(endpoint, "GET", "/health", timeout=60)
    assert (answer.status, answer.body, answer.headers["x-release-id"]) == (200, b"ok", "r1")


@pytest.mark.parametrize("head", [b"Content-Length: 100\r\n\r\nok", b"Transfer-Encoding: chunked\r\n\r\n64\r\nok"])
def test_an_answer_that_is_cut_off_is_none(head: bytes) -> None:
    with stranger(lambda client: client.sendall(HEAD + head)) as endpoint, pytest.raises(Unreachable):
        DirectHttp().request(endpoint, "GET", "/health", timeout=60)
