"""An engine that says what a test wants said: the few requests of a build and a push, over TCP on this machine."""

import base64
import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

API = "1.41"
Answer = tuple[int, list[Any]]  # status and events
ALWAYS: dict[str, Answer] = {"GET /version": (200, [{"ApiVersion": API}]), "GET /_ping": (200, [{}])}
UNKNOWN: Answer = (404, [{"message": "no such image"}])


@dataclass
class Asked:
    """One request: what it was about, its parameters and headers, and its body."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def login(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(base64.urlsafe_b64decode(self.headers["X-Registry-Auth"]))
        return found


@dataclass
class DockerApi:
    """`answers` are by method and path without the version; those to a POST come as a stream of events,
    and so does a GET of bytes.

    `cut` ends a stream without the last chunk, as an engine does that is killed. `left` is set when a client went away
    in the middle of a stream.
    """

    port: int = 0
    builder: str = ""
    answers: dict[str, Answer] = field(default_factory=lambda: dict(ALWAYS))
    asked: list[Asked] = field(default_factory=list)
    cut: bool = False
    left: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def last(self, path: str) -> Asked:
        return next(one for one in reversed(self.asked) if one.path == path)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    engine: DockerApi

    def do_GET(self) -> None:
        self._take()

    def do_POST(self) -> None:
        self._take()

    def do_DELETE(self) -> None:
        self._take()

    def _take(self) -> None:
        parts = urlsplit(self.path)
        path = parts.path.removeprefix(f"/v{API}")
        params = {name: values[0] for name, values in parse_qs(parts.query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.engine.asked.append(Asked(self.command, path, params, dict(self.headers), body))
        status, events = self.engine.answers.get(f"{self.command} {path}", UNKNOWN)
        if status < 400 and (self.command == "POST" or (self.command == "GET" and isinstance(events[0], bytes))):
            self._stream(events)
        else:
            self._plain(status, events[0])

    def _plain(self, status: int, answer: Any) -> None:
        data = json.dumps(answer).encode()
        self.send_response(status)
        if self.engine.builder:
            self.send_header("Builder-Version", self.engine.builder)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, events: list[Any]) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for event in events:
                data = event if isinstance(event, bytes) else json.dumps(event).encode() + b"\r\n"
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            if not self.engine.cut:
                self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.engine.left.set()
            self.close_connection = True
        self.close_connection |= self.engine.cut

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@contextlib.contextmanager
def docker_api() -> Iterator[DockerApi]:
    engine = DockerApi()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"engine": engine}))
    engine.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield engine
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
