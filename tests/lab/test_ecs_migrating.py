"""Given a database that tasks reach, when a release needs another schema, then a task of its own migrates it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.conftest import Hire
from tests.lab.ecs import Operator
from tests.lab.engine import Engine
from tests.lab.forwarding import forwarded
from tests.servers.postgres import Postgres, postgres
from tests.support.deployments import make_source
from tests.support.migrations import ADDS, DROPS, add_revision

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800), pytest.mark.share(2, part=1)]


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.fixture(scope="module")
def database(docker: Engine, server: Postgres) -> Iterator[tuple[str, str]]:
    """Return where this machine finds a new database, and where containers do."""
    here = server.database()
    with forwarded(docker, server.port) as address:
        yield here, here.replace(f"127.0.0.1:{server.port}", address)


@pytest.fixture(scope="module")
def migrated(hire: Hire, database: tuple[str, str]) -> Operator:
    """Return an operator whose first deploy has laid out the database."""
    made = hire()
    made.secrets["DATABASE_URL"] = database[1]
    made.write()
    made.ok("bootstrap", "--yes")
    assert "migrate" in made.planned()
    made.deploy()
    return made


def revision_of(server: Postgres, database: tuple[str, str]) -> Any:
    (row,) = server.run("SELECT version_num FROM alembic_version", database[0])
    return row["version_num"]


def test_the_first_deploy_lays_out_the_database(
    migrated: Operator, server: Postgres, database: tuple[str, str]
) -> None:
    assert migrated.serving() and revision_of(server, database) == "0002"
    migrated.wait_alone()
    migrated.change_something()
    told = migrated.ok("deploy", "--yes")["data"]
    assert told["steps"]["migrate"]["done"] == [], "its task finds nothing to do"
    assert migrated.serving() == told["release"] and revision_of(server, database) == "0002"
    migrated.wait_alone()


def test_a_migration_that_fails_leaves_what_serves_and_its_data(
    migrated: Operator, server: Postgres, database: tuple[str, str], tmp_path: Path
) -> None:
    before, good = migrated.serving(), migrated.source
    migrated.source = make_source(tmp_path / "bad")
    add_revision(migrated.source / "decodeat", upgrade='raise RuntimeError("this migration fails on purpose")')
    migrated.write()
    try:
        error = migrated.refused(5, "deploy", "--yes")
    finally:
        migrated.source = good
        migrated.write()
    # The service names the kind of error alone: what it says may hold data.
    assert "The migration failed, and the database is as it was: RuntimeError" in error["what"], error
    assert any('"problem": "RuntimeError"' in line for line in error["lines"]), error["lines"]
    assert migrated.serving() == before and revision_of(server, database) == "0002"
    migrated.wait_alone()


def test_a_later_release_migrates_and_the_one_before_works_with_it(
    migrated: Operator, server: Postgres, database: tuple[str, str], tmp_path: Path
) -> None:
    before = migrated.serving()
    migrated.source = make_source(tmp_path / "later")
    add_revision(migrated.source / "decodeat")
    migrated.write()
    assert "migrate" in migrated.planned()
    assert migrated.deploy() == migrated.serving() != before
    assert revision_of(server, database) == "0003"
    migrated.wait_alone()
    migrated.ok("rollback", "--yes")
    assert migrated.serving() == before and revision_of(server, database) == "0003"


def later(directory: Path, newest: int) -> Path:
    """Return a copy of the service that knows every migration up to `newest`."""
    made = make_source(directory)
    for number in range(3, newest + 1):
        name = f"later_{number}"
        add_revision(
            made / "decodeat", f"{number:04}", upgrade=ADDS.format(name=name), downgrade=DROPS.format(name=name)
        )
    return made


@pytest.mark.share
@pytest.mark.parametrize("when", ["before", "inside", "after"])
def test_a_killed_migration_goes_on(
    migrated: Operator, server: Postgres, database: tuple[str, str], tmp_path: Path, when: str
) -> None:
    before, newest = migrated.serving(), int(revision_of(server, database)) + 1
    migrated.source = later(tmp_path / "next", newest)
    migrated.write()
    status, _ = migrated.drive("deploy", "migrate", when)
    assert status == -9 and migrated.serving() == before
    told = migrated.ok("resume", "--yes")["data"]
    assert migrated.serving() == told["subject"] != before
    assert revision_of(server, database) == f"{newest:04}"
    migrated.wait_alone()
