"""The service in a container that is played: a server on the unix socket that its variables or words name."""

import contextlib
import json
import re
import select
import socket
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import UnixStreamServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.servers.vm.behaviour import Behaviour
from tests.servers.vm.container import Container
from tests.servers.vm.permissions import SEARCH, WRITE
from tests.servers.vm.unix_sockets import bound
from tests.servers.vm.waking import Waking
from tests.support.waiting import PATIENCE

BROKEN = 0  # in place of a status: the process ended instead
FORWARDED = {"x-forwarded-for", "x-real-ip", "x-forwarded-proto", "forwarded"}
SOCKET = re.compile(r"(?:unix:)?(/[^\s,;]+/api\.sock)")


class Handler(BaseHTTPRequestHandler):
    """Answer as the service does, with the release and the request's id."""

    protocol_version = "HTTP/1.1"
    service: "Service"

    def do_GET(self) -> None:
        self._take()

    def do_HEAD(self) -> None:
        self._take()

    def do_POST(self) -> None:
        self._take()

    def _take(self) -> None:
        self.close_connection = True  # nginx makes a connection for each request
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        began = time.perf_counter()
        status, told = self.service.answer(self.command, self.path, body, dict(self.headers))
        if status == BROKEN:
            return
        data = told if isinstance(told, bytes) else json.dumps(told).encode()
        self.service.note(self, status, time.perf_counter() - began)
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if isinstance(told, bytes) else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-Release-Id", self.service.release)
        self.send_header("X-Request-Id", self.headers.get("X-Request-Id", "0" * 32))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


