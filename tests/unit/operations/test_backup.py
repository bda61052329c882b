"""What a backup plans, and what its steps do to a real database and real files."""

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from decodeat_ops import archive
from decodeat_ops.core.errors import Interrupted, StepFailed
from decodeat_ops.deployment.release import LocalRelease
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.operations import backup
from decodeat_ops.targets.local import backup_actions, saving
from decodeat_ops.targets.local.backup_actions import ACTIONS
from decodeat_ops.targets.local.data import LocalData
from tests.support.acting import Placed
from tests.support.waiting import wait_for
from tests.unit.checks.stage import NEW, Stage

SNAPSHOT = "20261124T030000Z-ab12"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    made = Stage(tmp_path, settings={"service": {"secrets": {"KEY": "env:KEY", "TOKEN": "file:keys/token"}}})
    (tmp_path / "decodeat-ops.toml").write_text('name = "tested"\n')
    (tmp_path / "decodeat-ops.env").write_text("KEY=abcd\n")
    (tmp_path / "decodeat-ops.env").chmod(0o600)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "token").write_text("efgh\n")
    (tmp_path / "keys" / "token").chmod(0o400)
    return made


@pytest.fixture
def release(stage: Stage) -> LocalRelease:
    made = stage.release(NEW)
    stage.activate(made)
    (stage.layout.release(NEW) / "service.env").write_text("WORKERS=1\n")
    (stage.layout.release(NEW) / "secrets.env").write_text("KEY=resolved\n")
    (stage.layout.release(NEW) / "unit.json").write_text("{}")
    stage.layout.config(NEW).mkdir()
    (stage.layout.config(NEW) / "gunicorn.conf.py").write_text("workers = 1\n")
    stage.layout.log(NEW).write_text("line\n" * 100)
    fill(stage.layout.database(NEW), 300)
    return made


