"""An undo that meets a database which can't be read keeps it, says so, and goes on: it must not block every change."""

from pathlib import Path

import pytest

from decodeat_ops.deployment.machine import Machine
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.local import migrate_actions, release_actions, restore_actions
from tests.unit.checks.stage import Stage

NAME = "20261103T000000Z-ccccccc"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    stage = Stage(tmp_path)
    stage.release(NAME)
    return stage.machine


def damage(machine: Machine) -> Path:
    """Make a database whose first bytes are right and nothing else is."""
    database = machine.layout.database(NAME)
    database.parent.mkdir(parents=True, exist_ok=True)
    database.write_bytes(b"SQLite format 3\0" + b"\xff" * 4096)
    return database


@pytest.mark.parametrize("undo", ["unstage", "unrestore-data"])
def test_the_data_stays_and_the_undo_goes_on(machine: Machine, undo: str) -> None:
    database = damage(machine)
    release = machine.store.get(NAME)
    assert release is not None
    params = {"release": {**release.as_json(), "data": NAME}, "data": NAME}
    do = {**release_actions.ACTIONS, **restore_actions.ACTIONS}[undo]
    told = do(machine, Context(), params) or {}
    assert database.exists()
    (warning,) = told["warnings"]
    assert str(database.parent) in warning and "is kept" in warning


def test_a_migration_of_data_that_cant_be_read_is_left_and_the_undo_goes_on(machine: Machine) -> None:
    database = damage(machine)
    note = machine.layout.staging / f"migrate-{NAME}.json"
    note.write_text('{"before": "0001"}')
    told = migrate_actions.unmigrate(machine, Context(), {"release": NAME, "snapshot": ""}) or {}
    (warning,) = told["warnings"]
    assert "can't be read" in warning and str(database) in warning
    assert database.exists()
    assert not note.exists()
