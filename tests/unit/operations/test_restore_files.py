"""What a restore does to files: settings put in place and taken back exactly, data and logs laid beside what serves."""

import shutil
import sqlite3
import stat
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops import archive
from decodeat_ops.core.errors import Configuration, OpsError, StepFailed
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.local.restore_actions import ACTIONS, put_settings, stood_before, take_back_settings
from tests.unit.archive.forge import SNAPSHOT, whole
from tests.unit.checks.stage import Stage

TOML = b'# kept as it is\r\nname = "tested"\n[service]\nenv_file = "decodeat-ops.env"\n'
PLACE = f"restore-{SNAPSHOT}"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    (tmp_path / "home").mkdir()
    return Stage(tmp_path / "home")


def unpacked(directory: Path, files: dict[str, tuple[str, bytes]]) -> Path:
    """Settings files of an unpacked archive: name -> (where it belongs, content)."""
    place = directory / "unpacked"
    shutil.rmtree(place, ignore_errors=True)
    for name, (_, content) in files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o644)
    return place


FILES = {
    "settings/decodeat-ops.toml": ("decodeat-ops.toml", TOML),
    "settings/env-file": ("decodeat-ops.env", b"KEY='1'\n"),
    "settings/secret-TOKEN": ("keys/token", b"new\n"),
}
NAMES = {name: belongs for name, (belongs, _) in FILES.items()}


def snapshot_of(directory: Path) -> dict[str, tuple[bytes, int]]:
    return {
        p.relative_to(directory).as_posix(): (p.read_bytes(), stat.S_IMODE(p.stat().st_mode))
        for p in directory.rglob("*")
        if p.is_file()
    }


def there(directory: Path, which: str) -> Path:
    """Settings as they are before: none, some, or all of them."""
    home = directory / "operator"
    home.mkdir()
    if which != "none":
        (home / "decodeat-ops.toml").write_text('name = "older"\n')
        (home / "decodeat-ops.toml").chmod(0o640)
    if which == "all":
        (home / "decodeat-ops.env").write_text("KEY='1'\n")  # the same
        (home / "decodeat-ops.env").chmod(0o600)
        (home / "keys").mkdir()
        (home / "keys" / "token").write_text("old\n")
        (home / "keys" / "token").chmod(0o600)
    return home


