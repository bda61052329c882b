"""A picture host on this machine, well-behaved or not, and the service as a real process."""

import contextlib
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from tests.support.ports import free_port
from tests.support.serving import serving
from tests.support.waiting import PATIENCE

ROOT = Path(__file__).parents[3]
# For every thread. Making a client reads all certificates that there are; this one keeps no connection, so that each
# question comes over one of its own, as if it were asked by another client.
CLIENT = httpx.Client(trust_env=False, timeout=2 * PATIENCE, limits=httpx.Limits(max_keepalive_connections=0))
Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Web:
    """`routes` maps paths to what answers them; `asked` are the requests seen, as (path, headers)."""

    origin: str
    routes: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def serve(self, path: str, body: bytes, status: int = 200, **headers: str) -> str:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)

        self.routes[path] = answer
        return self.origin + path


def silent(handler: BaseHTTPRequestHandler) -> None:
    """Say nothing until the other side gives up."""
    handler.rfile.read(1)


@contextlib.contextmanager
def web(tls: ssl.SSLContext | None = None, address: str = "127.0.0.1") -> Iterator[Web]:
    class Routed(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            site.asked.append((self.path, dict(self.headers)))
            answer = site.routes.get(self.path.partition("?")[0])
            if answer is None:
                self.send_error(404)
            else:
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    answer(self)

        def log_message(self, format: str, *args: Any) -> None:
            """Tests look at `asked` instead."""

    server = ThreadingHTTPServer((address, 0), Routed)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    site = Web(f"{'https' if tls else 'http'}://{address}:{server.server_port}")
    with serving(server):
        yield site


def variables_of_a_child(**variables: str) -> dict[str, str]:
    """Return all that a program of the service has in its environment; in the proof, what measures it too."""
    measured = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **measured, **variables}


def through(path: str) -> httpx.Client:
    """Return a client that asks at a unix socket, each time over a connection of its own."""
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(transport=httpx.HTTPTransport(uds=path, limits=limits), trust_env=False, timeout=2 * PATIENCE)


@dataclass
class Service:
    """A running service and what it wrote."""

    url: str
    log: Path
    process: subprocess.Popen[bytes]


@contextlib.contextmanager
def service(directory: Path, patience: float = PATIENCE, *, handles: int = 0, **variables: str) -> Iterator[Service]:
    """`python -m decodeat` with these variables on a free port, or on SOCKET, ready when the block begins.

    With `handles` it may have so many files open, whatever this process may and has.
    """
    port, log = free_port(), directory / "service.log"
    given = {"HOST": "127.0.0.1", "PORT": str(port), "WORKERS": "2", **variables}
    environment = variables_of_a_child(**given)
    with log.open("wb") as output:
        limited = ("sh", "-c", f'ulimit -S -n {handles} && exec "$0" "$@"') if handles else ()
        argv = (*limited, sys.executable, "-m", "decodeat")
        process = subprocess.Popen(argv, env=environment, cwd=directory, stdout=output, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process, log, patience, variables.get("SOCKET"))
        yield Service(url, log, process)
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path, patience: float, path: str | None) -> None:
    client = through(path) if path else CLIENT
    deadline, seen = time.monotonic() + patience, ""
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            answer = client.get(f"{url}/ready", timeout=PATIENCE)
            if answer.status_code == 200:
                return
            seen = answer.text
        time.sleep(0.1)
    raise AssertionError(f"the service did not become ready: {seen}\n{log.read_text()}")
