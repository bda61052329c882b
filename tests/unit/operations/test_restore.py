"""What a restore plans for which parts, on a machine that serves and on an empty one."""

from dataclasses import replace
from pathlib import Path

import pytest

from decodeat_ops.archive import Entry, Manifest
from decodeat_ops.core.errors import Usage
from decodeat_ops.core.migration import Migration
from decodeat_ops.deployment.observed import LocalObserved
from decodeat_ops.deployment.release import LocalRelease
from decodeat_ops.deployment.store import Supervisor
from decodeat_ops.operations import restore
from decodeat_ops.operations.restore import Wanted, choose_parts
from decodeat_ops.settings.schema import Loaded, Settings
from decodeat_ops.targets.local.boot import Boot
from decodeat_ops.targets.local.data import LocalData
from decodeat_ops.targets.local.target import Local
from tests.unit.operations.test_plans import machine

SNAPSHOT = "20261123T030000Z-ab12"
BEFORE = "20261124T030000Z-cd34"
ARCHIVE = f"/srv/{SNAPSHOT}.tar.zst"


def release(name: str, data: str) -> LocalRelease:
    return LocalRelease(
        id=name, fingerprint="f" * 64, code="c" * 64, lock="d" * 64, secrets="", revision="r1",
        created_at="2026-11-23T02:00:00+00:00", created_by="tester", origin="deploy", host="127.0.0.1", port=8000,
        data=data,
    )  # fmt: skip


SERVES = release("20261124T020000Z-aaaaaaa", "20261101T000000Z-aaaaaaa")
NEW = release("20261124T030000Z-fffffff", "20261124T030000Z-fffffff")
MANIFEST = Manifest(
    snapshot=SNAPSHOT,
    deployment="decodeat-production",
    tool="0.1.0",
    created_at="2026-11-23T03:00:00+00:00",
    release=release("20261123T020000Z-bbbbbbb", "20261101T000000Z-aaaaaaa").as_json(),
    settings={"settings/decodeat-ops.toml": "decodeat-ops.toml", "settings/env-file": "decodeat-ops.env"},
    parts={
        "settings": (Entry("settings/decodeat-ops.toml", 1, 0o600, "e"), Entry("settings/env-file", 1, 0o600, "e")),
        "release": (Entry("release/release.json", 1, 0o600, "e"),),
        "database": (Entry("database/decodeat.sqlite3", 1, 0o600, "e"),),
        "logs": (Entry("logs/a.log", 1, 0o600, "e"),),
    },
)
LOADED = Loaded(
    settings=Settings(), env="production", files=(Path("/etc/decodeat-ops.toml"),), directory=Path("/etc"), origins={}
)
MACHINE = machine(LOADED, Path("/state"))
HERE = Local(MACHINE, {}, Boot(systemd=False, system=False, directory=Path("/units")))
DATA = LocalData(MACHINE)


def observed(active: LocalRelease | None) -> LocalObserved:
    alive = active is not None
    supervisor = Supervisor(alive=alive)
    return LocalObserved(active, None, (active,) if active else (), frozenset(), supervisor=supervisor)


def planned(parts: tuple[str, ...], active: LocalRelease | None = SERVES, **changed: object) -> list[str]:
    """The plan's text, line by line."""
    starts = bool({"release", "database"} & set(parts))
    wanted = Wanted(
        archive=ARCHIVE,
        manifest=MANIFEST,
        parts=parts,
        release=NEW if starts else None,
        original=None if "release" in parts or not starts else active,
        before=BEFORE if active else "",
        migration=Migration("0002"),
    )
    wanted = replace(wanted, **changed)  # type: ignore[arg-type]
    return restore.plan(wanted, observed(active), HERE, DATA, LOADED.deployment).text().splitlines()


def ids(lines: list[str]) -> list[str]:
    return [line.rpartition("[")[2].rstrip("]") for line in lines if line.endswith("]") and line[:3].strip(" .")]


BACKED_UP = ["before-database", "before-archive", "before-verify", "before-clean"]
CARRIED = ["wait-stopped", "carry"]
LIVE = ["environment", "stage", "migrate", "supervise", "start", "probe", "switch", "confirm"]


