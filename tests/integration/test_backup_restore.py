"""Backup and restore of a real deployment through the command line: what comes back, what stays, what is refused."""

import json
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops import archive
from decodeat_ops.archive import Manifest, Member
from decodeat_ops.deployment.source import tree_digest
from decodeat_ops.engine.journal import unfinished
from tests.support.deployments import ENVIRONMENTS, REPOSITORY, Deployment, Prober, deployment
from tests.support.forking import Forks
from tests.support.waiting import PATIENCE, wait_for

KEY = "a-key-that-must-never-show-4711"


@contextmanager
def kept_apart(directory: Path, source: Path, **options: Any) -> Iterator[Deployment]:
    """A deployment with a key in a file outside its own directory."""
    key = directory / "outside" / "api.key"
    key.parent.mkdir()
    key.write_text(KEY + "\n")
    key.chmod(0o600)
    extra = f'[service.secrets]\nAPI_KEYS = "file:{key}"\n'
    with deployment(directory, source=source, keep=20, extra=extra + options.pop("extra", ""), **options) as made:
        yield made


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, source: Path, forks: Forks) -> Iterator[Deployment]:
    with kept_apart(tmp_path_factory.mktemp("world"), source, forks=forks) as made:
        made.deploy()
        yield made


def database(made: Deployment) -> Path:
    release = made.store.active()
    assert release is not None
    return made.layout.database(release.data)


def write(made: Deployment, value: str) -> None:
    with closing(sqlite3.connect(database(made), timeout=PATIENCE)) as connection, connection:
        connection.execute("create table if not exists witness (value text)")
        connection.execute("insert into witness values (?)", (value,))


def rows(made: Deployment) -> list[str]:
    with closing(sqlite3.connect(database(made), timeout=PATIENCE)) as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
        return [value for (value,) in connection.execute("select value from witness order by rowid")]


def jitter(made: Deployment) -> int:
    """A setting as the serving release has it."""
    text = (made.layout.config(made.store.active_id()) / "gunicorn.conf.py").read_text()
    return int(next(line for line in text.splitlines() if line.startswith("max_requests_jitter")).split("=")[1])


def backup(made: Deployment) -> str:
    snapshot: str = made.ok("backup")["data"]["snapshot"]
    return snapshot


def archive_of(made: Deployment, snapshot: str) -> Path:
    return made.layout.backups / f"{snapshot}.tar.zst"


def assert_clean(made: Deployment) -> None:
    assert unfinished(made.layout.journals) is None
    assert list(made.layout.staging.iterdir()) == []
    assert [p.name for p in made.layout.backups.iterdir() if not p.name.endswith(".tar.zst")] == []
    assert made.run("status").status == 0


def state_of(made: Deployment) -> dict[str, object]:
    """Everything that a refused or undone restore must leave as it was."""
    return {
        "serves": made.serving(),
        "rows": rows(made),
        "releases": [r.id for r in made.store.releases()],
        "generations": sorted(p.name for p in made.layout.data.iterdir()),
        "backups": sorted(p.name for p in made.layout.backups.iterdir()),
        "settings": {p.name: p.read_bytes() for p in made.home.iterdir()},
        "logs": sorted(p.name for p in made.layout.logs.iterdir() if p.is_dir()),
    }


def test_data_and_code_come_back_and_nobody_notices(world: Deployment) -> None:
    write(world, "kept")
    world.configure(MAX_REQUESTS_JITTER=11)
    first = world.deploy()
    snapshot = backup(world)
    before = rows(world)
    write(world, "written later")
    later = rows(world)
    world.configure(MAX_REQUESTS_JITTER=12)
    second = world.deploy()
    old_generation = database(world)

    with Prober(world) as prober:
        restored = world.ok("restore", snapshot, "--yes")["data"]
    assert not prober.failures, prober.failures[:5]
    assert set(prober.seen) <= {second, restored["release"]}
    assert world.serving() == restored["release"] not in {first, second}
    assert (rows(world), jitter(world)) == (before, 11)
    release = world.store.active()
    assert release is not None
    assert (release.origin, release.data) == (f"restore:{snapshot}", release.id)
    assert old_generation.exists()
    assert [p.name for p in (world.layout.logs / f"restored-{snapshot}").iterdir()]
    assert_clean(world)

    # The way back is what was backed up before.
    world.ok("restore", restored["before"], "--yes")
    assert (rows(world), jitter(world)) == (later, 12)
    assert_clean(world)