class TestSettings:
    @pytest.mark.parametrize("which", ["none", "some", "all"])
    def test_put_in_place_and_taken_back(self, tmp_path: Path, which: str) -> None:
        home = there(tmp_path, which)
        before = snapshot_of(home)
        place = unpacked(tmp_path, FILES)
        put_settings(place, NAMES, home, SNAPSHOT)
        now = snapshot_of(home)
        for belongs, content in FILES.values():
            assert now[belongs][0] == content
        assert now["keys/token"][1] == now["decodeat-ops.env"][1] == 0o600
        assert now["decodeat-ops.toml"][1] == 0o644
        asides = {name for name in now if ".before-" in name}
        changed = [name for name in before if before[name][0] != now[name][0]]
        assert asides == {f"{name}.before-{SNAPSHOT}" for name in changed}
        assert all(now[f"{name}.before-{SNAPSHOT}"] == before[name] for name in changed)
        for _ in range(2):
            take_back_settings(stood_before(place))
            assert snapshot_of(home) == before

    @pytest.mark.parametrize("which", ["none", "some", "all"])
    @pytest.mark.parametrize("ends", ["finished", "taken back"])
    def test_broken_at_any_change_of_a_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str, ends: str
    ) -> None:
        """Stopped before its first, second ... rename, whatever it is for; then done again, or undone."""
        rename = Path.rename
        for breaks_at in range(1, 20):
            directory = tmp_path / str(breaks_at)
            directory.mkdir()
            home, place = there(directory, which), unpacked(directory, FILES)
            before = snapshot_of(home)
            left = [breaks_at]

            def breaking(self: Path, target: Any, left: list[int] = left) -> Path:
                left[0] -= 1
                if left[0] == 0:
                    raise KeyboardInterrupt
                return rename(self, target)

            monkeypatch.setattr(Path, "rename", breaking)
            try:
                put_settings(place, NAMES, home, SNAPSHOT)
                broke = False
            except KeyboardInterrupt:
                broke = True
            monkeypatch.setattr(Path, "rename", rename)
            if ends == "finished":
                put_settings(place, NAMES, home, SNAPSHOT)
                now = snapshot_of(home)
                assert all(now[belongs][0] == content for belongs, content in FILES.values())
            take_back_settings(stood_before(place))
            assert snapshot_of(home) == before
            if not broke:
                assert breaks_at > 3  # it did break before
                return
        raise AssertionError("it never came to its end")

    def test_the_same_snapshot_twice_keeps_what_was_edited_between(self, tmp_path: Path) -> None:
        home = there(tmp_path, "some")
        put_settings(unpacked(tmp_path, FILES), NAMES, home, SNAPSHOT)
        (home / "decodeat-ops.toml").write_text('name = "edited"\n')
        place = unpacked(tmp_path, FILES)
        put_settings(place, NAMES, home, SNAPSHOT)
        assert (home / f"decodeat-ops.toml.before-{SNAPSHOT}").read_text() == 'name = "older"\n'
        assert (home / f"decodeat-ops.toml.before-{SNAPSHOT}-2").read_text() == 'name = "edited"\n'
        take_back_settings(stood_before(place))
        assert (home / "decodeat-ops.toml").read_text() == 'name = "edited"\n'

    def test_a_link_of_the_operators_stays_a_link(self, tmp_path: Path) -> None:
        home = there(tmp_path, "none")
        (tmp_path / "vault").mkdir()
        (tmp_path / "vault" / "real.env").write_text("KEY='0'\n")
        (home / "decodeat-ops.env").symlink_to("../vault/real.env")
        place = unpacked(tmp_path, FILES)
        put_settings(place, NAMES, home, SNAPSHOT)
        assert (home / "decodeat-ops.env").is_symlink()
        assert (tmp_path / "vault" / "real.env").read_text() == "KEY='1'\n"
        take_back_settings(stood_before(place))
        assert (tmp_path / "vault" / "real.env").read_text() == "KEY='0'\n"

    @pytest.mark.parametrize(
        ("name", "content"),
        [("settings/decodeat-ops.toml", b"not = toml ="),
         ("settings/decodeat-ops.toml", b"\xff\xfe"), ("settings/env-file", b"\xff\xfe")],
    )  # fmt: skip
    def test_contents_that_cannot_be_settings(self, tmp_path: Path, name: str, content: bytes) -> None:
        home = there(tmp_path, "some")
        before = snapshot_of(home)
        place = unpacked(tmp_path, {**FILES, name: (NAMES[name], content)})
        with pytest.raises(Configuration, match="archived"):
            put_settings(place, NAMES, home, SNAPSHOT)
        take_back_settings(stood_before(place))
        assert snapshot_of(home) == before


def run(stage: Stage, action: str, **params: Any) -> Any:
    return ACTIONS[action](stage.machine, Context(), params)


def database(path: Path, text: str) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("create table witness (value text)")
        connection.execute("insert into witness values (?)", (text,))
    return path.read_bytes()


@pytest.fixture
def archived(stage: Stage) -> tuple[Path, archive.Manifest]:
    content = database(stage.home / "made" / "db", "archived")
    path = whole(stage.home, {"database/decodeat.sqlite3": content, "logs/a.log": b"line\n", "logs/b.log": b""})
    return path, archive.inspect(path)


def unpack(stage: Stage, path: Path, manifest: archive.Manifest) -> Any:
    return run(stage, "restore-unpack", archive=str(path), place=PLACE, manifest=manifest.digest)


