"""Take the connections of a played nginx, with TLS where its configuration says so, and hand it each request."""

import contextlib
import http.client
import secrets
import ssl
import sys
import time
import traceback
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.servers.vm.nginx_rules import Request
from tests.servers.vm.waking import Waking

if TYPE_CHECKING:
    from tests.servers.vm.played_nginx import Nginx

REASONS = http.client.responses


class Listener(Waking, TCPServer):
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], nginx: "Nginx", port: int) -> None:
        self.nginx, self.port = nginx, port
        super().__init__(address, Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        loaded = self.nginx.loaded
        way = loaded.listens().get(self.port) if loaded else None
        if loaded is not None and way is not None and way.tls:
            with contextlib.suppress(OSError, ssl.SSLError):
                request.settimeout(60)
                request = loaded.context(self.port).wrap_socket(request, server_side=True)  # type: ignore[union-attr]
                with request:
                    super().finish_request(request, client_address)
            return
        super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Note what is not played; a client that goes away is no error."""
        if not isinstance(sys.exc_info()[1], OSError):
            self.nginx.container.say(traceback.format_exc())


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._take()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = do_GET

    def _take(self) -> None:
        server: Any = self.server
        began = time.monotonic()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        headers: Mapping[str, str] = {name.lower(): value for name, value in self.headers.items()}
        tls = isinstance(self.connection, ssl.SSLSocket)
        request = Request(self.command, parts.path, parts.query, headers, body)
        request.variables |= {
            "request_uri": self.path,
            "uri": parts.path,
            "args": parts.query,
            "is_args": "?" if parts.query else "",
            "scheme": "https" if tls else "http",
            "https": "on" if tls else "",
            "remote_addr": self.client_address[0],
            "binary_remote_addr": self.client_address[0],
            "proxy_add_x_forwarded_for": self.client_address[0],
            "request_method": self.command,
            "http_host": headers.get("host", ""),
            "request_id": secrets.token_hex(16),
            "server_protocol": "HTTP/1.1",
            "ssl_protocol": "TLSv1.3" if tls else "",
        }
        answer = server.nginx.answer(server.port, request)
        if answer.status == 444:
            self.close_connection = True
            return
        server.nginx.note(server.port, request, answer, time.monotonic() - began)
        body = answer.body or (f"<h1>{answer.status} {REASONS.get(answer.status, '')}</h1>".encode()
                               if answer.status >= 300 else b"")  # fmt: skip
        self.send_response_only(answer.status)
        if answer.kind:
            self.send_header("Content-Type", answer.kind)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""