@pytest.mark.parametrize(
    ("parts", "steps"),
    [
        (restore.USUAL, ["unpack", *BACKED_UP, "logs", "data", *LIVE, "drain", "prune", *CARRIED, "clean"]),
        (("database",), ["unpack", *BACKED_UP, "data", *LIVE, "drain", "prune", *CARRIED, "clean"]),
        (("release",), ["unpack", *BACKED_UP, *LIVE, "drain", "prune", "clean"]),
        (("settings",), ["unpack", *BACKED_UP, "settings", "clean"]),
        (("logs",), ["unpack", *BACKED_UP, "logs", "clean"]),
        (("settings", "logs"), ["unpack", *BACKED_UP, "settings", "logs", "clean"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_the_steps_for_which_parts(parts: tuple[str, ...], steps: list[str]) -> None:
    assert ids(planned(parts)) == steps


def test_an_empty_machine_has_nothing_to_back_up_and_nothing_to_drain() -> None:
    lines = planned(restore.USUAL, active=None)
    assert ids(lines) == ["unpack", "logs", "data", *LIVE, "prune", "clean"]
    assert "  backed up before: nothing: nothing is deployed here" in lines
    assert "  serves now: nothing" in lines


def test_the_database_alone_as_text() -> None:
    assert planned(("database",)) == [
        f"restore {SNAPSHOT} (decodeat-production)",
        f"  archive: {SNAPSHOT} of decodeat-production, made 2026-11-23T03:00:00+00:00",
        "  brings back: database",
        f"  serves now: {SERVES.id}; it goes on until the restored release has proven itself",
        f"  backed up before: {BEFORE}",
        " 1. Unpack and check the archive  [unpack]",
        "      5 files, every checksum, the database's integrity",
        "      undo: restore-clean",
        " 2. Copy the live database  [before-database]",
        "      SQLite's own backup interface; the service goes on writing",
        "      undo: backup-clean",
        f" 3. Write archive {BEFORE}  [before-archive]",
        f"      settings, release {SERVES.id}, database and logs into {BEFORE}.tar.zst (0600)",
        "      undo: backup-remove",
        " 4. Read it back  [before-verify]",
        "      every checksum, and the database's integrity",
        " 5. Remove the copy  [before-clean]",
        f"      staging/backup-{BEFORE}",
        " 6. Lay out the archived data as a new generation  [data]",
        f"      data/{NEW.id}; what serves now keeps its own",
        "      undo: unrestore-data",
        " 7. Python environment for the service's dependencies  [environment]",
        "      pip install --require-hashes (lock dddddddddddd), unless it is there",
        "      undo: drop-environment",
        f" 8. Lay out release {NEW.id}  [stage]",
        f"      code and configuration of {SERVES.id}",
        "      undo: unstage",
        " 9. Bring the data to its schema  [migrate]",
        f"      data/{NEW.id} is at 0002: nothing to do",
        "      undo: unmigrate",
        "10. Supervisor  [supervise]",
        "      runs already",
        f"11. Start {NEW.id} on its private socket  [start]",
        "      secrets resolved anew into secrets.env (0600)",
        f"      wants/{NEW.id}",
        "      undo: unstart",
        "12. Wait until it is ready and reports its id  [probe]",
        "      GET /health, GET /ready, POST /api/v1/analyze; at most 60 s",
        "13. Switch traffic  [switch]",
        f"      active: {SERVES.id} -> {NEW.id}",
        "      undo: switch-back",
        "14. Confirm through the public port  [confirm]",
        f"      127.0.0.1:8000 answers with release {NEW.id}, ten times in a row",
        f"15. Drain {SERVES.id}  [drain]",
        "      it finishes what runs, then stops; it stays on disk for rollback",
        "16. Remove what is beyond retention  [prune]",
        "      0 releases (none); keeps 5",
        "17. Wait until it has finished what runs  [wait-stopped]",
        f"      {SERVES.id}",
        "18. Carry over what was answered meanwhile  [carry]",
        f"      results in data/{SERVES.data} that {BEFORE} does not have go to data/{NEW.id}",
        "19. Remove what was unpacked  [clean]",
        f"      staging/restore-{SNAPSHOT}",
    ]


def test_where_code_comes_from() -> None:
    def stage(parts: tuple[str, ...]) -> str:
        original = None if "release" in parts else SERVES
        wanted = Wanted(ARCHIVE, MANIFEST, parts, NEW, original, BEFORE)
        plan = restore.plan(wanted, observed(SERVES), HERE, DATA, LOADED.deployment)
        return str(next(step for step in plan.steps if step.id == "stage").do.params["directory"])

    assert stage(("release",)) == f"/state/staging/restore-{SNAPSHOT}/release"
    assert stage(("database",)) == f"/state/releases/{SERVES.id}"


@pytest.mark.parametrize(("parts", "laid_out"), [(restore.USUAL, True), (("release", "logs"), False)])
def test_the_undo_of_a_release_deletes_its_data_unless_another_step_laid_it_out(
    parts: tuple[str, ...], laid_out: bool
) -> None:
    """On an empty machine a release without archived data gets its own; what an undo left would bar the next try."""
    plan = restore.plan(Wanted(ARCHIVE, MANIFEST, parts, NEW, None, ""), observed(None), HERE, DATA, LOADED.deployment)
    undo = next(step for step in plan.steps if step.id == "stage").undo
    assert undo is not None
    assert undo.params["laid_out"] is laid_out


def test_what_has_to_be_known_is_said_above_the_steps() -> None:
    lacking = replace(MANIFEST, partial=("logs/b.log could not be read: Permission denied",))
    lines = planned(("logs",), manifest=lacking, passed=("20261124T000000Z-0000: it is cut short.",))
    assert "  archive lacks: logs/b.log could not be read: Permission denied" in lines
    assert "  passed over: 20261124T000000Z-0000: it is cut short." in lines
    assert f"  serves now: {SERVES.id}" in lines  # and goes on: no release is started


class TestParts:
    def test_all_but_settings_unless_they_are_named(self) -> None:
        assert choose_parts((), MANIFEST) == ("release", "database", "logs")
        assert choose_parts(("settings",), MANIFEST) == ("settings",)
        assert choose_parts(("logs", "database", "logs"), MANIFEST) == ("logs", "database")

    def test_what_the_archive_does_not_hold_is_not_missed(self) -> None:
        young = replace(MANIFEST, parts={**MANIFEST.parts, "database": ()})
        assert choose_parts((), young) == ("release", "logs")
        with pytest.raises(Usage, match="holds nothing of the part database") as caught:
            choose_parts(("database",), young)
        assert caught.value.advice.hint == "It holds: settings, release, logs."

    @pytest.mark.parametrize(
        ("asked", "meant"), [("databse", "database"), ("data", "database"), ("log", "logs"), ("code", "")]
    )
    def test_unknown_parts(self, asked: str, meant: str) -> None:
        with pytest.raises(Usage, match=f"no part '{asked}'") as caught:
            choose_parts((asked,), MANIFEST)
        assert (f"Did you mean {meant}? " in caught.value.advice.hint) == bool(meant)
        assert "settings, release, database, logs" in caught.value.advice.hint
