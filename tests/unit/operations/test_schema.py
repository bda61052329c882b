"""Which form data has and which forms code knows: read from real files, and asked of the real service."""

import shutil
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from decodeat.stores import schema as service
from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.migration import Revision, unknown
from decodeat_ops.deployment import schema, source
from decodeat_ops.deployment.release import LocalRelease
from decodeat_ops.deployment.schema import Code, known, revision_of
from decodeat_ops.operations import migrate
from decodeat_ops.targets.local.data import LocalData
from tests.support.deployments import REPOSITORY
from tests.support.migrations import add_revision
from tests.unit.checks.stage import NEW, OLD, Stage
from tests.unit.decodeat.earlier import MADE

IDS = [one.id for one in service.revisions()]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ((), {"0001"}),
        (("decodeat/main.py", "decodeat/migrations/env.py"), {"0001"}),
        (
            (
                "release/code/decodeat/migrations/versions/r0001_a.py",
                "release/code/decodeat/migrations/versions/r0002_b.py",
                "release/code/decodeat/migrations/versions/__init__.py",
                "release/code/decodeat/migrations/versions/r0003_c.txt",
                "release/code/decodeat/migrations/versions/old/r0004_d.py",
                "logs/decodeat/migrations/versions/r0005.py",
            ),
            {"0001", "0002"},
        ),
    ],
)
def test_names_of_files_tell_what_code_knows(names: tuple[str, ...], found: set[str]) -> None:
    assert known(names) == found


def test_and_they_tell_it_of_the_service_itself() -> None:
    assert sorted(Code(REPOSITORY / "decodeat", "").knows) == IDS


@pytest.mark.parametrize(
    ("script", "revision"),
    [
        (None, ""),
        ("", ""),
        ("CREATE TABLE other (id)", ""),
        (MADE, "0001"),
        (MADE.replace("user_version = 1", "user_version = 0"), ""),
        (f"{MADE} CREATE TABLE alembic_version (version_num); INSERT INTO alembic_version VALUES ('0007')", "0007"),
        ("CREATE TABLE alembic_version (version_num)", ""),
    ],
)
def test_the_database_tells_its_own(tmp_path: Path, script: str | None, revision: str) -> None:
    path = tmp_path / "data base?.sqlite3"
    if script is not None:
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(script)
    before = sorted(tmp_path.iterdir())
    assert revision_of(path) == revision
    assert sorted(tmp_path.iterdir()) == before


def test_one_that_is_none_is_said_to_be(tmp_path: Path) -> None:
    path = tmp_path / "garbage.sqlite3"
    path.write_bytes(b"no database at all, but long enough to be looked at" * 20)
    with pytest.raises(Configuration, match="file is not a database"):
        revision_of(path)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path / "stage")


def laid_out(stage: Stage, name: str) -> LocalRelease:
    """Make a release with the code of the service itself, and a Python that can run it."""
    release = stage.release(name, runs=False)
    package = stage.layout.code(name) / "decodeat"
    shutil.rmtree(package)
    shutil.copytree(REPOSITORY / "decodeat", package, ignore=shutil.ignore_patterns("__pycache__"))
    python = stage.environment(package)
    python.unlink()
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')  # a link would be a Python without packages
    python.chmod(0o755)
    return replace(release, lock=source.lock_digest(package / source.LOCK_NAME))


@pytest.fixture
def today(stage: Stage) -> LocalRelease:
    return laid_out(stage, OLD)


@pytest.fixture
def coming(stage: Stage) -> LocalRelease:
    """With two steps more, the second of which is not reversible."""
    made = laid_out(stage, NEW)
    package = stage.layout.code(NEW) / "decodeat"
    add_revision(package, "0003")
    add_revision(package, "0004", reversible=False)
    return made


@pytest.fixture
def later(stage: Stage, coming: LocalRelease) -> Code:
    """Return the code of that release."""
    return Code.of(coming, stage.layout)


@pytest.fixture
def data(stage: Stage) -> LocalData:
    return LocalData(stage.machine)


def test_what_a_step_promises_the_code_says(stage: Stage, later: Code) -> None:
    told = schema.ask(stage.machine, later)
    assert [one.id for one in told] == [*IDS, "0003", "0004"]
    assert told[-1] == Revision("0004", "What a later release needs", reversible=False, lossless=True)
    assert not list(later.package.rglob("*.pyc")), "asking leaves nothing in the code"


@pytest.mark.parametrize("trouble", ["no environment", "broken"])
def test_where_it_can_not_be_asked_the_worst_is_believed(stage: Stage, later: Code, trouble: str) -> None:
    if trouble == "broken":
        (later.package / "__main__.py").write_text("raise SystemExit('broken')")
    else:
        later = replace(later, lock="0" * 64)
    assert schema.ask(stage.machine, later) == unknown([*IDS, "0003", "0004"])


def test_what_data_lacks(data: LocalData, today: LocalRelease, coming: LocalRelease) -> None:
    assert [one.id for one in migrate.needed(data, coming, "0002").lacks] == ["0003", "0004"]
    assert migrate.needed(data, coming, "0004").lacks == ()
    assert migrate.needed(data, today, "0004").lacks == ()
    assert migrate.needed(data, coming, "").lacks == (), "what isn't there lacks nothing"


@pytest.mark.parametrize(
    ("at", "knows", "crossed"),
    [
        ("", {"0001"}, []),
        ("0002", {"0001", "0002"}, []),
        ("0002", {"0001", "0002", "0003"}, []),
        ("0003", {"0001", "0002"}, []),
        ("0004", {"0001", "0002", "0003"}, ["0004"]),
        ("0004", {"0001", "0002"}, ["0004"]),
        ("0004", {"0001"}, ["0002", "0004"]),
        ("0003", {"0001"}, ["0002"]),
        ("0099", {"0001", "0002"}, ["0099"]),
    ],
)
def test_what_stands_between_data_and_code(
    data: LocalData, today: LocalRelease, coming: LocalRelease, at: str, knows: set[str], crossed: list[str]
) -> None:
    found = migrate.crossed(data, at, frozenset(knows), [today, coming])
    assert [one.id for one in found] == crossed
