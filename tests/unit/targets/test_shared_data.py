"""Test that after a rollback an older release serves today's data, and that its manifest says so."""

import json
from pathlib import Path

import pytest

from decodeat_ops.application.targets import open_desk
from decodeat_ops.deployment import inputs
from decodeat_ops.deployment.machine import Machine
from decodeat_ops.deployment.release import LocalRelease
from decodeat_ops.engine.executor import Context
from decodeat_ops.settings.load import load
from decodeat_ops.targets.local.release_actions import share_data
from tests.support.acting import machine_of

OLD = LocalRelease(
    id="20260301T010000Z-1abcdef", fingerprint="1", code="c", lock="l", secrets="s", revision="", created_by="operator",
    created_at="2026-03-01T01:00:00+00:00", origin="deploy", host="127.0.0.1", port=8000, data="of-before",
)  # fmt: skip


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    (tmp_path / "decodeat-ops.toml").write_text('name = "tested"\n[local]\nstate_dir = "state"\n')
    made = machine_of(open_desk(load(tmp_path / "decodeat-ops.toml", None, {}), secrets={}))
    inputs.prepare(made.layout)
    made.layout.release(OLD.id).mkdir()
    made.layout.manifest(OLD.id).write_text(json.dumps(OLD.as_json()))
    made.layout.release_data(OLD.id).symlink_to("../../data/of-before")
    return made


def test_the_manifest_names_the_data_that_the_release_serves(machine: Machine) -> None:
    """Roll back after a restore: the older release's own data is not today's, and the next deploy must not use it."""
    for data in ("of-today", "of-before"):
        share_data(machine, Context(), {"release": OLD.id, "data": data})
        found = machine.store.get(OLD.id)
        assert found is not None
        assert found.data == data == machine.layout.release_data(OLD.id).readlink().name
