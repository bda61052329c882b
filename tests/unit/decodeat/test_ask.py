"""Test what asks the service from inside its container: requests and answers as lines of JSON, bounded in every way."""

import base64
import contextlib
import io
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from decodeat import ask
from tests.support.ports import free_port
from tests.support.waiting import PATIENCE
from tests.unit.decodeat.web import ROOT, Web, silent, web


def asked(site: Web, path: str = "/", **more: object) -> dict[str, Any]:
    where = urlsplit(site.origin)
    request = {"host": where.hostname, "port": where.port, "path": path, "timeout": PATIENCE, **more}
    return ask.answer(json.dumps(request).encode())


def body_of(answer: Mapping[str, Any]) -> bytes:
    return base64.b64decode(answer["body"])


def test_an_answer_has_status_headers_and_body(site: Web) -> None:
    site.serve("/health?x=1", b"\x00\xff", 503, X_Release_Id="r1", Retry_After="7")
    site.routes["/health"] = site.routes.pop("/health?x=1")
    found = asked(site, "/health?x=1")
    assert (found["status"], body_of(found)) == (503, b"\x00\xff")
    assert (found["headers"]["x-release-id"], found["headers"]["retry-after"]) == ("r1", "7")
    assert 0 <= found["seconds"] < PATIENCE
    assert site.asked[-1][0] == "/health?x=1"


def test_the_name_is_the_host_unless_a_header_says_otherwise(site: Web) -> None:
    site.serve("/", b"")
    asked(site)
    asked(site, name="api.example.com")
    asked(site, name="api.example.com", headers={"host": "other.example.com", "X-API-Key": "k"})
    hosts = [{name.lower(): value for name, value in headers.items()} for _, headers in site.asked]
    assert [one["host"] for one in hosts] == ["127.0.0.1", "api.example.com", "other.example.com"]
    assert hosts[-1]["x-api-key"] == "k"


def _echo(handler: BaseHTTPRequestHandler) -> None:
    content = handler.rfile.read(int(handler.headers["Content-Length"]))
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


def test_a_body_is_sent_as_it_is(site: Web) -> None:
    site.routes["/"] = _echo
    found = asked(site, body=base64.b64encode(b"\x00{}").decode(), headers={"Content-Type": "application/json"})
    assert body_of(found) == b"\x00{}"


def certificate(directory: Path) -> ssl.SSLContext:
    argv = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=other.test"
    subprocess.run((*argv.split(), "-keyout", "key", "-out", "crt"), cwd=directory, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "crt", directory / "key")
    return context


def test_over_tls_the_name_is_asked_for_and_any_certificate_is_taken(tmp_path: Path) -> None:
    context, names = certificate(tmp_path), []
    context.sni_callback = lambda _, name, __: names.append(name)
    with web(tls=context) as site:
        site.serve("/", b"over TLS")
        assert body_of(asked(site, tls=True, name="api.example.com")) == b"over TLS"
        assert body_of(asked(site, tls=True)) == b"over TLS"
        assert names == ["api.example.com", None]
        assert "error" in asked(site)  # without TLS nobody answers


@contextlib.contextmanager
def at_a_socket(path: Path, said: bytes) -> Iterator[None]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def answer() -> None:
            opened, _ = listener.accept()
            with opened:
                opened.recv(65536)
                opened.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        yield
        thread.join(PATIENCE)


def test_a_unix_socket_is_asked_by_its_path(tmp_path: Path) -> None:
    with at_a_socket(tmp_path / "s", b"HTTP/1.1 200 OK\r\nX-Release-Id: r1\r\nContent-Length: 2\r\n\r\nok"):
        found = ask.answer(json.dumps({"unix": str(tmp_path / "s"), "path": "/ready"}).encode())
    assert (found["status"], found["headers"]["x-release-id"], body_of(found)) == (200, "r1", b"ok")


