"""A real nginx while releases change behind it: nothing is lost at a switch, and clients hear when there is none."""

import contextlib
import itertools
import json
import ssl
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from decodeat import ask
from decodeat_ops.targets.vm import documents
from tests.servers.vm_edge import DOMAIN, Edge, command, place, running
from tests.support.vm_settings import vm_settings
from tests.support.waiting import PATIENCE, wait_for
from tests.unit.decodeat.web import service

SWITCHES = 20
AWAY = {"detail": "The service is away for a while. Please try again later."}


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    with place() as made:
        made.write(documents.files(vm_settings(tmp_path)))
        with running(made):
            yield made


class Clients:
    """Ask all the time, some over a connection each, some over one that is kept; count what came."""

    def __init__(self, edge: Edge, *paths: str) -> None:
        self.came: Counter[str] = Counter()
        self._edge = edge
        self._stop = threading.Event()
        jobs = itertools.product(paths, (0, 1))
        self._threads = [threading.Thread(target=self._ask, args=job, daemon=True) for job in jobs]

    def _ask(self, path: str, kept: int) -> None:
        limits = httpx.Limits(max_keepalive_connections=kept)
        with httpx.Client(verify=False, trust_env=False, timeout=PATIENCE, limits=limits) as client:
            url, named = f"https://127.0.0.1:{self._edge.secure}{path}", {"sni_hostname": DOMAIN}
            while not self._stop.is_set():
                try:
                    answer = client.post(url, content=b"{}", headers={"Host": DOMAIN}, extensions=named)
                    self.came[f"{answer.status_code} {answer.headers.get('X-Release-Id')}"] += 1
                except httpx.HTTPError as error:
                    self.came[repr(error)] += 1

    def __enter__(self) -> "Clients":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE)


def test_no_request_is_lost_when_the_link_is_renamed(edge: Edge) -> None:
    with edge.release("blue", "r1"), edge.release("green", "r2"):
        edge.activate("blue")
        with Clients(edge, "/", "/slow") as clients:
            for colour, name in itertools.islice(itertools.cycle((("green", "r2"), ("blue", "r1"))), SWITCHES):
                edge.activate(colour)
                assert edge.ask("/").one("X-Release-Id") == name, "the next request already"
                seen = clients.came[f"200 {name}"]
                wait_for(lambda: clients.came[f"200 {name}"] > seen, otherwise=lambda: str(clients.came))  # noqa: B023
    assert set(clients.came) == {"200 r1", "200 r2"}, clients.came


def test_a_reload_is_complete_when_it_answers_with_the_new_files(edge: Edge, tmp_path: Path) -> None:
    with edge.release("blue", "r1"):
        edge.activate("blue")
        before = edge.runs_with()
        assert edge.ask("/docs").status == 404
        name = edge.write(documents.files(vm_settings(tmp_path, "docs_public = true\n")))
        assert edge.runs_with() == before != name, "not before it is told to"
        subprocess.run(command(edge.root, "-s", "reload"), check=True, capture_output=True)
        wait_for(lambda: edge.runs_with() == name)
        wait_for(lambda: edge.ask("/docs").status == 200)
        assert edge.ask("/openapi.json").status == 200


def test_files_that_do_not_test_change_nothing(edge: Edge) -> None:
    with edge.release("blue", "r1"):
        edge.activate("blue")
        wrong = edge.root / "edge" / "wrong"
        wrong.mkdir()
        (wrong / "nginx.conf").write_text("http { ssl_ciphers ECDHE-RSA-AES256-GCM-SHA512; server { listen 1 ssl; } }")
        edge.lead(edge.root / "edge" / "current", "wrong")
        assert subprocess.run(command(edge.root, "-t"), capture_output=True, check=False).returncode == 1
        assert edge.ask("/").status == 200


def test_without_a_release_clients_are_asked_to_come_again(edge: Edge) -> None:
    answer = edge.ask("/")
    assert (answer.status, answer.told, answer.one("Retry-After")) == (503, AWAY, "30")
    edge.activate("green")
    answer = edge.ask("/")
    assert (answer.status, answer.one("Retry-After")) == (502, "30"), "the link is there, and nobody listens"
    with edge.release("green", "r2"):
        assert edge.ask("/").status == 200


def test_maintenance_is_for_clients_and_not_for_those_who_watch(edge: Edge) -> None:
    with edge.release("blue", "r1"):
        edge.activate("blue")
        (edge.run / "maintenance").touch()
        answers = [edge.ask(path, method="POST") for path in ("/", "/api/v1/analyze", "/anything")]
        assert [(one.status, one.told, one.one("Retry-After")) for one in answers] == [(503, AWAY, "30")] * 3
        assert [edge.ask(path).status for path in ("/health", "/ready")] == [200, 200]
        assert edge.ask("/health").one("X-Release-Id") == "r1", "so that a release can be confirmed meanwhile"
        (edge.run / "maintenance").unlink()
        assert edge.ask("/").status == 200


def test_another_certificate_is_served_after_a_reload(edge: Edge) -> None:
    def served() -> bytes:
        with contextlib.closing(edge.connect()) as connection:
            assert isinstance(connection.sock, ssl.SSLSocket)
            return connection.sock.getpeercert(True) or b""

    before = served()
    second = edge.root / "certificates" / "second"
    second.mkdir()
    argv = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=second"
    made = ("-keyout", "privkey.pem", "-out", "fullchain.pem")
    subprocess.run((*argv.split(), *made), cwd=second, check=True, capture_output=True)
    (second / "privkey.pem").chmod(0o644)
    edge.lead(edge.root / "certificates" / "live", "second")
    assert served() == before
    subprocess.run(command(edge.root, "-s", "reload"), check=True, capture_output=True)
    wait_for(lambda: served() != before)


def test_a_release_is_confirmed_through_nginx_by_what_every_image_has(edge: Edge) -> None:
    asked = {"host": "127.0.0.1", "port": edge.secure, "tls": True, "name": DOMAIN, "path": "/health"}
    with edge.release("blue", "r1"):
        edge.activate("blue")
        answer = ask.answer(json.dumps({**asked, "timeout": PATIENCE}).encode())
        assert (answer["status"], answer["headers"]["x-release-id"]) == (200, "r1")
        assert "error" in ask.answer(json.dumps({**asked, "name": "evil.test"}).encode())


def test_the_real_service_stands_behind_it(edge: Edge, tmp_path: Path) -> None:
    """Limited by the address that nginx saw, with each header once, and its own answers unchanged."""
    path = edge.run / "blue" / "api.sock"
    with service(tmp_path, SOCKET=str(path), WORKERS="1", DATABASE_URL="none", API_RATE_LIMIT="2", RELEASE_ID="r7"):
        path.chmod(0o777)  # its group is not nginx's here
        edge.activate("blue")
        answer = edge.ask("/health")
        assert (answer.status, answer.one("X-Release-Id")) == (200, "r7")
        for name in ("X-Frame-Options", "Cache-Control", "Strict-Transport-Security", "Content-Security-Policy"):
            assert len(answer.all(name)) == 1, name
        asked = [
            edge.ask("/api/v1/analyze", method="POST", body=b"{}", headers={"X-Forwarded-For": f"203.0.113.{n}"})
            for n in range(3)
        ]
        assert [one.status for one in asked] == [422, 422, 429]
        assert edge.ask("/nothing").told == {"detail": "Not Found"}
