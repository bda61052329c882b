"""Given a machine with systemd or without: what is written, what is enabled, what is told."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from decodeat_ops.core.ports import Completed
from decodeat_ops.engine.executor import Context
from decodeat_ops.settings.load import load
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.targets.local import boot


class Systemd:
    """A strict stand-in for the one program that can't run here: knows these calls and no others."""

    def __init__(self, answers: Mapping[tuple[str, ...], int]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, ...]] = []

    def run(self, argv: Sequence[str], **options: Any) -> Completed:
        self.asked.append(tuple(argv))
        return Completed(tuple(argv), self.answers[tuple(argv)], "", "Failed to connect to bus")


class Tools:
    def __init__(self, host: Systemd) -> None:
        self.host = host


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    (tmp_path / "decodeat-ops.toml").write_text('name = "tested"\n')
    return load(tmp_path / "decodeat-ops.toml", None, {})


def context(host: Systemd) -> Context:
    return Context(cast(Any, Tools(host)))


def test_a_user_with_systemd_gets_a_unit_that_is_enabled_once(loaded: Loaded, tmp_path: Path) -> None:
    place = boot.Boot(systemd=True, system=False, directory=tmp_path / "units")
    step = boot.step(loaded, place)
    unit = tmp_path / "units" / "decodeat-ops-tested-production.service"
    host = Systemd(
        {
            ("systemctl", "--user", "daemon-reload"): 0,
            ("systemctl", "--user", "enable", unit.name): 0,
            ("systemctl", "--user", "disable", unit.name): 0,
        }
    )
    assert boot.write_unit(context(host), step.do.params) == {"problem": ""}
    assert f"ExecStart={boot.command(loaded)} start --yes" in unit.read_text()
    assert "WantedBy=default.target" in unit.read_text()
    assert len(host.asked) == 2
    assert boot.write_unit(context(host), step.do.params) == {"problem": ""}
    assert len(host.asked) == 2, "a second run changes nothing"
    boot.remove_unit(context(host), boot.undo_step(loaded, place).do.params)
    assert not unit.exists()
    assert host.asked[2:] == [("systemctl", "--user", "disable", unit.name), ("systemctl", "--user", "daemon-reload")]


def test_a_user_manager_that_does_not_run_is_told_and_fails_nothing(loaded: Loaded, tmp_path: Path) -> None:
    step = boot.step(loaded, boot.Boot(systemd=True, system=False, directory=tmp_path))
    told = boot.write_unit(context(Systemd({("systemctl", "--user", "daemon-reload"): 1})), step.do.params)
    assert told is not None
    assert "Failed to connect to bus" in told["problem"]


def test_the_cron_line_is_a_whole_command(loaded: Loaded) -> None:
    line = boot.cron_line(loaded)
    assert line.startswith("@reboot /")
    assert f"--config {loaded.files[0].resolve()} --env production start --yes" in line


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("system", [True, False])
def test_systemd_itself_finds_the_unit_right(loaded: Loaded, tmp_path: Path, system: bool) -> None:
    unit = tmp_path / "decodeat-ops-tested-production.service"
    unit.write_text(boot.text(loaded, boot.Boot(systemd=True, system=system, directory=tmp_path)))
    done = subprocess.run(
        ["systemd-analyze", "verify", *([] if system else ["--user"]), str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "decodeat-ops-tested" not in done.stderr, done.stderr
