"""Answer calls to AWS over HTTP, as a test says: refusals, throttling, a connection that breaks, silence."""

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.adapters.aws import Sdk


@dataclass(frozen=True)
class Told:
    """What the server answers: a status and a body; `cut` after it said that more would come; `hang` for ever."""

    status: int = 200
    body: str = "{}"
    cut: bool = False
    hang: bool = False


def refusal(code: str, message: str = "No.", status: int = 400) -> Told:
    return Told(status, json.dumps({"__type": code, "message": message}))


def answer(**content: Any) -> Told:
    return Told(200, json.dumps(content))


@dataclass
class Server:
    """Answer in turn, the last answer again and again, and keep what was asked."""

    url: str = ""
    answers: list[Told] = field(default_factory=lambda: [answer()])
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def next(self) -> Told:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            server.asked.append((self.headers.get("X-Amz-Target", ""), body, dict(self.headers)))
            told = server.next()
            if told.hang:
                server.over.wait(60)
                return
            self.send_response(told.status)
            self.send_header("Content-Length", str(len(told.body) + (10 if told.cut else 0)))
            self.end_headers()
            self.wfile.write(told.body.encode())
            if told.cut:
                self.wfile.flush()
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    return Handler


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    listening = ThreadingHTTPServer(("127.0.0.1", 0), _handler(made))
    made.url = f"http://127.0.0.1:{listening.server_port}"
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    yield made
    made.over.set()
    listening.shutdown()
    listening.server_close()
    thread.join(60)


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Have keys in the environment, no other configuration, and two attempts for each call."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    values = {"ACCESS_KEY_ID": "AKIDOFUSER", "SECRET_ACCESS_KEY": "s", "MAX_ATTEMPTS": "2"}
    values |= {"EC2_METADATA_DISABLED": "true", "CONFIG_FILE": str(tmp_path / "config")}
    values |= {"SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials")}
    for name, value in values.items():
        monkeypatch.setenv(f"AWS_{name}", value)


@pytest.fixture
def sdk(server: Server, operator: None) -> Sdk:
    return Sdk("", "eu-central-1", "", server.url)
