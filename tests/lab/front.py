"""Stand before MiniStack and answer for the one service that it lacks: nothing is scaled automatically."""

import contextlib
import http.client
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.ports import free_port
from tests.support.serving import serving

_TARGET = "AnyScaleFrontendService.DescribeScalableTargets"
_NOBODY = b'{"ScalableTargets": []}'
_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"})


@contextlib.contextmanager
def front(behind: int) -> Iterator[int]:
    """Pass everything else on to the port `behind`; the port at which it is asked."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # the SDK keeps its connections

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if self.headers.get("x-amz-target") == _TARGET:
                self._answer(200, [("Content-Type", "application/x-amz-json-1.1")], _NOBODY)
                return
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", behind, timeout=600)) as connection:
                connection.request(self.command, self.path, body, dict(self.headers.items()))
                answer = connection.getresponse()
                kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in _HOP]
                self._answer(answer.status, kept, answer.read())

        do_GET = do_PUT = do_DELETE = do_POST

        def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            with contextlib.suppress(ConnectionError):  # the client was killed
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
    server.daemon_threads = True
    with serving(server):
        yield int(server.server_address[1])
