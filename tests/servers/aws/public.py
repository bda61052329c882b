"""Answer at a service's public address as the tasks would that run: /health, /ready, /metrics, and 503 without any."""

import contextlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.servers.aws.ecs import launching
from tests.servers.aws.ecs.behaviour import release
from tests.servers.aws.ecs.traffic import Traffic
from tests.servers.aws.fake import Aws
from tests.support.serving import serving


class Public:
    """Serve one service of the fake; `url` is its address."""

    def __init__(self, fake: Aws, service: str) -> None:
        self.fake = fake
        self.service = service
        self.traffic = Traffic()
        self.url = ""
        self.requests = 0

    def answer(self, path: str, request: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body as the task answers that has its turn."""
        with self.fake.lock:
            self.requests += 1
            task = self.traffic.target(self.fake, self.service)
            behaviour = self.fake.ecs.behaves(task.definition.document) if task else None
            if task is None or behaviour is None or behaviour.silent:
                return 503, {}, b"<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>"
            name = behaviour.reports or release(task.definition.document)
            launching.say(self.fake, task, json.dumps({"request_id": request, "path": path, "release": name}))
            return self._told(path, name)

    def _told(self, path: str, name: str) -> tuple[int, dict[str, str], bytes]:
        headers = {"X-Release-Id": name, "Content-Type": "application/json"}
        match path.partition("?")[0]:
            case "/health":
                return 200, headers, json.dumps({"status": "healthy", "release": name}).encode()
            case "/ready":
                return 200, headers, json.dumps({"ready": True, "release": name, "checks": {}}).encode()
            case "/metrics":
                text = f'api_requests_total{{path="/health",status="200"}} {self.requests}.0\n'
                text += f'decodeat_release_info{{release="{name}",version="1"}} 1.0\n'
                return 200, headers | {"Content-Type": "text/plain"}, text.encode()
        return 404, headers, b'{"detail": "Not Found"}'


@contextlib.contextmanager
def public(fake: Aws, service: str) -> Iterator[Public]:
    """Serve the public address of a service until the block ends."""
    side = Public(fake, service)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = side.answer(self.path, self.headers.get("X-Request-Id", ""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(BrokenPipeError):
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    side.url = f"http://127.0.0.1:{server.server_port}"
    with serving(server):
        yield side
