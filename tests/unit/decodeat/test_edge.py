"""The real service behind and before proxies: whom it believes, and what it does with clients that play for time."""

import contextlib
import http.client
import json
import re
import resource
import select
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from decodeat import protocol
from decodeat.api import body
from decodeat.worker import DRAIN_IDLE_SECONDS
from tests.support.waiting import PATIENCE as PATIENT
from tests.support.waiting import wait_for
from tests.unit.decodeat.processes import children, resident
from tests.unit.decodeat.web import Service, service

PATH = "/api/v1/analyze"
REFUSED = {"image_urls": ["http://127.0.0.1/label.png"]}
LATE = 60.0  # seconds that a busy machine may take beyond the time that is due


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Believes what 127.0.0.2 says about its clients, and nobody else."""
    with service(
        tmp_path_factory.mktemp("service"),
        WORKERS="1",
        DATABASE_URL="none",
        API_RATE_LIMIT="2",
        FORWARDED_ALLOW_IPS="127.0.0.2",
        ALLOWED_HOSTS="api.example.com",
    ) as started:
        yield started


def ask(running: Service, source: str, forwarded: str, **headers: str) -> httpx.Response:
    """One analysis as `source` (an address of this machine) asks for it."""
    said = {"X-Forwarded-For": forwarded, **{name.replace("_", "-"): value for name, value in headers.items()}}
    with httpx.Client(transport=httpx.HTTPTransport(local_address=source), timeout=PATIENT) as client:
        return client.post(running.url + PATH, json=REFUSED, headers=said)


def statuses(running: Service, source: str, *forwarded: str) -> list[int]:
    return [ask(running, source, one).status_code for one in forwarded]


def test_a_trusted_proxy_names_the_client_who_is_limited(running: Service) -> None:
    assert statuses(running, "127.0.0.2", *["203.0.113.1"] * 3) == [200, 200, 429]
    assert statuses(running, "127.0.0.2", "203.0.113.2", "203.0.113.2, 127.0.0.2") == [200, 200]
    # Whatever the client itself put in front is not what the proxy saw.
    assert statuses(running, "127.0.0.2", "1.2.3.4, 203.0.113.2", "5.6.7.8, 203.0.113.2") == [429, 429]


def test_who_is_no_trusted_proxy_can_t_borrow_an_address(running: Service) -> None:
    assert statuses(running, "127.0.0.3", "198.51.100.1", "198.51.100.2", "198.51.100.3") == [200, 200, 429]


def test_a_customer_s_ipv6_network_is_one_client(running: Service) -> None:
    ours, others = [f"2001:db8:5:6::{n}" for n in range(3)], "2001:db8:5:7::1"
    assert statuses(running, "127.0.0.2", *ours, others) == [200, 200, 429, 200]
    assert statuses(running, "127.0.0.2", f"[{ours[0]}]:4711") == [429]


def test_https_is_what_a_trusted_proxy_says(running: Service) -> None:
    for source, secure in (("127.0.0.2", True), ("127.0.0.3", False)):
        answer = ask(running, source, f"203.0.113.99{source[-1]}", X_Forwarded_Proto="https")
        assert ("Strict-Transport-Security" in answer.headers) is secure


def test_it_does_not_say_what_it_runs_on_and_logs_no_address(running: Service) -> None:
    answer = ask(running, "127.0.0.2", "203.0.113.50")
    assert "Server" not in answer.headers
    text = running.log.read_text()
    assert not re.search(r"203\.0\.113|198\.51\.100|2001:db8|127\.0\.0\.[23]", text)


@contextlib.contextmanager
def connection(running: Service) -> Iterator[socket.socket]:
    host, _, port = running.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), PATIENT) as opened:
        yield opened


def answered(opened: socket.socket) -> tuple[int, bytes, float]:
    """Status (0: closed without a word), everything read until the connection closed, and the seconds it took."""
    began, said = time.monotonic(), b""
    with contextlib.suppress(ConnectionResetError):
        while piece := opened.recv(65536):
            said += piece
    return int(said[9:12] or 0), said, time.monotonic() - began


HEAD = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n".encode()
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def test_a_declared_size_is_refused_before_the_body_comes(running: Service) -> None:
    with connection(running) as opened:
        opened.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: 10000000\r\n\r\n")
        status, said, seconds = answered(opened)
    assert (status, b"100 Continue" in said, b"connection: close" in said.lower()) == (413, False, True)
    assert seconds < body.LINGER_SECONDS + LATE


def test_a_chunked_body_is_refused_while_it_comes(running: Service) -> None:
    with connection(running) as opened:
        opened.sendall(CHUNKED + (b"4000\r\n" + b"x" * 0x4000 + b"\r\n") * 5)
        assert opened.recv(65536).startswith(b"HTTP/1.1 413 "), "not 408: it has not waited for the rest"
        began = time.monotonic()
        # And whoever goes on sending is cut off.
        with pytest.raises(OSError):
            while time.monotonic() - began < PATIENT:
                opened.sendall(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")


def test_an_honest_client_sees_413_however_much_it_sends(running: Service) -> None:
    for size in (70_000, 1_000_000, 20_000_000):
        answer = httpx.post(running.url + PATH, content=b"x" * size, timeout=PATIENT, trust_env=False)
        assert answer.status_code == 413 and answer.json() == {"detail": "The request is too large."}


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (HEAD + b"Content-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (HEAD + b"Content-Length: 10\r\nContent-Length: 11\r\n\r\n", 400),
        (HEAD + b"Content-Length: -1\r\n\r\n", 400),
        (HEAD + b"Content-Length: 1e3\r\n\r\n", 400),
        (HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n", 400),
        (HEAD + b"Transfer-Encoding: gzip\r\n\r\n{}", 400),
        (CHUNKED + b"zz\r\n", 400),
        (CHUNKED + b"ffffffffffffffffff\r\n", 400),
        # More than declared: what follows is no request.
        (HEAD + b'Content-Length: 2\r\nConnection: close\r\n\r\n{}"image_urls": []}', 422),
        (HEAD + b"Content-Length: 2\r\n\r\n{}" + b"x" * 100 + b"\r\n\r\n", 400),
    ],
    ids=str,
)
def test_a_body_that_lies_about_its_size_ends_its_connection(running: Service, sent: bytes, status: int) -> None:
    with connection(running) as opened:
        opened.sendall(sent)
        found, said, _ = answered(opened)
    assert found == status
    assert said.count(b"HTTP/1.1 200") == 0


SLOW = {
    "a slow body": (HEAD + b"Content-Length: 1000\r\n\r\n{", b"x", 408, body.BODY_SECONDS),
    "slow chunks": (CHUNKED, b"1\r\nx\r\n", 408, body.BODY_SECONDS),
    "slow headers": (HEAD, b"X: y\r\n", 0, protocol.HEAD_SECONDS),
    "one slow header": (b"GET /health HTTP/1.1\r\nX: ", b"y", 0, protocol.HEAD_SECONDS),
    "not a word": (b"", b"", 0, protocol.HEAD_SECONDS),
}


def test_clients_that_play_for_time_are_cut_off(running: Service, record_property: Callable[..., None]) -> None:
    """All at once: none of them keeps the others, or an honest client, waiting."""

    def play(name: str) -> tuple[str, int, float]:
        begun, piece, *_ = SLOW[name]
        with connection(running) as opened:
            began = time.monotonic()
            opened.sendall(begun)
            with contextlib.suppress(OSError):
                while not select.select([opened], [], [], 0.5)[0]:
                    opened.sendall(piece)
            status, _, _ = answered(opened)
            return name, status, time.monotonic() - began

    with ThreadPoolExecutor(len(SLOW)) as pool:
        playing = [pool.submit(play, name) for name in SLOW]
        assert httpx.get(f"{running.url}/health", timeout=PATIENT, trust_env=False).status_code == 200
        assert not any(one.done() for one in playing), "the honest client did not wait for the others"
        for name, status, took in (one.result() for one in playing):
            record_property("measured", f"{name}: ended with {status or 'no answer'} after {took:.1f} s")
            assert status == SLOW[name][2]
            assert SLOW[name][3] - 1 < took < SLOW[name][3] + LATE


def test_a_second_slow_request_does_not_cut_off_the_answer_to_the_first(running: Service) -> None:
    with connection(running) as opened:
        opened.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /hea")
        status, said, seconds = answered(opened)
    assert status == 200 and said.endswith(b"}")
    assert protocol.HEAD_SECONDS - 1 < seconds < protocol.HEAD_SECONDS + LATE


def test_a_connection_is_kept_while_the_service_runs_and_not_for_long_when_it_ends(tmp_path: Path) -> None:
    with service(tmp_path, WORKERS="1", DATABASE_URL="none") as running, connection(running) as opened:
        client = http.client.HTTPConnection("localhost", timeout=PATIENT)
        client.sock = opened
        # A proxy may send again after a pause, and must not meet a closed door.
        for idle in (0.0, DRAIN_IDLE_SECONDS + 2):
            time.sleep(idle)
            client.request("GET", "/health")
            answer = client.getresponse()
            assert answer.status == 200 and answer.read() and client.sock is opened
        running.process.terminate()
        status, _, seconds = answered(opened)
        assert status == 0 and DRAIN_IDLE_SECONDS - 1 < seconds < DRAIN_IDLE_SECONDS + LATE
        assert running.process.wait(PATIENT) == 0


@pytest.mark.parametrize(
    ("begun", "piece"),
    [
        (b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: ", b"y" * 10_000),
        (b"GET /health HTTP/1.1\r\nHost: localhost\r\n", b"X: y\r\n" * 2000),
        (b"GET /", b"y" * 10_000),
        (CHUNKED + b"0\r\n", b"X: y\r\n" * 2000),
        (CHUNKED + b"1;", b"y" * 10_000),
    ],
    ids=["a header", "headers", "a path", "trailers", "a chunk's extension"],
)
def test_what_has_no_end_takes_no_memory(running: Service, begun: bytes, piece: bytes) -> None:
    before = _resident(running)
    with connection(running) as opened:
        opened.sendall(begun)
        with contextlib.suppress(OSError):
            for _ in range(5000):
                opened.sendall(piece)
            raise AssertionError("50 MB were taken in")
        status, _, _ = answered(opened)
    assert status in {0, 431}
    assert _resident(running) - before < 8 * 2**20


def _resident(running: Service) -> int:
    """Bytes that the only worker has in memory."""
    (worker,) = children(running.process.pid)
    return resident(worker)


def test_large_headers_within_bounds_are_fine(running: Service) -> None:
    answer = httpx.get(f"{running.url}/health", headers={"Cookie": "c" * 20_000}, timeout=PATIENT, trust_env=False)
    assert answer.status_code == 200


def _head(size: int) -> bytes:
    """Return a request with a head of `size` bytes, unusual only in its size."""
    begun, line = b"GET /health HTTP/1.1\r\nHost: localhost\r\n", b"X: " + b"y" * 95 + b"\r\n"
    rest = size - len(begun) - 2
    return begun + line * (rest // len(line) - 1) + b"Z: " + b"z" * (rest % len(line) + len(line) - 5) + b"\r\n\r\n"


@pytest.mark.parametrize("size", [40_000, 100_000, 500_000])
@pytest.mark.parametrize("before", [b"", b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"], ids=["first", "second"])
def test_headers_beyond_the_bound_are_refused_also_in_one_piece(running: Service, size: int, before: bytes) -> None:
    with connection(running) as opened:
        if before:
            opened.sendall(before)
            _one_answer(opened)
        opened.sendall(_head(size))
        status, said, _ = answered(opened)
    assert (status, b"healthy" in said) == (431, False)


def _one_answer(opened: socket.socket) -> None:
    said = b""
    while b'"healthy"' not in said or not said.endswith(b"}"):
        piece = opened.recv(65536)
        assert piece, said
        said += piece
    assert said.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("size", [1_000, protocol.MOST_AROUND - 200])
def test_headers_up_to_the_bound_are_fine(running: Service, size: int) -> None:
    with connection(running) as opened:
        for _ in range(2):
            opened.sendall(_head(size))
            _one_answer(opened)


HANDLES, CROWD = 400, 1200


@pytest.fixture
def crowded(tmp_path: Path) -> Iterator[Service]:
    """Run a service with few file handles, and give this process enough to take them all beside those it has."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = CROWD + len(list(Path("/proc/self/fd").iterdir())) + 500
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, enough)), hard))
        with service(tmp_path, handles=HANDLES, WORKERS="1", DATABASE_URL="none") as started:
            yield started
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("says", [b"", b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /health HT"])
def test_a_crowd_that_asks_nothing_does_not_keep_a_probe_out(crowded: Service, says: bytes) -> None:
    """Open many times more connections than there are handles; those idle for longest are closed."""
    host, _, port = crowded.url.removeprefix("http://").partition(":")
    with contextlib.ExitStack() as crowd:
        opened = []
        for _ in range(CROWD):
            one = crowd.enter_context(socket.create_connection((host, int(port)), PATIENT))
            if says:
                with contextlib.suppress(OSError):
                    one.sendall(says)
            opened.append(one)
        for path in ("/health", "/ready", "/metrics"):
            assert httpx.get(crowded.url + path, timeout=PATIENT, trust_env=False).status_code == 200
        (worker,) = children(crowded.process.pid)
        assert len(list(Path(f"/proc/{worker}/fd").iterdir())) < HANDLES - 50, "there is room for all else"
        # The last connection is still open: it can have an answer to read, but no end.
        last = opened[-1]
        last.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            assert last.recv(65536) != b""
    with crowded.log.open() as log:
        assert not any('"level": "ERROR"' in line or "Too many open files" in line for line in log)


def test_where_everybody_is_busy_a_probe_still_gets_in(crowded: Service) -> None:
    """Keep more requests under way than a worker has connections; each waits for a body that is never complete."""
    host, _, port = crowded.url.removeprefix("http://").partition(":")
    with contextlib.ExitStack() as crowd:
        for _ in range(HANDLES - protocol.RESERVED + protocol.EXTRA_CONNECTIONS // 2):
            one = crowd.enter_context(socket.create_connection((host, int(port)), PATIENT))
            one.sendall(HEAD + b"Content-Length: 100\r\n\r\n{")
        assert httpx.get(f"{crowded.url}/health", timeout=PATIENT, trust_env=False).status_code == 200


def test_there_are_no_websockets(running: Service) -> None:
    ask_for_one = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "x", "Host": "evil.test"}
    answer = httpx.get(f"{running.url}/metrics", headers=ask_for_one, timeout=PATIENT, trust_env=False)
    assert answer.status_code == 400, "what asks for one is a request like any other"


def test_a_client_that_leaves_is_no_error(running: Service) -> None:
    with connection(running) as opened:
        opened.sendall(HEAD + b"X-Request-Id: left-early\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n")
        assert opened.recv(100).startswith(b"HTTP/1.1 100"), "the service waits for the body by now"
        opened.sendall(b"{")
    (line,) = _logged(running, "left-early")
    assert (line["status"], line["level"]) == (499, "INFO")


def _logged(running: Service, request: str) -> list[dict[str, Any]]:
    def found() -> list[dict[str, Any]]:
        return [json.loads(line) for line in running.log.read_text().splitlines() if request in line]

    wait_for(found, otherwise="nothing was logged")
    return found()