@pytest.mark.share(3)
@pytest.mark.parametrize(("part", "data", "setting"), [("database", "then", 12), ("release", "now", 11)])
def test_one_part_alone(world: Deployment, part: str, data: str, setting: int) -> None:
    world.configure(MAX_REQUESTS_JITTER=11)
    world.deploy()
    write(world, f"kept by {part}")
    snapshot = backup(world)
    write(world, f"before {part}")
    seen = {"then": rows(world)[:-1], "now": rows(world)}
    world.configure(MAX_REQUESTS_JITTER=12)
    world.deploy()
    world.ok("restore", snapshot, "--only", part, "--yes")
    assert (rows(world), jitter(world)) == (seen[data], setting)
    assert not (world.layout.logs / f"restored-{snapshot}").exists()
    assert_clean(world)


@pytest.mark.share(3)
def test_settings_alone_touch_no_service(world: Deployment) -> None:
    write(world, "still here")
    snapshot = backup(world)
    settings, key = world.home / "decodeat-ops.toml", world.home.parent / "outside" / "api.key"
    original = settings.read_text()
    settings.write_text(original + "# edited\n")
    key.unlink()  # without it nothing could be started: it is what comes back
    serving, data = world.serving(), rows(world)
    told = world.ok("restore", snapshot, "--only", "settings", "--yes")
    assert settings.read_text() == original
    assert (settings.parent / f"decodeat-ops.toml.before-{snapshot}").read_text() == original + "# edited\n"
    assert (key.read_text(), stat.S_IMODE(key.stat().st_mode)) == (KEY + "\n", 0o600)
    assert (world.serving(), rows(world)) == (serving, data)
    # The key was missing when the backup before it was made, and that is said.
    assert any("secret-API_KEYS" in warning for warning in told["warnings"])
    assert_clean(world)


@pytest.mark.share(3)
def test_logs_alone_lie_beside_todays(world: Deployment) -> None:
    snapshot = backup(world)
    serving = world.serving()
    world.ok("restore", snapshot, "--only", "logs", "--yes")
    beside = world.layout.logs / f"restored-{snapshot}"
    assert {p.name for p in beside.iterdir()} >= {f"{serving}.log", "supervisor.log"}
    assert world.serving() == serving
    assert_clean(world)


def test_a_dry_run_changes_nothing(world: Deployment) -> None:
    backup(world)
    before = state_of(world)
    journals = sorted(world.layout.journals.iterdir())
    assert "undo: switch-back" in world.run("restore", "--dry-run").stdout
    assert "Copy the live database" in world.run("backup", "--dry-run").stdout
    assert (state_of(world), sorted(world.layout.journals.iterdir())) == (before, journals)