class Server(Waking, UnixStreamServer):
    """Serve on a socket that listens already."""

    def __init__(self, listening: socket.socket, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__("", handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        super().process_request(request, client_address)

    def cut(self) -> None:
        """Break off every connection, as the end of a process does."""
        for one in [*self.open]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def shutdown_request(self, request: Any) -> None:
        self.open.discard(request)
        with contextlib.suppress(OSError):
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Quiet: a client that goes away is no error."""


class Service:
    """One process of the service."""

    def __init__(self, container: Container, behaviour: Behaviour) -> None:
        self.container, self.behaviour = container, behaviour
        self._environment = container.definition.environment
        self.release = behaviour.reports or self._environment.get("RELEASE_ID", "dev")
        self._server: Server | None = None
        self._path: Path | None = None
        self._under_way = self._through_nginx = 0
        self._idle = threading.Condition()
        self._killed = threading.Event()

    @property
    def health(self) -> str:
        if self.behaviour.kind in {"unhealthy", "silent"}:
            return "unhealthy"
        return "healthy" if self._server is not None else "starting"

    def start(self) -> None:
        self.container.say(*self.behaviour.lines)
        if self.behaviour.kind == "crashes":
            self.container.ended(self.behaviour.exit_code, out_of_memory=self.behaviour.out_of_memory)
            return
        if self.behaviour.kind == "silent":
            return
        try:
            self._listen()
        except OSError as error:
            self.container.say(json.dumps({"level": "CRITICAL", "message": str(error)}))
            self.container.ended(1)

    def _listen(self) -> None:
        definition = self.container.definition
        words = (*definition.command, *self._environment.values())
        named = next((found[1] for word in words if (found := SOCKET.search(word))), "")
        path = definition.outside(named) if named else None
        if path is None:
            raise OSError(f"no socket below a mount is named: {named!r}")
        if not definition.may(path.parent, WRITE | SEARCH):
            raise PermissionError(f"[Errno 13] Permission denied: {named!r}")
        listening = bound(path, (definition.uid, min(definition.gids)))
        handler = type("Bound", (Handler,), {"service": self})
        self._path, self._server = path, Server(listening, handler)
        self._server.begin()
        self.container.say(json.dumps({"level": "INFO", "message": f"Listening at: unix:{named}"}))

    def answer(self, method: str, address: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, Any]:
        with self._idle:
            self._under_way += 1
        try:
            if not self._good({name.lower() for name in headers}):
                return (500, {"detail": "broken on purpose"}) if self._server is not None else (BROKEN, {})
            return self._answer(urlsplit(address).path, parse_qs(urlsplit(address).query), headers)
        finally:
            with self._idle:
                self._under_way -= 1
                self._idle.notify_all()

    def _good(self, headers: set[str]) -> bool:
        """Return whether it answers well; some releases do not what comes by nginx, or not for long."""
        if not headers & FORWARDED:
            return True
        self._through_nginx += 1
        if self.behaviour.kind == "breaks" and self._through_nginx > self.behaviour.after:
            self._cut()
            self.container.ended(self.behaviour.exit_code)
            return False
        return self.behaviour.kind != "fails-clients"

    def _answer(self, path: str, query: Mapping[str, list[str]], headers: Mapping[str, str]) -> tuple[int, Any]:
        match path:
            case "/health":
                status = 503 if self.behaviour.kind == "unhealthy" else 200
                return status, {"status": "healthy", "service": "nutrition-label-api", "release": self.release}
            case "/ready":
                able = self.behaviour.kind != "never-ready"
                checks = {"pictures": {"ok": able, "needed": True, "detail": "" if able else "never on purpose"}}
                return 200 if able else 503, {"ready": able, "release": self.release, "checks": checks}
            case "/metrics":
                return 200, f'decodeat_release_info{{release="{self.release}"}} 1.0\n'.encode()
            case "/test/held":
                Path(query["began"][0]).touch()
                until = Path(query["until"][0])
                deadline = time.monotonic() + 2 * PATIENCE
                while not until.exists() and not self._killed.is_set() and time.monotonic() < deadline:
                    time.sleep(0.02)
                return (BROKEN, {}) if self._killed.is_set() else (200, {"held": True})
            case "/api/v1/analyze":
                return self._analyzed(headers)
            case _:
                return 404, {"detail": "Not Found"}

    def _analyzed(self, headers: Mapping[str, str]) -> tuple[int, Any]:
        keys = [one for one in self._environment.get("API_KEYS", "").split(",") if one]
        given = {name.lower(): value for name, value in headers.items()}.get("x-api-key")
        if keys and given not in keys:
            return 401, {"detail": "A key is needed"}
        return 200, {"decodeStatus": "COMPLETED", "nutrition_info": {}}

    def note(self, request: Handler, status: int, seconds: float) -> None:
        line = {
            "time": datetime.now(UTC).isoformat(),
            "level": "INFO",
            "logger": "decodeat.access",
            "message": "request",
            "release": self.release,
            "request_id": request.headers.get("X-Request-Id", ""),
            "method": request.command,
            "path": urlsplit(request.path).path,
            "status": status,
            "duration_ms": round(seconds * 1000, 1),
        }
        self.container.say(json.dumps(line))

    def signal(self, name: str) -> None:
        if name in {"SIGTERM", "SIGINT", "SIGQUIT"}:
            threading.Thread(target=self._drain, daemon=True).start()

    def _drain(self) -> None:
        """Take no more, answer what is under way, and end."""
        server = self._server
        if server is not None:
            server.shutdown()
            while select.select([server.socket], [], [], 0)[0]:
                server.handle_request()  # what connected before
            self._close(server)
        with self._idle:
            self._idle.wait_for(lambda: self._under_way == 0 or self._killed.is_set())
        if self.behaviour.drained is not None:
            self.behaviour.drained.wait(2 * PATIENCE)
        if not self._killed.is_set():
            self.container.ended(0)

    def _close(self, server: Server) -> None:
        server.server_close()
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()
        self._server = None

    def kill(self) -> None:
        """End at once; the socket's file stays, as it does behind a process that was killed."""
        self._killed.set()
        with self._idle:
            self._idle.notify_all()
        self._cut()
        self.container.ended(137)

    def _cut(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
            server.cut()
