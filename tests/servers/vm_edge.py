"""A real nginx with rendered files, and releases on unix sockets behind it that tell what they were asked."""

import contextlib
import json
import os
import shutil
import socket
import socketserver
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from decodeat_ops.targets.vm.documents import NGINX, generation
from decodeat_ops.targets.vm.documents.paths import ACME, CERTIFICATES, GENERATION_PORT, RUN
from decodeat_ops.targets.vm.names import EDGE_USER, GROUP
from tests.support.ports import free_port
from tests.support.serving import serving
from tests.support.waiting import PATIENCE, wait_for

DOMAIN = "api.example.com"
OWN = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cache-Control": "no-store"}


class _Release(BaseHTTPRequestHandler):
    """Answer with what was asked, and with headers such as the service's own."""

    protocol_version = "HTTP/1.1"
    id = ""

    def do_GET(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith("/slow"):
            time.sleep(0.2)
        if self.path.startswith("/dies"):
            self.close_connection = True
            return
        asked = {"path": self.path, "headers": [[n, v] for n, v in self.headers.items()], "length": len(content)}
        body = json.dumps(asked).encode()
        self.send_response(int(self.path.partition("?status=")[2] or 200))
        headers = {**OWN, "X-Release-Id": self.id, "X-Request-Id": self.headers.get("X-Request-ID", "")}
        for name, value in {**headers, "Content-Length": str(len(body)), "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def address_string(self) -> str:
        return "nginx"

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


class _Listening(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 256


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def told(self) -> Any:
        return json.loads(self.body)

    def all(self, name: str) -> list[str]:
        return [value for known, value in self.headers if known.lower() == name.lower()]

    def one(self, name: str) -> str:
        (value,) = self.all(name)
        return value


@dataclass
class Edge:
    """nginx in a directory laid out as on a machine; `plain`, `secure` and `private` are its ports here."""

    root: Path
    plain: int = field(default_factory=free_port)
    secure: int = field(default_factory=free_port)
    private: int = field(default_factory=free_port)

    @property
    def run(self) -> Path:
        return self.root / "run"

    def logged(self, request: str) -> dict[str, Any]:
        """Return the line of a request's id, which comes a moment after its answer."""
        lines: list[dict[str, Any]] = []

        def is_there() -> bool:
            text = (self.root / "access.log").read_text()
            lines[:] = [one for one in map(json.loads, text.splitlines()) if one["request_id"] == request]
            return bool(lines)

        wait_for(is_there, otherwise=f"{request} is not logged")
        return lines[0]

    def write(self, files: Mapping[str, str]) -> str:
        """Write a generation of nginx's files, with the paths and ports of this place, and lead `current` to it."""
        name = generation(files)
        place = self.root / "edge" / name
        place.mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            if path.startswith(NGINX):
                (place / path.removeprefix(NGINX)).write_text(self._here(text))
        self.lead(self.root / "edge" / "current", name)
        return name

    def _here(self, text: str) -> str:
        changes = {
            " /tmp/": f" {self.root}/tmp/",  # first: the others' values may begin with it
            RUN: str(self.run),
            CERTIFICATES: str(self.root / "certificates"),
            ACME: str(self.root / "acme"),
            "/dev/stdout": str(self.root / "access.log"),
            f"listen {GENERATION_PORT}": f"listen 127.0.0.1:{self.private}",
            "listen 80": f"listen 127.0.0.1:{self.plain}",
            "listen 443": f"listen 127.0.0.1:{self.secure}",
        }
        for old, new in changes.items():
            text = text.replace(old, new)
        return text

    @staticmethod
    def lead(link: Path, to: str) -> None:
        """Make a link lead somewhere else, at once."""
        new = link.with_name(f"{link.name}.new")
        new.symlink_to(to)
        new.rename(link)

    def activate(self, colour: str) -> None:
        self.lead(self.run / "active", colour)

    @contextlib.contextmanager
    def release(self, colour: str, name: str) -> Iterator[None]:
        """Serve as a release on a colour's socket."""
        path = self.run / colour / "api.sock"
        path.unlink(missing_ok=True)
        server = _Listening(str(path), type("Release", (_Release,), {"id": name}))
        path.chmod(0o770)
        os.chown(path, -1, self.run.stat().st_gid)
        with serving(server):
            yield
        path.unlink()

    def connect(self, name: str = DOMAIN, *, tls: bool = True, keep: bool = False) -> HTTPConnection:
        """Return a connection over TLS that asks for a name, or a plain one."""
        connection = HTTPConnection("127.0.0.1", self.secure if tls else self.plain, timeout=PATIENCE)
        connection.connect()
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            connection.sock = context.wrap_socket(connection.sock, server_hostname=name or None)
        if not keep:
            connection.auto_open = 0
        return connection

    def ask(self, path: str, *, method: str = "GET", host: str = DOMAIN, tls: bool = True, **more: Any) -> Answer:
        """One request over a connection of its own; `headers` and `body` may be given."""
        connection = self.connect(more.get("sni", host), tls=tls)
        with contextlib.closing(connection):
            headers = {"Host": host, **more.get("headers", {})}
            connection.request(method, path, body=more.get("body"), headers=headers)
            found = connection.getresponse()
            return Answer(found.status, found.getheaders(), found.read())

    def say(self, sent: bytes, *, tls: bool = True) -> bytes:
        """Send bytes as they are, and return all that comes until the connection is closed."""
        connection = self.connect(tls=tls)
        with contextlib.closing(connection):
            connection.sock.sendall(sent)
            said = b""
            with contextlib.suppress(ConnectionResetError):
                while piece := connection.sock.recv(65536):
                    said += piece
            return said

    def runs_with(self) -> str:
        """Return the generation that nginx says it runs with."""
        connection = HTTPConnection("127.0.0.1", self.private, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request("GET", "/generation")
            return connection.getresponse().read().decode()


def command(root: Path, *more: str) -> tuple[str, ...]:
    """Return how nginx is run: as on a machine by its own user, where this process may become another."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or "nginx"
    itself = (program, "-p", str(root), "-c", str(root / "edge" / "current" / "nginx.conf"), *more)
    if os.geteuid():
        return itself
    return ("setpriv", f"--reuid={EDGE_USER}", f"--regid={GROUP}", "--clear-groups", *itself)


@contextlib.contextmanager
def place() -> Iterator[Edge]:
    """Lay out a directory as on a machine, with a certificate of our own, for nginx's user to read."""
    root = Path(tempfile.mkdtemp(prefix="edge-"))
    try:
        root.chmod(0o755)
        for name in ("run/blue", "run/green", "certificates/first", "acme", "tmp", "edge"):
            (root / name).mkdir(parents=True)
        argv = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost"
        made = ("-keyout", "privkey.pem", "-out", "fullchain.pem")
        subprocess.run((*argv.split(), *made), cwd=root / "certificates" / "first", check=True, capture_output=True)
        (root / "certificates" / "live").symlink_to("first")
        if os.geteuid() == 0:
            for path in (root / "tmp", root / "certificates" / "first" / "privkey.pem"):
                os.chown(path, EDGE_USER, GROUP)
            for path in (root / "run", root / "run/blue", root / "run/green"):
                os.chown(path, 0, GROUP)
                path.chmod(0o2750)
            (root / "access.log").touch()
            os.chown(root / "access.log", EDGE_USER, GROUP)
        yield Edge(root)
    finally:
        shutil.rmtree(root)


@contextlib.contextmanager
def running(edge: Edge) -> Iterator[subprocess.Popen[bytes]]:
    """Run nginx until the block ends."""
    with (edge.root / "error.log").open("wb") as errors:
        process = subprocess.Popen(command(edge.root), stderr=errors, stdout=errors)
    try:
        wait_for(lambda: process.poll() is not None or _listens(edge.private), otherwise="nginx does not listen")
        assert process.poll() is None, (edge.root / "error.log").read_text()
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
