"""Test how answers of pip-audit and its database about the locked packages are judged."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.audit import ENVIRONMENTS, VULNERABLE, Audit, audit
from tests.servers import osv
from tests.support.ports import free_port

DATA = {VULNERABLE: ("PYSEC-2018-66",)}
REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture
def locks(tmp_path: Path) -> tuple[Path, ...]:
    """Make two lock files with one package in both, and one that this Python does not install."""
    hashed = " --hash=sha256:" + "1" * 64 + "\n"
    first, second = tmp_path / "first.txt", tmp_path / "second.txt"
    first.write_text(f"aaa==1.0{hashed}bbb==2.5.1{hashed}")
    second.write_text(f"bbb==2.5.1{hashed}ccc==3{hashed}old==1 ; python_version < '3'{hashed}")
    return first, second


@pytest.fixture(autouse=True)
def _without_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def ask(database: str, locks: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch, limit: float = 60) -> Audit:
    monkeypatch.setenv("PIP_AUDIT_OSV_URL", database)
    return audit((locks,), limit)


def test_packages_without_vulnerability_are_clean_and_counted(
    locks: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    with osv.serve(DATA) as database:
        said = ask(database.url, locks, monkeypatch)
    assert said == Audit("clean", 3)
    assert sorted(database.asked) == [("aaa", "1.0"), ("bbb", "2.5.1"), ("ccc", "3"), VULNERABLE]
    assert said.as_record() == {"status": "clean", "packages": 3, "findings": []}


@pytest.mark.parametrize("known", [DATA, {}], ids=["whole database", "this one alone"])
def test_a_vulnerability_is_a_finding(
    known: dict[tuple[str, str], tuple[str, ...]], locks: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    with osv.serve(known | {("bbb", "2.5.1"): ("PYSEC-1", "PYSEC-2")}) as database:
        said = ask(database.url, locks, monkeypatch)
    assert (said.status, said.packages) == ("findings", 3)
    assert [(found["name"], found["version"], found["id"]) for found in said.findings] == [
        ("bbb", "2.5.1", "PYSEC-1"),
        ("bbb", "2.5.1", "PYSEC-2"),
    ]
    assert "VULNERABLE bbb 2.5.1: PYSEC-1, mended in 99.1" in str(said).splitlines()


@pytest.mark.parametrize(("known", "status"), [({}, 200), (DATA, 404), (DATA, 503)])
def test_a_database_without_data_or_in_trouble_is_unknown(
    known: dict[tuple[str, str], tuple[str, ...]],
    status: int,
    locks: tuple[Path, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with osv.serve(known, status) as database:
        said = ask(database.url, locks, monkeypatch)
    assert (said.status, said.packages, said.findings) == ("unknown", 0, ())
    assert said.reason
    assert "unknown, not clean" in str(said)


def test_no_connection_is_unknown(locks: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    said = ask(f"http://127.0.0.1:{free_port()}/v1/query", locks, monkeypatch)
    assert (said.status, said.packages) == ("unknown", 0)


@pytest.fixture
def silent() -> Iterator[str]:
    """Run a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/v1/query"


def test_no_answer_in_time_is_unknown(silent: str, locks: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    said = ask(silent, locks, monkeypatch, limit=3)
    assert (said.status, said.reason) == ("unknown", "No answer within 3 s.")


@pytest.mark.parametrize("lock", ["nothing==1\n", "not a requirement !\n", None], ids=["no hash", "damaged", "missing"])
def test_a_lock_that_cannot_be_asked_about_is_unknown(
    lock: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "lock.txt"
    if lock:
        file.write_text(lock)
    with osv.serve(DATA) as database:
        said = ask(database.url, (file,), monkeypatch)
    assert said.status == "unknown"


def test_every_lock_of_this_project_can_be_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask about all locks; the package that must be vulnerable is in none of them."""
    known = {lock for locks in ENVIRONMENTS for lock in locks}
    there = {*REPOSITORY.glob("[!.]*/requirements.txt"), *REPOSITORY.glob("[!.]*/**/*-requirements.txt")}
    assert known >= {path.relative_to(REPOSITORY) for path in there}
    monkeypatch.chdir(REPOSITORY)
    with osv.serve(DATA) as database:
        monkeypatch.setenv("PIP_AUDIT_OSV_URL", database.url)
        said = audit(limit=300)
    assert said.status == "clean", said
    locked = [
        line.partition("==")[0]
        for lock in known
        for line in (REPOSITORY / lock).read_text().splitlines()
        if "==" in line and not line.startswith((" ", "#"))
    ]
    assert VULNERABLE[0] not in locked
    assert 100 < said.packages <= len(locked)


def test_a_finding_anywhere_outweighs_what_is_unknown_elsewhere(
    locks: tuple[Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with osv.serve({**DATA, ("bbb", "2.5.1"): ("PYSEC-2026-1",)}) as database:
        monkeypatch.setenv("PIP_AUDIT_OSV_URL", database.url)
        said = audit(((tmp_path / "missing.txt",), locks), 60)
        assert (said.status, [one["name"] for one in said.findings]) == ("findings", ["bbb"])
    with osv.serve(DATA) as database:
        monkeypatch.setenv("PIP_AUDIT_OSV_URL", database.url)
        assert audit(((tmp_path / "missing.txt",), locks), 60).status == "unknown"
