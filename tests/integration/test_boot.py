"""Test with a real systemd that a deployment serves again after a reboot, whatever its path."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from decodeat_ops.supervisor.process import belongs
from tests.support.deployments import Deployment, deployment
from tests.support.waiting import wait_for

SYSTEMD = Path("/lib/systemd/systemd")
pytestmark = pytest.mark.skipif(
    not SYSTEMD.exists() or shutil.which("unshare") is None or os.geteuid() != 0,
    reason="takes systemd (it need not run), util-linux and root",
)
INSTALL = """
import sys
from pathlib import Path
from decodeat_ops.application.targets import open_desk
from decodeat_ops.engine.executor import Context
from decodeat_ops.settings.load import load
from decodeat_ops.targets.local import boot

loaded = load(Path(sys.argv[1]), None, {})
step = boot.step(loaded, boot.Boot(systemd=True, system=False, directory=Path(sys.argv[2])))
print(open_desk(loaded).actions[step.do.name](Context(), step.do.params))
"""


class Manager:
    """Run a user's systemd with its own /run and units, without this shell's environment."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.units = home / "config" / "systemd" / "user"
        (home / "run").mkdir(parents=True, mode=0o700)

    def variables(self) -> dict[str, str]:
        found = {"HOME": str(self.home), "XDG_RUNTIME_DIR": str(self.home / "run"), "PATH": "/usr/bin:/bin"}
        return {**found, "XDG_CONFIG_HOME": str(self.home / "config"), "SYSTEMD_LOG_TARGET": "console"}

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run it, with the units that are enabled, until the block ends."""
        private = self.home / "run" / "systemd" / "private"
        private.unlink(missing_ok=True)
        script = f"mount -t tmpfs boot /run && mkdir -p /run/systemd/system && exec {SYSTEMD} --user"
        with (self.home / "log").open("w") as log:
            argv = ["unshare", "--mount", "sh", "-c", script]
            process = subprocess.Popen(argv, env=self.variables(), stdout=log, stderr=log)
        try:
            wait_for(private.is_socket, otherwise=(self.home / "log").read_text)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(60)
            process.kill()
            process.wait()

    def run(self, *argv: str, **variables: str) -> str:
        env = {**self.variables(), **variables}
        done = subprocess.run(argv, env=env, cwd="/", capture_output=True, text=True, timeout=120, check=False)
        return done.stdout + done.stderr


@pytest.fixture
def odd(tmp_path: Path) -> Iterator[tuple[Deployment, dict[str, str]]]:
    """Make a deployment whose place and port only the shell knows, in a directory with special characters."""
    place = tmp_path / "100%n $HOME a'b"
    with deployment(place, state=place / "state" / "decodeat-ops", ready=60.0) as made:
        settings = made.home / "decodeat-ops.toml"
        lines = settings.read_text().splitlines(keepends=True)
        settings.write_text("".join(line for line in lines if not line.startswith(("state_dir", "port"))))
        yield made, {"XDG_STATE_HOME": str(place / "state"), "DECODEAT_OPS_LOCAL__PORT": str(made.port)}


def power_cut(made: Deployment) -> None:
    """Kill every process at once."""
    assert made.store.running(made.store.supervisor()), "there is something to kill"
    numbers = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in numbers:
            with suppress(ProcessLookupError):
                if belongs(pid, made.layout.run):
                    os.kill(pid, number)
    wait_for(lambda: not made.store.running(made.store.supervisor()))


def test_it_comes_back_with_systemd(odd: tuple[Deployment, dict[str, str]], tmp_path: Path) -> None:
    made, shell = odd
    release = made.ok("deploy", "--yes", env=shell)["data"]["release"]
    manager = Manager(tmp_path / "manager")
    config = str(made.home / "decodeat-ops.toml")
    install = (sys.executable, "-c", INSTALL, config, str(manager.units))
    with manager.running():
        path = os.environ["PATH"]
        assert "{'problem': ''}" in manager.run(*install, PATH=path, **shell), "written and enabled"
        unit = "decodeat-ops-tested-production.service"
        assert "enabled" in manager.run("systemctl", "--user", "is-enabled", unit)
        manager.run("systemctl", "--user", "disable", unit)
        assert "{'problem': ''}" in manager.run(*install, PATH=path, **shell)
        assert "enabled" in manager.run("systemctl", "--user", "is-enabled", unit), "though its text was the same"
    power_cut(made)
    with manager.running():
        wait_for(lambda: "ActiveState=active" in manager.run("systemctl", "--user", "show", unit), 120)
        assert made.serving() == release


def test_it_comes_back_with_cron(odd: tuple[Deployment, dict[str, str]]) -> None:
    """Run the line that deploy prints as cron would: the command after @reboot, with few variables."""
    made, shell = odd
    told = made.ok("deploy", "--yes", env=shell)["data"]
    power_cut(made)
    line = told["after_reboot"].removeprefix("@reboot ").replace("\\%", "%")
    subprocess.run(["sh", "-c", line], env={"PATH": "/usr/bin:/bin"}, cwd="/", check=True, timeout=120)
    assert made.serving() == told["release"], shlex.split(line)