def test_unpack_and_clean(stage: Stage, archived: tuple[Path, archive.Manifest]) -> None:
    for _ in range(2):  # what a killed run left is done afresh
        assert unpack(stage, *archived)["files"] == 3
    assert stat.S_IMODE((stage.layout.staging / PLACE).stat().st_mode) == 0o700
    for _ in range(2):
        run(stage, "restore-clean", place=PLACE)
    assert list(stage.layout.staging.iterdir()) == []


def test_an_archive_that_was_exchanged_since_the_plan(stage: Stage, archived: tuple[Path, archive.Manifest]) -> None:
    path, manifest = archived
    with pytest.raises(StepFailed, match="changed since"):
        unpack(stage, path, replace(manifest, deployment="other"))
    path.unlink()
    with pytest.raises(OpsError, match="no archive"):
        unpack(stage, path, manifest)


def test_an_archive_whose_database_is_not_sound(stage: Stage) -> None:
    path = whole(stage.home, {"database/decodeat.sqlite3": b"no database" * 1000})
    with pytest.raises(Configuration, match="not sound"):
        unpack(stage, path, archive.inspect(path))


def test_data_becomes_a_generation_of_its_own(stage: Stage, archived: tuple[Path, archive.Manifest]) -> None:
    live = stage.layout.database("old")
    kept = database(live, "today's")
    unpack(stage, *archived)
    for _ in range(2):
        run(stage, "restore-data", place=PLACE, data="new")
    new = stage.layout.database("new")
    with closing(sqlite3.connect(new)) as connection:
        assert connection.execute("select value from witness").fetchone() == ("archived",)
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    assert stat.S_IMODE(new.parent.stat().st_mode) == 0o700
    for _ in range(2):
        run(stage, "unrestore-data", data="new")
    assert not stage.layout.generation("new").exists()
    assert live.read_bytes() == kept
    run(stage, "restore-clean", place=PLACE)
    assert list(stage.layout.staging.iterdir()) == []


@pytest.mark.parametrize("left", ["data-new", "../data/new"])
def test_half_laid_out_data_is_undone(stage: Stage, left: str) -> None:
    half = stage.layout.staging / left
    half.mkdir(parents=True)
    (half / "decodeat.sqlite3").write_bytes(b"half")
    run(stage, "unrestore-data", data="new")
    assert not half.exists()


def test_logs_lie_beside_todays(stage: Stage, archived: tuple[Path, archive.Manifest]) -> None:
    today = stage.layout.logs / "a.log"
    today.write_text("today\n")
    unpack(stage, *archived)
    for _ in range(2):
        assert run(stage, "restore-logs", place=PLACE, snapshot=SNAPSHOT) == {"files": 2}
    beside = stage.layout.logs / f"restored-{SNAPSHOT}"
    assert {p.name: p.read_text() for p in beside.iterdir()} == {"a.log": "line\n", "b.log": ""}
    for _ in range(2):
        run(stage, "unrestore-logs", snapshot=SNAPSHOT)
    assert not beside.exists()
    assert today.read_text() == "today\n"


def test_settings_as_a_step(stage: Stage) -> None:
    (stage.home / "decodeat-ops.toml").write_text('name = "older"\n')
    path = whole(
        stage.home,
        {name: content for name, (_, content) in FILES.items()},
        settings=NAMES,
    )
    manifest = archive.inspect(path)
    assert manifest.settings == NAMES
    unpack(stage, path, manifest)
    before = snapshot_of(stage.home / "keys") if (stage.home / "keys").exists() else {}
    for _ in range(2):
        run(stage, "restore-settings", place=PLACE, files=dict(manifest.settings), snapshot=SNAPSHOT)
    assert (stage.home / "decodeat-ops.toml").read_bytes() == TOML
    for _ in range(2):
        run(stage, "unrestore-settings", place=PLACE)
    assert (stage.home / "decodeat-ops.toml").read_text() == 'name = "older"\n'
    assert (snapshot_of(stage.home / "keys") if (stage.home / "keys").exists() else {}) == before