def test_an_archive_is_private_and_says_what_it_holds(world: Deployment) -> None:
    ran = world.run("backup")
    assert ran.status == 0, str(ran)
    assert "holds secrets" in ran.stderr
    assert KEY not in ran.stdout + ran.stderr
    path = archive_of(world, world.ok("backup", "list")["data"]["snapshots"][0]["id"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    manifest = archive.inspect(path)
    assert not any(name.endswith(("secrets.env", "unit.json")) for name in manifest.entries())
    assert KEY.encode() not in b"".join(p.read_bytes() for p in world.layout.journals.iterdir())


def test_list_and_verify(world: Deployment) -> None:
    good = backup(world)
    told = world.ok("backup", "verify", good)["data"]
    assert (told["snapshot"], told["release"], told["partial"]) == (good, world.serving(), [])
    assert set(told["parts"]) == {"settings", "release", "database", "logs"}

    bad = archive_of(world, backup(world))
    data = bytearray(bad.read_bytes())
    data[len(data) // 2] ^= 1
    bad.write_bytes(data)
    (bad.parent / "notes.txt").touch()
    try:
        listed = world.ok("backup", "list")
        first, second, *_ = listed["data"]["snapshots"]
        assert "can't be used" in first["problem"]
        assert (second["id"], second["problem"], second["release"]) == (good, "", world.serving())
        assert listed["data"]["others"] == ["notes.txt"]
        ran = world.run("backup", "verify", "latest")
        assert ran.status == 3, str(ran)
        assert bad.name in ran.stderr

        planned = world.run("restore", "--dry-run")
        assert planned.stdout.startswith(f"restore {good} ")
        assert f"passed over: {bad.name[:21]}" in planned.stdout
        before = state_of(world)
        ran = world.run("restore", bad.name[:21], "--yes")
        assert ran.status == 3, str(ran)
        assert state_of(world) == before
    finally:
        bad.unlink()
        (bad.parent / "notes.txt").unlink()


@pytest.mark.share(3)
def test_what_is_missing_makes_a_backup_partial(world: Deployment) -> None:
    key = world.home.parent / "outside" / "api.key"
    key.rename(key.with_name("away"))
    try:
        ran = world.run("backup", "--json")
    finally:
        key.with_name("away").rename(key)
    assert ran.status == 10, str(ran)
    assert ran.json["data"]["partial"] == ["settings/secret-API_KEYS could not be read: No such file or directory"]
    path = Path(ran.json["data"]["path"])
    assert archive.inspect(path).partial
    assert world.run("backup", "verify", ran.json["data"]["snapshot"]).status == 10
    path.unlink()


def remade(made: Deployment, directory: Path, change: Callable[[Path], None], **manifest: Any) -> Path:
    """A new archive out of this deployment's own, whose unpacked files were changed: whole, and still wrong."""
    out = directory / "out"
    original = archive.extract(archive_of(made, backup(made)), out)
    change(out)
    release = {**original.release, "code": tree_digest(out / "release/code/decodeat"), **manifest}
    blank: Manifest = replace(original, release=release)
    path = directory / f"{original.snapshot}.tar.zst"
    archive.write(path, blank, [Member(name, out / name) for name in original.entries()])
    return path


@pytest.mark.share(3)
def test_a_release_that_crashes_is_undone_to_the_last_file(world: Deployment, tmp_path: Path) -> None:
    def crash(out: Path) -> None:
        with (out / "release/code/decodeat/main.py").open("a") as main:
            main.write('\nraise RuntimeError("crashes at boot on purpose")\n')
        with (out / "settings/decodeat-ops.toml").open("a") as settings:
            settings.write("# from the archive\n")

    write(world, "precious")
    path = remade(world, tmp_path, crash)
    before = state_of(world)
    only = [word for part in ("settings", "release", "database", "logs") for word in ("--only", part)]
    with Prober(world) as prober:
        ran = world.run("restore", "--archive", str(path), *only, "--yes")
    assert ran.status == 5, str(ran)
    assert "crashes at boot on purpose" in ran.stderr
    assert not prober.failures, prober.failures[:5]
    assert state_of(world) == before
    assert_clean(world)


@pytest.mark.share(3)
def test_an_archive_whose_release_names_directories_elsewhere(world: Deployment, tmp_path: Path) -> None:
    path = remade(world, tmp_path, lambda out: None, fingerprint="/../../" + "f" * 57)
    before = state_of(world)
    ran = world.run("restore", "--archive", str(path), "--yes")
    assert ran.status == 3, str(ran)
    assert "fingerprint" in ran.stderr
    assert state_of(world) == before


KILLED = """
import os, signal, sys
from pathlib import Path
from decodeat_ops.core import events
from decodeat_ops.application import backups
from decodeat_ops.application.workflow import Change
from decodeat_ops.application.settings import load

def watch(event):
    if isinstance(event, events.StepFinished) and event.step.id == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)

loaded = load(Path(sys.argv[1]), None, {})
backups.restore(loaded, Change(emit=watch), "latest", ("settings", "release", "database", "logs"))
"""


@pytest.mark.share
@pytest.mark.parametrize("verb", ["resume", "rollback"])
@pytest.mark.parametrize("step", ["settings", "data", "switch"])
def test_killed_with_everything_in_motion(world: Deployment, step: str, verb: str) -> None:
    """`resume` goes on to the end; `rollback` undoes it first, settings included, and then goes back one release."""
    settings = world.home / "decodeat-ops.toml"
    world.configure(MAX_REQUESTS_JITTER=21)
    world.deploy()
    write(world, "archived")
    backup(world)
    archived = (settings.read_bytes(), rows(world))
    world.configure(MAX_REQUESTS_JITTER=22)
    served = world.deploy()
    write(world, f"after, {step} {verb}")
    today = (settings.read_bytes(), rows(world))
    others = {p.name for p in world.home.iterdir()}

    with Prober(world) as prober:
        done = subprocess.run([sys.executable, "-c", KILLED, str(settings), step], cwd=REPOSITORY, check=False)
        assert done.returncode == -signal.SIGKILL
        assert unfinished(world.layout.journals) is not None
        assert world.run("backup").status == 7
        told = world.ok(verb, "--yes")
    assert not prober.failures, prober.failures[:5]
    if verb == "resume":
        assert (settings.read_bytes(), rows(world), jitter(world)) == (*archived, 21)
    else:
        assert (settings.read_bytes(), rows(world), jitter(world)) == (*today, 21)
        assert told["data"]["release"] != served
        assert {p.name for p in world.home.iterdir()} == others
    assert_clean(world)


@pytest.mark.share(3)
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("restore", "--only", "everything"), 2, "settings, release, database, logs"),
        (("restore", "20200101T000000Z-0000"), 2, "Did you mean"),
        (("restore", "--archive", "none.tar.zst"), 3, "no archive"),
        (("restore", "--archive", "decodeat-ops.toml"), 3, "not compressed with zstd"),
        (("backup", "verify", "20200101T000000Z-0000"), 2, "Did you mean"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_refused(world: Deployment, words: tuple[str, ...], code: int, said: str) -> None:
    backup(world)
    before = state_of(world)
    extra = ("--yes",) if words[0] == "restore" else ()
    ran = world.run(*words, *extra)
    assert ran.status == code, str(ran)
    assert said in " ".join(ran.stderr.split())
    assert state_of(world) == before


def test_nothing_to_back_up(tmp_path: Path, source: Path) -> None:
    with deployment(tmp_path, source=source) as made:
        assert made.run("backup").status == 2
        assert made.run("restore", "--yes").status == 2
        assert made.ok("backup", "list")["data"]["snapshots"] == []
        assert not made.state.exists()


def forget(made: Deployment) -> None:
    """The machine is lost: nothing of the deployment is left but what was taken elsewhere."""
    made.destroy()
    wait_for(lambda: not made.store.supervisor().alive)
    shutil.rmtree(made.state.parent)
    shutil.rmtree(made.home)
    shutil.rmtree(made.home.parent / "outside")
    made.home.mkdir()


@pytest.mark.share(3)
def test_an_empty_machine(tmp_path: Path, source: Path) -> None:
    with kept_apart(tmp_path, source) as made:
        made.deploy()
        write(made, "all there is")
        before, settings = rows(made), (made.home / "decodeat-ops.toml").read_bytes()
        elsewhere = tmp_path / "elsewhere.tar.zst"
        shutil.copy(archive_of(made, backup(made)), elsewhere)
        forget(made)

        assert made.run("restore", "--yes").status == 3  # no settings, and no archive that would hold some
        there = ("restore", "--archive", str(elsewhere), "--outside", str(tmp_path), "--outside", str(ENVIRONMENTS))
        planned = made.run(*there, "--dry-run")
        assert planned.status == 0, str(planned)
        assert "nothing is deployed here" in planned.stdout
        left = sorted(p.name for p in tmp_path.iterdir() if p.name not in {"source", elsewhere.name})
        assert (left, list(made.home.iterdir())) == (["home"], [])

        with socket.socket() as taken:  # whoever has the port makes the first attempt fail: nothing may stay of it
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", made.port))
            taken.listen()
            ran = made.run(*there, "--yes")
        assert ran.status == 5, str(ran)
        assert list(made.home.iterdir()) == []
        assert not (tmp_path / "outside" / "api.key").exists()

        told = made.ok(*there, "--yes")["data"]
        assert made.serving() == told["release"]
        assert rows(made) == before
        assert (made.home / "decodeat-ops.toml").read_bytes() == settings
        assert sorted(p.name for p in made.home.iterdir()) == ["decodeat-ops.env", "decodeat-ops.toml"]
        key = tmp_path / "outside" / "api.key"
        assert (key.read_text(), stat.S_IMODE(key.stat().st_mode)) == (KEY + "\n", 0o600)
        made.layout.backups.mkdir(exist_ok=True)
        assert_clean(made)
        # And it is a deployment like any other: the next deploy has nothing to do, the next backup works.
        assert made.ok("deploy", "--yes")["changed"] == 0
        backup(made)


@pytest.mark.share(3)
def test_no_room_is_said_before_anything_begins(tmp_path: Path, source: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs", str(small)], check=False)
    if mounted.returncode != 0:
        pytest.skip("a small disk is made with a tmpfs, which needs root")
    try:
        with kept_apart(tmp_path, source, extra=f'[backup]\ndirectory = "{small}"\n') as made:
            made.deploy()
            journals = sorted(made.layout.journals.iterdir())
            ran = made.run("backup", "--json")
            assert ran.status == 4, str(ran)
            error = json.loads(ran.stdout)["error"]
            assert str(small) in json.dumps(error)
            assert "MiB are free" in json.dumps(error)
            assert list(small.iterdir()) == []
            assert sorted(made.layout.journals.iterdir()) == journals
    finally:
        subprocess.run(["umount", "--lazy", str(small)], check=True)
