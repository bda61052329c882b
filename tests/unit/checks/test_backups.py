"""The backup probes, asked of real archives and a real database that is being written to."""

import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from decodeat_ops import archive
from decodeat_ops.archive import Manifest, Member
from decodeat_ops.checks.run import run
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Finding, Status
from decodeat_ops.deployment.release import LocalRelease
from decodeat_ops.deployment.snapshots import new_id
from tests.support.waiting import PATIENCE
from tests.unit.checks.stage import NEW, Stage


def ask(check: str, subject: Subject) -> Finding:
    (finding,) = run((check,), subject)
    return finding


def _database(path: Path, rows: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE analysis_results (id TEXT PRIMARY KEY, ingredients TEXT)")
        database.executemany("INSERT INTO analysis_results VALUES (?, ?)", [(str(n), "귀리" * 50) for n in range(rows)])
        database.commit()


def _archive(
    stage: Stage, release: LocalRelease, hours: float = 1.0, deployment: str = "", notes: tuple[str, ...] = ()
) -> Path:
    """A real archive of that age with a real database in it."""
    made = datetime.now(UTC) - timedelta(hours=hours)
    copy = stage.home / "copy.sqlite3"
    copy.unlink(missing_ok=True)
    _database(copy, 20)
    with closing(sqlite3.connect(copy)) as database:
        database.execute("PRAGMA journal_mode = DELETE")
    blank = Manifest(
        snapshot=new_id(made),
        deployment=deployment or stage.loaded.deployment,
        tool="0.1.0",
        created_at=made.isoformat(),
        release=release.as_json(),
        settings={},
        parts={part: () for part in archive.PARTS},
        partial=notes,
    )
    path = stage.machine.archives / f"{blank.snapshot}.tar.zst"
    archive.write(path, blank, (Member("database/decodeat.sqlite3", copy),))
    return path


@pytest.fixture
def release(stage: Stage) -> LocalRelease:
    made = stage.release(NEW)
    stage.activate(made)
    return made


@pytest.mark.parametrize("check", ["backups.recent", "backups.restorable"])
def test_before_the_first_deploy_there_is_nothing_to_back_up(stage: Stage, check: str) -> None:
    assert (ask(check, stage.subject()).status, ask(check, stage.subject()).says) == (Status.SKIP, "backups.first")


@pytest.mark.parametrize("check", ["backups.recent", "backups.restorable"])
def test_a_deployment_without_a_backup(stage: Stage, release: LocalRelease, check: str) -> None:
    (stage.home / "backups").mkdir()
    (stage.home / "backups" / "notes.txt").touch()
    assert (ask(check, stage.subject()).status, ask(check, stage.subject()).says) == (Status.FAIL, "backups.none")


@pytest.mark.parametrize(("hours", "status"), [(1.0, Status.PASS), (25.9, Status.PASS), (26.2, Status.FAIL)])
def test_age(stage: Stage, release: LocalRelease, hours: float, status: Status) -> None:
    _archive(stage, release, hours)
    found = ask("backups.recent", stage.subject())
    assert (found.status, found.evidence["hours"]) == (status, pytest.approx(hours, abs=0.11))


def test_age_is_that_of_the_data_not_of_the_file(stage: Stage, release: LocalRelease) -> None:
    _archive(stage, release, 50.0).touch()
    assert ask("backups.recent", stage.subject()).status is Status.FAIL


def test_a_whole_archive_is_restored_and_the_place_is_clean_afterwards(stage: Stage, release: LocalRelease) -> None:
    _archive(stage, release, 30.0)
    newest = _archive(stage, release)
    found = ask("backups.restorable", stage.subject())
    assert (found.status, found.evidence["files"]) == (Status.PASS, 1)
    assert found.evidence["snapshot"] == newest.name.removesuffix(".tar.zst")
    assert list(stage.layout.staging.iterdir()) == []


@pytest.mark.parametrize("where", [0.05, 0.5])  # near the end most bits say nothing of the content
def test_a_damaged_archive(stage: Stage, release: LocalRelease, where: float) -> None:
    path = _archive(stage, release)
    data = bytearray(path.read_bytes())
    data[int(len(data) * where)] ^= 0x40
    path.write_bytes(data)
    found = ask("backups.restorable", stage.subject())
    assert (found.status, found.says) == (Status.FAIL, "backups.damaged")
    assert list(stage.layout.staging.iterdir()) == []


def test_an_archive_that_lacks_something(stage: Stage, release: LocalRelease) -> None:
    _archive(stage, release, notes=("logs/a.log could not be read: Permission denied",))
    found = ask("backups.restorable", stage.subject())
    assert (found.status, found.evidence["count"]) == (Status.WARN, 1)


def test_an_archive_of_another_deployment(stage: Stage, release: LocalRelease) -> None:
    _archive(stage, release, deployment="decodeat-staging")
    found = ask("backups.restorable", stage.subject())
    assert (found.status, found.says, found.evidence["deployment"]) == (
        Status.FAIL,
        "backups.foreign",
        "decodeat-staging",
    )


class TestScratch:
    def test_no_data_yet(self, stage: Stage, release: LocalRelease) -> None:
        assert ask("backups.scratch", stage.subject(release)).status is Status.SKIP

    def test_nothing_serves(self, stage: Stage) -> None:
        assert ask("backups.scratch", stage.subject()).says == "release.none"

    def test_what_comes_back_is_what_went_in(self, stage: Stage, release: LocalRelease) -> None:
        _database(stage.layout.database(NEW), 300)
        found = ask("backups.scratch", stage.subject(release))
        assert (found.status, found.evidence["rows"]) == (Status.PASS, 300)
        assert list(stage.layout.staging.iterdir()) == []

    def test_while_the_service_writes(self, stage: Stage, release: LocalRelease) -> None:
        live = stage.layout.database(NEW)
        _database(live, 300)
        ending = threading.Event()

        def write() -> None:
            with closing(sqlite3.connect(live, timeout=PATIENCE)) as database:
                number = 1000
                while not ending.is_set():
                    database.execute("INSERT INTO analysis_results VALUES (?, '')", (str(number),))
                    database.commit()
                    number += 1

        writer = threading.Thread(target=write)
        writer.start()
        try:
            found = [ask("backups.scratch", stage.subject(release)) for _ in range(5)]
        finally:
            ending.set()
            writer.join()
        assert {f.status for f in found} == {Status.PASS}
        assert found[-1].evidence["rows"] > 300

    def test_a_damaged_database(self, stage: Stage, release: LocalRelease) -> None:
        live = stage.layout.database(NEW)
        _database(live, 300)
        with closing(sqlite3.connect(live)) as database:
            database.execute("PRAGMA journal_mode = DELETE")
        data = bytearray(live.read_bytes())
        data[5000:9000] = b"\xff" * 4000
        live.write_bytes(data)
        found = ask("backups.scratch", stage.subject(release))
        assert (found.status, found.says) == (Status.FAIL, "backups.unsound")

    def test_a_database_that_somebody_holds(self, stage: Stage, release: LocalRelease) -> None:
        live = stage.layout.database(NEW)
        _database(live, 3)
        with closing(sqlite3.connect(live)) as other:
            other.execute("PRAGMA journal_mode = DELETE")
            other.execute("BEGIN EXCLUSIVE")
            found = ask("backups.scratch", stage.subject(release))
        assert (found.status, found.says) == (Status.FAIL, "backups.unreadable")

    def test_a_file_that_is_no_database(self, stage: Stage, release: LocalRelease) -> None:
        stage.layout.database(NEW).write_text("not a database, whatever its name says")
        found = ask("backups.scratch", stage.subject(release))
        assert (found.status, found.says) == (Status.FAIL, "backups.unsound")
