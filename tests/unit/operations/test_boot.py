"""Given a machine with systemd or without: what is written, what is enabled, what is told."""

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from decodeat_ops.core.ports import Completed
from decodeat_ops.deployment.machine import Machine
from decodeat_ops.engine.executor import Context
from decodeat_ops.rendering import quoting
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


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    (tmp_path / "decodeat-ops.toml").write_text('name = "tested"\n')
    return load(tmp_path / "decodeat-ops.toml", None, {})


def machine(host: Systemd, loaded: Loaded | None = None) -> Machine:
    """Return a machine of which no more than host and settings is there."""
    return cast(Machine, SimpleNamespace(host=host, loaded=loaded))


def test_a_unit_is_enabled_again_though_its_text_is_unchanged(loaded: Loaded, tmp_path: Path) -> None:
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
    assert boot.write_unit(machine(host), Context(), step.do.params) == {"problem": ""}
    assert f"ExecStart={' '.join(boot.argv(loaded))} start --yes" in unit.read_text()
    assert "WantedBy=default.target" in unit.read_text()
    assert len(host.asked) == 2
    written = unit.stat().st_mtime_ns
    host.answers = {**host.answers, ("systemctl", "--user", "enable", unit.name): 1}
    told = boot.write_unit(machine(host), Context(), step.do.params)
    assert told is not None and "enable" in told["problem"], "an unchanged text is no proof"
    assert unit.stat().st_mtime_ns == written
    host.asked.clear()
    boot.remove_unit(machine(host), Context(), boot.undo_step(loaded, place).do.params)
    assert not unit.exists()
    assert host.asked == [("systemctl", "--user", "disable", unit.name), ("systemctl", "--user", "daemon-reload")]


def test_a_user_manager_that_does_not_run_is_told_and_fails_nothing(loaded: Loaded, tmp_path: Path) -> None:
    step = boot.step(loaded, boot.Boot(systemd=True, system=False, directory=tmp_path))
    host = Systemd({("systemctl", "--user", "daemon-reload"): 1})
    told = boot.write_unit(machine(host), Context(), step.do.params)
    assert told is not None
    assert "Failed to connect to bus" in told["problem"]


def test_the_cron_line_is_a_whole_command(loaded: Loaded) -> None:
    line = boot.cron_line(loaded, {})
    assert line.startswith("@reboot /")
    assert f"--config {loaded.files[0].resolve()} --env production start --yes" in line


class Logind(Systemd):
    """Stand in for systemd with the lingering state of one user."""

    def __init__(self, lingers: bool, allows: bool) -> None:
        super().__init__({})
        self.lingers, self.allows = lingers, allows

    def run(self, argv: Sequence[str], **options: Any) -> Completed:
        self.asked.append(tuple(argv))
        if tuple(argv) == ("loginctl", "show-user", "operator", "--property=Linger"):
            return Completed(tuple(argv), 0, f"Linger={'yes' if self.lingers else 'no'}\n", "")
        if tuple(argv) == ("loginctl", "enable-linger"):
            self.lingers = self.allows
            return Completed(tuple(argv), 0 if self.allows else 1, "", "" if self.allows else "Access denied")
        assert argv[:2] == ("systemctl", "--user")
        return Completed(tuple(argv), 0, "", "")


@pytest.mark.parametrize(
    ("lingers", "allows", "asks", "said"),
    [(True, False, False, ""), (False, True, True, ""), (False, False, True, "enable-linger operator")],
)
def test_a_users_unit_starts_at_boot_or_it_is_told(
    loaded: Loaded, tmp_path: Path, lingers: bool, allows: bool, asks: bool, said: str
) -> None:
    host = Logind(lingers, allows)
    step = boot.step(loaded, boot.Boot(systemd=True, system=False, directory=tmp_path / "units", user="operator"))
    told = boot.write_unit(machine(host), Context(), step.do.params)
    assert told is not None
    assert (("loginctl", "enable-linger") in host.asked) is asks
    assert said in told["problem"] and bool(told["problem"]) is bool(said)


