"""Test the real service on a unix socket behind a proxy: who gets in, whom the proxy speaks for, and what is left."""

import os
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from decodeat import healthcheck
from tests.support.waiting import PATIENCE
from tests.unit.decodeat.web import Service, service, through, variables_of_a_child

PATH = "/api/v1/analyze"
REFUSED = {"image_urls": ["http://127.0.0.1/label.png"]}


@pytest.fixture(scope="module")
def path() -> Iterator[Path]:
    """A socket that an earlier service left behind, in a directory whose name is short enough for one."""
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory) / "api.sock"
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(str(place))
        yield place


@pytest.fixture(scope="module")
def running(path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(
        tmp_path_factory.mktemp("service"),
        SOCKET=str(path),
        WORKERS="1",
        DATABASE_URL="none",
        API_RATE_LIMIT="2",
        ALLOWED_HOSTS="api.example.com",
    ) as started:
        yield started
    assert not path.exists(), "it takes its socket with it"


def ask(running: Service, path: Path, *forwarded: str, host: str = "api.example.com") -> list[httpx.Response]:
    """One analysis for each client that the proxy speaks for; for "" it says nothing."""
    with through(str(path)) as client:
        return [
            client.post(
                running.url + PATH, json=REFUSED, headers={"Host": host, **({"X-Forwarded-For": one} if one else {})}
            )
            for one in forwarded
        ]


def test_only_owner_and_group_reach_it(running: Service, path: Path) -> None:
    found = path.stat()
    assert stat.S_ISSOCK(found.st_mode)
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o770, os.geteuid(), os.getegid())


def test_it_listens_nowhere_else(running: Service) -> None:
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{running.url}/health", trust_env=False)


def test_each_client_that_the_proxy_names_has_a_limit_of_its_own(running: Service, path: Path) -> None:
    answers = ask(running, path, *["203.0.113.1"] * 3, "203.0.113.2", "2001:db8::1")
    assert [one.status_code for one in answers] == [200, 200, 429, 200, 200]


def test_a_client_s_request_has_to_name_a_host_that_is_served(running: Service, path: Path) -> None:
    (answer,) = ask(running, path, "203.0.113.3", host="evil.test")
    assert answer.status_code == 400


def test_a_request_that_names_no_client_is_a_probe(running: Service, path: Path) -> None:
    assert [one.status_code for one in ask(running, path, "", "", "", host="localhost")] == [200] * 3
    assert [one.status_code for one in ask(running, path, "", host="evil.test")] == [200]
    with through(str(path)) as client:
        counted = client.get(f"{running.url}/metrics").text
    assert 'by="probe",method="POST",path="/api/v1/analyze",status="200"' in counted
    assert 'by="user",method="POST",path="/api/v1/analyze",status="429"' in counted


def test_https_is_what_the_proxy_says(running: Service, path: Path) -> None:
    with through(str(path)) as client:
        for scheme, secure in (("https", True), ("http", False)):
            answer = client.get(f"{running.url}/health", headers={"X-Forwarded-Proto": scheme})
            assert ("Strict-Transport-Security" in answer.headers) is secure


def test_the_health_check_asks_the_socket(
    running: Service, path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOCKET", str(path))
    monkeypatch.setattr(healthcheck, "_PATIENCE", PATIENCE)
    assert healthcheck.main() == 0
    assert capsys.readouterr().out == "/health answered 200\n"
    monkeypatch.setenv("SOCKET", str(path.parent / "another.sock"))
    assert healthcheck.main() == 1
    assert "No such file" in capsys.readouterr().out


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    place = tmp_path / "notes"
    place.write_text("mine")
    environment = variables_of_a_child(SOCKET=str(place), DATABASE_URL="none", WORKERS="1")
    ended = subprocess.run(
        (sys.executable, "-m", "decodeat"), env=environment, capture_output=True, timeout=PATIENCE, check=False
    )
    assert ended.returncode != 0
    assert b"is not a socket" in ended.stdout + ended.stderr
    assert place.read_text() == "mine"
