"""A handshake sees what a server shows, valid or not; a request believes the one certificate that it is told of."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from decodeat_ops.adapters.direct_http import DirectHttp
from decodeat_ops.adapters.tls_handshake import TlsHandshake
from decodeat_ops.core import certificate
from decodeat_ops.core.errors import Unreachable
from decodeat_ops.core.ports import Endpoint
from tests.support.certificates import made, pem

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Asked: %s\r\nConnection: close\r\n\r\nok"


@contextlib.contextmanager
def served(home: Path, text: str, key: str) -> Iterator[tuple[int, list[str | None]]]:
    """Serve one answer for each connection over TLS; yield the port, and the names that were asked for."""
    (home / "chain.pem").write_text(text + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(home / "chain.pem")
    names: list[str | None] = []
    context.sni_callback = lambda connection, name, _: names.append(name)
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                plain, _ = listening.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), context.wrap_socket(plain, server_side=True) as connection:
                asked = connection.recv(65536).split(b"\r\n")
                for host in (one[6:] for one in asked if one.startswith(b"Host: ")):
                    connection.sendall(ANSWER % host)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1], names
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def test_the_certificate_is_seen_that_clients_of_a_name_get(tmp_path: Path) -> None:
    text, key = made("api.example.com", days=-1, begins=-3)  # ended yesterday
    with served(tmp_path, text, key) as (port, names):
        found = certificate.of_der(TlsHandshake().certificate("127.0.0.1", port, "api.example.com"))
    assert found.fingerprint == certificate.of_pem(text).fingerprint
    assert names == ["api.example.com"]


def test_nothing_that_answers_is_unreachable(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unreachable, match="shows no certificate"):
        port = silent.getsockname()[1]
        TlsHandshake().certificate("127.0.0.1", port, "api.example.com", timeout=0.2)  # never comes


def test_a_request_asks_another_address_by_clients_name_and_trusts_one_certificate(tmp_path: Path) -> None:
    text, key = made("api.example.com")
    with served(tmp_path, text, key) as (port, names):
        endpoint = Endpoint("127.0.0.1", port, name="api.example.com", tls=True, trusted=text)
        answer = DirectHttp().request(endpoint, "GET", "/health")
        assert (answer.status, answer.headers["x-asked"]) == (200, f"api.example.com:{port}")
        assert names == ["api.example.com"]
        for other in ("", pem("api.example.com")):
            with pytest.raises(Unreachable, match="certificate verify failed"):
                DirectHttp().request(
                    Endpoint("127.0.0.1", port, name="api.example.com", tls=True, trusted=other), "GET", "/"
                )