def test_an_answer_to_a_request_that_was_not_read_to_its_end_counts(tmp_path: Path) -> None:
    body = base64.b64encode(b"x" * 700_000).decode()  # more than lies in a socket
    with at_a_socket(tmp_path / "s", b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno"):
        found = ask.answer(json.dumps({"unix": str(tmp_path / "s"), "path": "/", "body": body}).encode())
    assert (found["status"], body_of(found)) == (500, b"no")


def test_an_answer_that_breaks_off_is_an_error(tmp_path: Path) -> None:
    with at_a_socket(tmp_path / "s", b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nok"):
        found = ask.answer(json.dumps({"unix": str(tmp_path / "s"), "path": "/"}).encode())
    assert "IncompleteRead" in found["error"]


def _drip(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b"x")
        time.sleep(0.05)


@pytest.mark.parametrize("route", [silent, _drip])
def test_an_answer_has_to_be_whole_in_time(site: Web, route: Callable[[BaseHTTPRequestHandler], None]) -> None:
    site.routes["/"] = route
    found = asked(site, timeout=0.5)  # never comes
    assert found["error"] == "timed out"
    assert 0.4 < found["seconds"] < PATIENCE


def test_an_answer_may_not_be_endless(site: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask, "MOST_ANSWERED", 10)
    site.serve("/", b"x" * 11)
    assert asked(site)["error"] == "the answer is larger than 10 bytes"
    site.serve("/", b"x" * 10)
    assert asked(site)["status"] == 200


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"", "Expecting value"),
        (b"[]", "not a JSON object"),
        (b'{"path": "/", "headers": []}', "headers"),
        (b'{"unix": "/nowhere/s"}', "'path' is missing"),
        (b'{"path": "/"}', "'host' is missing"),
        (b'{"unix": "/nowhere/s", "path": "/"}', "No such file"),
        (b'{"unix": "/nowhere/s", "path": "/a b"}', "control characters"),
        (b'{"unix": "/nowhere/s", "path": "/", "headers": {"X": "a\\r\\nY: b"}}', "Invalid header"),
        (b'{"unix": "/nowhere/s", "path": "/", "body": "?"}', "base64"),
        (b'{"unix": "/nowhere/s", "path": "/", "timeout": "long"}', "float"),
        (b"[" * 100_000, ""),
    ],
)
def test_what_can_t_be_asked_is_told(line: bytes, says: str) -> None:
    assert says.lower() in ask.answer(line)["error"].lower()


def test_nobody_there_is_told() -> None:
    found = ask.answer(json.dumps({"host": "127.0.0.1", "port": free_port(), "path": "/"}).encode())
    assert "refused" in found["error"]


def test_a_line_without_end_is_refused_and_is_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask, "MOST_ASKED", 100)
    answers = io.StringIO()
    assert ask.main(io.BytesIO(b"x" * 500 + b"\n{}\n"), answers) == 1
    (line,) = answers.getvalue().splitlines()
    assert json.loads(line)["error"] == "the request is longer than 100 bytes"


def test_it_answers_line_by_line_and_ends_with_its_input(site: Web) -> None:
    site.serve("/", b"ok")
    where = urlsplit(site.origin)
    line = json.dumps({"host": where.hostname, "port": where.port, "path": "/", "timeout": PATIENCE}).encode() + b"\n"
    argv = (sys.executable, "-m", "decodeat.ask")
    with subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        for sent, expected in ((line, 200), (b"what?\n", None), (line, 200)):
            process.stdin.write(sent)
            process.stdin.flush()
            assert json.loads(process.stdout.readline()).get("status") == expected
        process.stdin.close()
        assert process.wait(PATIENCE) == 0


def test_it_needs_the_standard_library_alone() -> None:
    code = "import sys, decodeat.ask; print([m for m in sys.modules if m.partition('.')[0] in ('httpx', 'pydantic')])"
    found = subprocess.run((sys.executable, "-c", code), cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
