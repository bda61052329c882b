"""Whoever listens on the port may be anybody: an answer that never ends, in time or in bytes, is no answer."""

import contextlib
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

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


@contextlib.contextmanager
def echoing(context: ssl.SSLContext | None = None) -> Iterator[tuple[int, list[bytes]]]:
    """Answer every client with 200 and keep what it sent; with a context over TLS."""
    heard: list[bytes] = []
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def serve() -> None:
            with contextlib.suppress(OSError):
                client, _ = listener.accept()
                with context.wrap_socket(client, server_side=True) if context else client as open_one:
                    heard.append(open_one.recv(65536))
                    open_one.sendall(HEAD + b"Content-Length: 2\r\n\r\nok")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1], heard
        thread.join(60)


@pytest.mark.parametrize(("name", "host"), [("", b"localhost"), ("api.example.com", b"api.example.com:")])
def test_a_server_is_called_by_its_name_if_it_has_one(name: str, host: bytes) -> None:
    with echoing() as (port, heard):
        assert DirectHttp().request(Endpoint(port=port, name=name), "GET", "/health").body == b"ok"
    assert b"Host: " + host in heard[0]


def test_the_schemes_own_port_is_no_part_of_a_name() -> None:
    assert str(Endpoint("h", 443, name="h", tls=True)) == "https://h"
    assert str(Endpoint("h", 80, name="h")) == "http://h"
    assert str(Endpoint("h", 8443, name="h", tls=True)) == "https://h:8443"
    assert str(Endpoint(port=8000)) == "http://127.0.0.1:8000"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Make a key and a certificate for localhost that signs itself, in one file."""
    made = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    named = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2")
    key, cert, whole = (tmp_path / name for name in ("key.pem", "cert.pem", "whole.pem"))
    subprocess.run((*made, *named, "-keyout", key, "-out", cert), check=True, capture_output=True)
    whole.write_bytes(cert.read_bytes() + key.read_bytes())
    return whole


@pytest.mark.parametrize("trusted", [True, False])
def test_a_certificate_that_nobody_trusts_is_no_answer(
    certificate: Path, trusted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    known = ssl.create_default_context(cafile=str(certificate) if trusted else None)
    monkeypatch.setattr(direct_http, "_trusted", lambda: known)
    with echoing(server) as (port, _):
        endpoint = Endpoint("localhost", port, name="localhost", tls=True)
        if trusted:
            assert DirectHttp().request(endpoint, "GET", "/health", timeout=60).body == b"ok"
        else:
            with pytest.raises(Unreachable, match="certificate"):
                DirectHttp().request(endpoint, "GET", "/health", timeout=60)
