"""A real certificate authority (Pebble), its name server, and a front that limits orders as Let's Encrypt does."""

import contextlib
import http.client
import json
import os
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.ports import free_port
from tests.support.serving import serving
from tests.support.waiting import PATIENCE, wait_for

LIMITED = {
    "type": "urn:ietf:params:acme:error:rateLimited",
    "detail": "too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s, retry "
    "after 2026-12-01 10:00:00 UTC: see https://letsencrypt.org/docs/rate-limits/",
    "status": 429,
}
_OWN = {"Content-Length", "Date", "Server", "Transfer-Encoding"}  # headers that the front makes itself


@dataclass
class Authority:
    """An authority in a directory: `plain` is the port that stands for every machine's port 80.

    `orders` counts what it was asked for. From `most` orders on the front answers 429, with `retry_after` in seconds.
    """

    home: Path
    plain: int
    days: int = 90
    orders: int = 0
    most: int | None = None
    retry_after: str = "7200"
    front: int = field(default_factory=free_port)
    ports: tuple[int, int, int, int] = field(
        default_factory=lambda: (free_port(), free_port(), free_port(), free_port())
    )
    _pebble: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"https://localhost:{self.front}/dir"

    @property
    def trusted(self) -> Path:
        """Return the certificate by which the authority itself is believed."""
        return self.home / "authority.crt"

    def start(self) -> None:
        """Start the authority; one that was there before is forgotten, with its accounts."""
        self.stop()
        acme, management, _, names = self.ports
        told = {
            "listenAddress": f"127.0.0.1:{acme}", "managementListenAddress": f"127.0.0.1:{management}",
            "certificate": str(self.trusted), "privateKey": str(self.home / "authority.key"), "httpPort": self.plain,
            "tlsPort": self.plain, "certificateValidityPeriod": self.days * 86400, "ocspResponderURL": "",
        }  # fmt: skip
        (self.home / "pebble.json").write_text(json.dumps({"pebble": told}))
        with (self.home / "pebble.log").open("ab") as log:
            self._pebble = subprocess.Popen(
                ("pebble", "-config", str(self.home / "pebble.json"), "-dnsserver", f"127.0.0.1:{names}"), stdout=log,
                stderr=log, env={**os.environ, "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0",
                     "PEBBLE_AUTHZREUSE": "0"},
            )  # fmt: skip
        wait_for(lambda: _listens(acme), otherwise=(self.home / "pebble.log").read_text)

    def stop(self) -> None:
        if self._pebble is not None:
            self._pebble.kill()
            self._pebble.wait(PATIENCE)

    def lead(self, name: str, address: str) -> None:
        """Let a name lead to an address, for the authority alone."""
        self._manage("/clear-a", {"host": f"{name}."})
        self._manage("/add-a", {"host": f"{name}.", "addresses": [address]})

    def _manage(self, path: str, told: Any) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[2], timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request("POST", path, json.dumps(told))
            assert connection.getresponse().status == 200

    def refuses(self, path: str) -> bool:
        """Count a request that asks for a certificate, and return whether it is one too many."""
        if not path.startswith("/order-plz"):
            return False
        self.orders += 1
        return self.most is not None and self.orders > self.most


class _Front(BaseHTTPRequestHandler):
    """Pass everything on, but what is limited."""

    protocol_version = "HTTP/1.1"
    authority: Authority

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        context = ssl.create_default_context(cafile=str(self.authority.trusted))
        connection = http.client.HTTPSConnection(
            "localhost", self.authority.ports[0], timeout=PATIENCE, context=context
        )
        limited = self.authority.refuses(self.path)
        with contextlib.closing(connection):
            if limited:
                connection.request("GET", "/nonce-plz")
            else:
                connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            content = answer.read()
        headers = {name: value for name, value in answer.getheaders() if name.title() not in _OWN}
        status = answer.status
        if limited:
            status, content = 429, json.dumps(LIMITED).encode()
            headers |= {"Content-Type": "application/problem+json", "Retry-After": self.authority.retry_after}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_POST = do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@contextlib.contextmanager
def authority(home: Path, plain: int, days: int = 90) -> Iterator[Authority]:
    """Run an authority that gives certificates for so many days, until the block ends."""
    argv = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost "
        "-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout authority.key -out authority.crt"
    )
    subprocess.run(argv.split(), cwd=home, check=True, capture_output=True)
    made = Authority(home, plain, days)
    _, _, management, names = made.ports
    off = ("-http01", "", "-https01", "", "-tlsalpn01", "")
    where = ("-dns01", f"127.0.0.1:{names}", "-management", f"127.0.0.1:{management}")
    with (home / "names.log").open("wb") as log:
        lookup = subprocess.Popen(
            ("pebble-challtestsrv", *where, *off, "-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""),
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        wait_for(lambda: _listens(management), otherwise=(home / "names.log").read_text)
        made.start()
        server = ThreadingHTTPServer(("127.0.0.1", made.front), type("Front", (_Front,), {"authority": made}))
        server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(home / "authority.crt", home / "authority.key")
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        with serving(server):
            yield made
    finally:
        made.stop()
        lookup.kill()
        lookup.wait(PATIENCE)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
