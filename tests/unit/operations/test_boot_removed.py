"""A unit that systemd did not let go of is said, when its deployment is removed."""

from pathlib import Path

import pytest

from decodeat_ops.engine.executor import Context
from decodeat_ops.settings.load import load
from decodeat_ops.targets.local import boot
from tests.unit.operations.test_boot import Systemd, machine


@pytest.mark.parametrize(("failing", "said"), [("disable", "disable"), ("daemon-reload", "daemon-reload"), ("", "")])
def test_what_systemd_did_not_do_is_told(tmp_path: Path, failing: str, said: str) -> None:
    (tmp_path / "decodeat-ops.toml").write_text('name = "tested"\n')
    loaded = load(tmp_path / "decodeat-ops.toml", None, {})
    place = boot.Boot(systemd=True, system=True, directory=tmp_path)
    unit = place.unit(loaded)
    unit.touch()
    calls = (("systemctl", "disable", unit.name), ("systemctl", "daemon-reload"))
    host = Systemd({call: int(call[1] == failing) for call in calls})
    told = boot.remove_unit(machine(host), Context(), boot.undo_step(loaded, place).do.params) or {}
    assert not unit.exists()
    assert host.asked == list(calls)
    warnings = told.get("warnings", [])
    assert len(warnings) == bool(said)
    assert all(unit.name in text and said in text for text in warnings)