@pytest.mark.parametrize(
    ("enabled", "lingers", "said"),
    [(0, True, ""), (1, True, "is not enabled"), (0, False, "runs only while operator is logged in")],
)
def test_what_would_not_come_back_is_seen(
    loaded: Loaded, tmp_path: Path, enabled: int, lingers: bool, said: str
) -> None:
    """A deploy that finds nothing changed, and the doctor, look at what systemd knows."""
    place = boot.Boot(systemd=True, system=False, directory=tmp_path / "units", user="operator")
    unit = place.unit(loaded)

    class Both(Logind):
        def run(self, argv: Sequence[str], **options: Any) -> Completed:
            if tuple(argv) == ("systemctl", "--user", "is-enabled", unit.name):
                return Completed(tuple(argv), enabled, "", "")
            return super().run(argv, **options)

    here = machine(Both(lingers, allows=False), loaded)
    assert "can't be read" in boot.missing(here, place)
    boot.write_unit(here, Context(), boot.step(loaded, place).do.params)
    assert boot.missing(here, place).endswith(said) and bool(boot.missing(here, place)) is bool(said)
    unit.write_text(unit.read_text().replace(sys.executable, "/gone/python"))
    assert "starts another command" in boot.missing(here, place)


ODD = "/srv/100%n/$HOME a'b\"c\\d"
SHELL = {"XDG_STATE_HOME": ODD, "DECODEAT_OPS_LOCAL__PORT": "8123", "API_KEYS": "a-secret", "DECODEAT_OPS_ENV": "x"}


def test_what_the_shell_alone_knew_is_carried_and_no_secret(loaded: Loaded, tmp_path: Path) -> None:
    assert boot.carried(SHELL) == {"XDG_STATE_HOME": ODD, "DECODEAT_OPS_LOCAL__PORT": "8123"}
    for text in (boot.cron_line(loaded, SHELL), boot.text(loaded, boot.Boot(True, True, tmp_path), SHELL)):
        assert "DECODEAT_OPS_LOCAL__PORT=8123" in text
        assert "a-secret" not in text


def test_a_secret_that_only_the_shell_knows_is_named(tmp_path: Path) -> None:
    settings = tmp_path / "decodeat-ops.toml"
    settings.write_text(
        'name = "tested"\n[service.secrets]\nAPI_KEYS = "env:API_KEYS"\nJWT_SECRET = "env:JWT_SECRET"\n'
    )
    kept = tmp_path / "decodeat-ops.env"
    kept.touch(mode=0o600)
    kept.write_text("JWT_SECRET=from-the-file\n")
    assert boot.lost_secrets(load(settings, None, {}), {"API_KEYS": "here", "JWT_SECRET": "here"}) == ("API_KEYS",)


def test_cron_runs_what_was_meant_whatever_signs_a_path_has(loaded: Loaded) -> None:
    """Read the line as cron does (crontab(5)): an unescaped percent sign ends the command; `sh` runs the rest."""
    program = "import os, sys; print(os.environ['XDG_STATE_HOME'] + '|' + sys.argv[1])"
    line = quoting.cron((sys.executable, "-c", program, ODD), {"XDG_STATE_HOME": ODD})
    assert not re.search(r"(?<!\\)%", line)
    done = subprocess.run(["sh", "-c", line.replace("\\%", "%")], capture_output=True, text=True, check=True)
    assert done.stdout == f"{ODD}|{ODD}\n"


def test_systemd_reads_what_was_meant_whatever_signs_a_path_has() -> None:
    assert quoting.systemd("/plain/path") == "/plain/path"
    assert quoting.systemd("A=/100% $x") == '"A=/100%% $x"'
    assert quoting.systemd_command(("/a b/python%", "--config", "/100%/$x")) == '"/a b/python%%" --config "/100%%/$$x"'
    assert quoting.systemd('a"b\\c') == '"a\\"b\\\\c"'


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("system", [True, False])
def test_systemd_itself_finds_the_unit_right(loaded: Loaded, tmp_path: Path, system: bool) -> None:
    unit = tmp_path / "decodeat-ops-tested-production.service"
    unit.write_text(boot.text(loaded, boot.Boot(systemd=True, system=system, directory=tmp_path), SHELL))
    done = subprocess.run(
        ["systemd-analyze", "verify", *([] if system else ["--user"]), str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "decodeat-ops-tested" not in done.stderr, done.stderr
