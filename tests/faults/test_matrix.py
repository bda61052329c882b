"""Every step of deploy, rollback, backup and restore: killed in it, made to fail, on a full disk.

In each case what served serves throughout, the data is whole, and one command gets back to clean.
"""

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from decodeat_ops import archive
from decodeat_ops.core.release import previous
from decodeat_ops.engine.journal import unfinished
from tests.faults.plans import STEPS
from tests.support.deployments import Deployment, Prober, deployment
from tests.support.forking import Forks
from tests.support.waiting import wait_for

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(os.geteuid() != 0, reason="a full disk is made with a small tmpfs, which needs root"),
]

FAULTS = ("kill", "fail", "fill")


@contextlib.contextmanager
def small_disk(directory: Path, megabytes: int) -> Iterator[Path]:
    directory.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(directory)], check=True)
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, source: Path, forks: Forks) -> Iterator[Deployment]:
    """One deployment with two releases, data and a snapshot, which every case must leave whole."""
    directory = tmp_path_factory.mktemp("world")
    with (
        small_disk(directory / "disk", 500) as disk,
        deployment(directory, state=disk / "state", source=source, keep=4, ready=60.0, forks=forks) as made,
    ):
        made.configure(MAX_REQUESTS_JITTER=1)
        made.deploy()
        made.configure(MAX_REQUESTS_JITTER=2)
        made.deploy()
        _settle_drain(made)
        write_rows(made, 50)
        made.ok("backup")
        yield made


def write_rows(made: Deployment, count: int) -> None:
    database = active_database(made)
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("create table if not exists witness (value text)")
        connection.executemany("insert into witness values (?)", [(uuid.uuid4().hex,) for _ in range(count)])


def active_database(made: Deployment) -> Path:
    return (made.layout.active.resolve() / "data").resolve() / "decodeat.sqlite3"


def rows(made: Deployment) -> list[str]:
    with contextlib.closing(sqlite3.connect(active_database(made))) as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
        return sorted(r[0] for r in connection.execute("select value from witness"))


def break_at(made: Deployment, verb: str, step: str, fault: str) -> tuple[int, dict[str, object]]:
    made.ready = 25.0 if fault == "fill" else 60.0  # a release that can't write never becomes ready
    made.write()
    argv = [sys.executable, "-m", "tests.faults.driver", str(made.home / "decodeat-ops.toml"), verb, step, fault]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    told = json.loads(done.stdout) if done.stdout.strip() else {}
    assert done.returncode == -9 or told, done.stderr
    return done.returncode, told


def _settle_drain(made: Deployment) -> None:
    wait_for(lambda: not made.store.draining(), otherwise="a release never finished draining")


def change_something(made: Deployment) -> None:
    made.configure(MAX_REQUESTS_JITTER=int(made.variables["MAX_REQUESTS_JITTER"]) + 1)


def leave_no_filler(made: Deployment) -> None:
    (made.state.parent / "filler").unlink(missing_ok=True)


@pytest.mark.parametrize("verb", STEPS)
def test_the_steps_that_are_broken_are_those_of_a_real_change(world: Deployment, verb: str) -> None:
    change_something(world)
    planned = world.ok(verb, "--dry-run")["data"]["plan"]["steps"]
    assert tuple(step["id"] for step in planned) == STEPS[verb]


@pytest.mark.share
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("step", STEPS["deploy"])
def test_a_deploy_broken_in_any_step(world: Deployment, step: str, fault: str) -> None:
    change_something(world)
    served, kept = world.serving(), rows(world)
    with Prober(world) as prober:
        code, told = break_at(world, "deploy", step, fault)
        leave_no_filler(world)
        seen = set(prober.seen)
        settle(world, code, by="deploy" if STEPS["deploy"].index(step) % 2 else "resume")
    assert not prober.failures, prober.failures[:5]
    assert len(seen - {served}) <= 1, "only the old release or the new one ever answers"
    assert rows(world) == kept
    assert_clean(world, told)


@pytest.mark.share
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("step", STEPS["rollback"])
def test_a_rollback_broken_in_any_step(world: Deployment, step: str, fault: str) -> None:
    active = world.store.active()
    if active is None or previous(active, world.store.releases()) is None:
        change_something(world)
        world.deploy()
        _settle_drain(world)
    kept = rows(world)
    with Prober(world) as prober:
        code, told = break_at(world, "rollback", step, fault)
        leave_no_filler(world)
        settle(world, code, by="deploy" if STEPS["rollback"].index(step) % 2 else "resume")
    assert not prober.failures, prober.failures[:5]
    assert rows(world) == kept
    assert_clean(world, told)


@pytest.mark.share
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("step", STEPS["backup"])
def test_a_backup_broken_in_any_step(world: Deployment, step: str, fault: str) -> None:
    served, kept = world.serving(), rows(world)
    with Prober(world) as prober:
        code, told = break_at(world, "backup", step, fault)
        leave_no_filler(world)
        settle(world, code)
    assert not prober.failures, prober.failures[:5]
    assert world.serving() == served
    assert rows(world) == kept
    assert_clean(world, told)
    assert_archives_whole(world)


@pytest.mark.share
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("step", STEPS["restore"])
def test_a_restore_broken_in_any_step(world: Deployment, step: str, fault: str) -> None:
    world.ok("backup")
    snapshot = rows(world)
    write_rows(world, 3)
    later = rows(world)
    served = world.serving()
    with Prober(world) as prober:
        code, told = break_at(world, "restore", step, fault)
        leave_no_filler(world)
        settle(world, code)
    assert not prober.failures, prober.failures[:5]
    assert rows(world) == (later if world.serving() == served else snapshot)
    assert_clean(world, told)
    assert_archives_whole(world)


def assert_archives_whole(made: Deployment) -> None:
    """Every archive under its final name is whole, whatever happened; half ones have gone. Keeps the two newest."""
    archives = sorted(made.layout.backups.glob("*.tar.zst"))
    present = made.layout.backups.iterdir() if made.layout.backups.is_dir() else ()  # made with the first archive
    assert {p.name for p in present} == {p.name for p in archives}
    for path in archives[-2:]:
        archive.inspect(path)
    for path in archives[:-2]:
        path.unlink()


def settle(made: Deployment, code: int, by: str = "resume") -> None:
    """One command gets back to clean: `resume` forwards, or `deploy`, which undoes what was left first."""
    left_open = unfinished(made.layout.journals)
    if left_open is None:
        assert code in {0, 4, 5}, "an undone or finished change has told so"
        return
    assert code in {-9, 5, 6, 10}, code
    made.ok(by, "--yes")


def running_of(made: Deployment) -> set[str]:
    return {name for name, known in made.store.supervisor().releases.items() if known.pid}


def assert_clean(made: Deployment, told: dict[str, object]) -> None:
    assert unfinished(made.layout.journals) is None, told
    _settle_drain(made)
    assert not any(made.layout.staging.iterdir()), told
    active = made.serving()
    wait_for(lambda: running_of(made) == {active}, otherwise=lambda: (running_of(made), active, told))
    assert made.store.wanted() == {active}
    status = made.run("status", "--json")
    assert status.status == 0, str(status)