def fill(path: Path, rows: int) -> None:
    """As the service has it: in WAL mode."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma journal_mode = wal")
        with connection:
            connection.execute("create table if not exists witness (value text)")
            connection.executemany("insert into witness values (?)", [("x" * 500,) for _ in range(rows)])


def count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
        return int(connection.execute("select count(*) from witness").fetchone()[0])


def carry_out(stage: Stage, release: LocalRelease) -> dict[str, Results]:
    machine, context = stage.machine, Context()
    done: dict[str, Results] = {}
    for step in saving.steps(release, SNAPSHOT):
        done[step.id] = ACTIONS[step.do.name](machine, context, step.do.params) or {}
        assert all(name in done[step.id] for name in step.produces)
    return done


def test_the_plan(stage: Stage, release: LocalRelease) -> None:
    made = stage.machine
    data = LocalData(Placed(made.loaded, made.host, made.http, root=stage.layout.root, beside=Path("/srv")))
    plan = backup.plan(SNAPSHOT, release, data, stage.loaded.deployment)
    assert plan.text().splitlines() == [
        f"backup {SNAPSHOT} (decodeat-production)",
        f"  release: {NEW}",
        f"  into: /srv/backups/{SNAPSHOT}.tar.zst",
        " 1. Copy the live database  [database]",
        "      SQLite's own backup interface; the service goes on writing",
        "      undo: backup-clean",
        f" 2. Write archive {SNAPSHOT}  [archive]",
        f"      settings, release {NEW}, database and logs into {SNAPSHOT}.tar.zst (0600)",
        "      undo: backup-remove",
        " 3. Read it back  [verify]",
        "      every checksum, and the database's integrity",
        " 4. Remove the copy  [clean]",
        f"      staging/backup-{SNAPSHOT}",
    ]


def test_what_is_in_it_and_what_is_not(stage: Stage, release: LocalRelease) -> None:
    done = carry_out(stage, release)
    path = stage.home / "backups" / f"{SNAPSHOT}.tar.zst"
    manifest = archive.extract(path, stage.home / "out")
    assert {part: {e.path.partition("/")[2] for e in entries} for part, entries in manifest.parts.items()} == {
        "settings": {"decodeat-ops.toml", "env-file", "secret-TOKEN"},
        "release": {
            "release.json",
            "service.env",
            "config/gunicorn.conf.py",
            "code/decodeat/__init__.py",
            "code/decodeat/__main__.py",
            "code/decodeat/requirements.txt",
        },
        "database": {"decodeat.sqlite3"},
        "logs": {f"{NEW}.log"},
    }
    assert manifest.settings == {
        "settings/decodeat-ops.toml": "decodeat-ops.toml",
        "settings/env-file": "decodeat-ops.env",
        "settings/secret-TOKEN": "keys/token",
    }
    assert manifest.release == release.as_json()
    assert (manifest.snapshot, manifest.deployment) == (SNAPSHOT, "decodeat-production")
    assert abs((datetime.now(UTC) - datetime.fromisoformat(manifest.created_at)).total_seconds()) < 60
    assert count(stage.home / "out" / "database" / "decodeat.sqlite3") == 300
    assert done["archive"] == {
        "path": str(path),
        "bytes": path.stat().st_size,
        "files": len(manifest.entries()),
        "partial": [],
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(stage.layout.staging.iterdir()) == []


def test_settings_that_are_a_link_are_kept_as_a_file(stage: Stage, release: LocalRelease) -> None:
    settings = stage.home / "decodeat-ops.toml"
    settings.rename(stage.home / "elsewhere.toml")
    settings.symlink_to("elsewhere.toml")
    assert carry_out(stage, release)["archive"]["partial"] == []
    manifest = archive.extract(stage.home / "backups" / f"{SNAPSHOT}.tar.zst", stage.home / "out")
    assert manifest.settings["settings/decodeat-ops.toml"] == "decodeat-ops.toml"
    assert (stage.home / "out/settings/decodeat-ops.toml").read_text() == 'name = "tested"\n'


def test_before_anything_was_stored(stage: Stage, release: LocalRelease) -> None:
    for path in stage.layout.generation(NEW).iterdir():
        path.unlink()
    assert carry_out(stage, release)["database"] == {"bytes": 0}


def test_what_cannot_be_read_is_named_and_the_rest_is_kept(stage: Stage, release: LocalRelease) -> None:
    (stage.home / "keys" / "token").unlink()
    done = carry_out(stage, release)
    assert done["archive"]["partial"] == ["settings/secret-TOKEN could not be read: No such file or directory"]
    manifest = archive.inspect(Path(done["archive"]["path"]))
    assert set(manifest.settings) == {"settings/decodeat-ops.toml", "settings/env-file"}
    assert "database/decodeat.sqlite3" in manifest.entries()


def test_what_is_no_file_among_the_logs_blocks_nobody(stage: Stage, release: LocalRelease) -> None:
    os.mkfifo(stage.layout.logs / "pipe.log")
    (stage.layout.logs / "restored-before").mkdir()
    done = carry_out(stage, release)
    assert done["archive"]["partial"] == []
    found = archive.inspect(Path(done["archive"]["path"])).parts["logs"]
    assert [entry.path for entry in found] == [f"logs/{NEW}.log"]


WRITER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], timeout=600)
while True:
    with connection:
        connection.execute("insert into witness values (?)", ("y" * 500,))
    time.sleep(0.002)
"""


@pytest.fixture
def busy(stage: Stage, release: LocalRelease) -> Iterator[Path]:
    """A database of 40 MiB that another process writes to five hundred times a second."""
    live = stage.layout.database(NEW)
    fill(live, 80_000)
    with subprocess.Popen([sys.executable, "-c", WRITER, str(live)]) as writer:
        before = count(live)
        wait_for(lambda: count(live) > before)
        yield live
        writer.kill()


def test_a_database_that_is_written_to_all_the_time(stage: Stage, release: LocalRelease, busy: Path) -> None:
    """Copied page by page it would begin again after every write, and never end."""
    before = count(busy)
    finished = threading.Event()

    def back_up() -> None:
        carry_out(stage, release)
        finished.set()

    copy = threading.Thread(target=back_up, daemon=True)
    copy.start()
    assert finished.wait(120)
    copy.join()
    after = count(busy)
    archive.extract(stage.home / "backups" / f"{SNAPSHOT}.tar.zst", stage.home / "out")
    assert before <= count(stage.home / "out/database/decodeat.sqlite3") <= after
    assert after > before


def _hold(live: Path) -> sqlite3.Connection:
    """Hold a database exclusively, as a program in the old journal mode does."""
    with closing(sqlite3.connect(live)) as connection:
        assert connection.execute("pragma journal_mode = delete").fetchone() == ("delete",)
    holder = sqlite3.connect(live, isolation_level=None)
    holder.execute("begin exclusive")
    return holder


def test_a_database_that_somebody_holds(stage: Stage, release: LocalRelease, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup_actions, "HELD", 0.5)
    with closing(_hold(stage.layout.database(NEW))), pytest.raises(StepFailed, match=r"locked for 0\.5 s"):
        carry_out(stage, release)
    assert carry_out(stage, release)["archive"]["partial"] == []


def test_waiting_for_it_can_be_interrupted(stage: Stage, release: LocalRelease) -> None:
    context = Context(interrupted=True)
    (step, *_) = saving.steps(release, SNAPSHOT)
    with closing(_hold(stage.layout.database(NEW))), pytest.raises(Interrupted):
        ACTIONS[step.do.name](stage.machine, context, step.do.params)


def test_a_damaged_database_is_no_backup(stage: Stage, release: LocalRelease) -> None:
    live = stage.layout.database(NEW)
    with closing(sqlite3.connect(live)) as connection:
        connection.execute("pragma journal_mode = delete")
    data = bytearray(live.read_bytes())
    data[8192:12288] = b"\xff" * 4096
    live.write_bytes(data)
    with pytest.raises(StepFailed, match=r"not sound|could not be copied") as caught:
        carry_out(stage, release)
    assert "estore" in caught.value.advice.hint


@pytest.mark.parametrize("done", range(5))
def test_undoing_after_any_step_leaves_nothing(stage: Stage, release: LocalRelease, done: int) -> None:
    """Undo may meet a step that was never begun, and may be done twice."""
    machine, context = stage.machine, Context()
    steps = saving.steps(release, SNAPSHOT)
    for step in steps[:done]:
        ACTIONS[step.do.name](machine, context, step.do.params)
    backups = stage.home / "backups"
    if done == 1:  # killed while it wrote
        backups.mkdir()
        archive.partial_path(backups / f"{SNAPSHOT}.tar.zst").write_bytes(b"half")
    for _ in range(2):
        for step in reversed(steps):
            if step.undo is not None:
                ACTIONS[step.undo.name](machine, context, step.undo.params)
    assert list(stage.layout.staging.iterdir()) == []
    assert not backups.exists()


def test_every_step_may_be_repeated(stage: Stage, release: LocalRelease) -> None:
    machine, context = stage.machine, Context()
    for step in saving.steps(release, SNAPSHOT):
        for _ in range(2):
            ACTIONS[step.do.name](machine, context, step.do.params)
    assert [p.name for p in (stage.home / "backups").iterdir()] == [f"{SNAPSHOT}.tar.zst"]


def test_removing_a_failed_one_leaves_others(stage: Stage, release: LocalRelease) -> None:
    other = stage.home / "backups" / "20261123T030000Z-ab12.tar.zst"
    other.parent.mkdir()
    other.write_bytes(b"kept")
    carry_out(stage, release)
    ACTIONS["backup-remove"](stage.machine, Context(), {"snapshot": SNAPSHOT})
    assert list(other.parent.iterdir()) == [other]
