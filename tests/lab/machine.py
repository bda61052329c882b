"""A machine of the lab's own: a container with a running systemd, on which people log in, work, and which goes down."""

import contextlib
import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab.bases import IMAGES
from tests.lab.engine import NETWORK, Engine
from tests.support.waiting import wait_for
from tests.unit.decodeat.web import ROOT

IMAGE = "lab/machine"
# systemd mounts and makes control groups of its own. One right is dropped that not every host of a lab has to give.
RIGHTS = ("--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE", "--device-cgroup-rule", "a *:* rwm")
OPEN = tuple(
    word for name in ("seccomp", "apparmor", "systempaths") for word in ("--security-opt", f"{name}=unconfined")
)
_STOP_SECONDS = "120"
_HEALTH = """
import sys, urllib.request
with urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/health", timeout=10) as answer:
    print(answer.headers["x-release-id"])
"""


def build(engine: Engine, directory: Path) -> str:
    """Make the image, on which the tool's wheel is installed and nothing else of this checkout; return its name."""
    shutil.copytree(IMAGES / "machine", directory, dirs_exist_ok=True)
    for package, name in (("decodeat_ops", "ops.txt"), ("decodeat", "service.txt")):
        shutil.copy(ROOT / package / "requirements.txt", directory / name)
    wheel = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(directory), str(ROOT)]
    subprocess.run(wheel, capture_output=True, check=True)
    engine.ok("build", "--network", "host", "--quiet", "--tag", IMAGE, str(directory))
    return IMAGE


@dataclass(frozen=True)
class Machine:
    """A running machine. Its files outlive a restart; its processes, /run and /tmp do not."""

    engine: Engine
    id: str

    def run(self, *argv: str) -> subprocess.CompletedProcess[bytes]:
        return self.engine.run("exec", self.id, *argv)

    def wait_up(self) -> None:
        """Wait until systemd has begun everything that it starts at boot, and is done with it."""

        def up() -> bool:
            return self.run("systemctl", "is-system-running").stdout.strip() in (b"running", b"degraded")

        wait_for(up, otherwise="systemd does not come up")

    def reboot(self) -> None:
        """Go down in order, and come up."""
        self.engine.ok("restart", "--time", _STOP_SECONDS, self.id)

    def lose_power(self) -> None:
        self.engine.ok("kill", self.id)
        self.engine.ok("start", self.id)


@dataclass(frozen=True)
class Person:
    """Somebody with an account, who deploys from a directory of a difficult name.

    Where the state lies, the port and a setting are in variables of the shell, as in a profile.
    """

    machine: Machine
    user: str
    home: str
    port: int

    @property
    def place(self) -> str:
        return f"{self.home}/100%n $HOME a'b"

    @property
    def state(self) -> str:
        return f"{self.place}/state/decodeat-ops/tested-production"

    def shell(self, script: str, **variables: str) -> tuple[str, ...]:
        """Return the command that logs in and runs a script at the place of the settings."""
        known = {"XDG_STATE_HOME": f"{self.place}/state", "DECODEAT_OPS_LOCAL__PORT": str(self.port), **variables}
        exports = " ".join(f"{name}={shlex.quote(value)}" for name, value in known.items())
        go = f"mkdir -p {shlex.quote(self.place)} && cd {shlex.quote(self.place)} && export {exports} || exit\n{script}"
        return ("su", "--login", self.user, "--command", go)

    def ok(self, script: str, **variables: str) -> str:
        done = self.machine.run(*self.shell(script, **variables))
        assert done.returncode == 0, (done.stdout + done.stderr).decode()
        return done.stdout.decode()

    def ops(self, words: str, **variables: str) -> dict[str, Any]:
        """Run the tool as an installed program, whatever its exit code; return its JSON."""
        done = self.machine.run(*self.shell(f"/opt/decodeat-ops/bin/decodeat-ops {words} --json", **variables))
        assert done.stdout, done.stderr.decode()
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def deploy(self, **environment: int) -> dict[str, Any]:
        """Deploy with variables of the service; return the whole answer."""
        return self.ops("deploy --yes", **service(environment))

    def begin_deploy_and_stop_in_the_middle(self, **environment: int) -> None:
        """Leave a deploy stopped once its release is wanted beside the one that serves."""
        wants = shlex.quote(f"{self.state}/wants")
        script = (
            "/opt/decodeat-ops/bin/decodeat-ops deploy --yes >deploy.log 2>&1 & pid=$!; "
            f"until [ $(ls {wants} | wc -l) = 2 ]; do kill -0 $pid || exit; sleep 0.02; done; "
            "kill -STOP $pid; touch stopped; wait"
        )
        self.machine.engine.ok("exec", "--detach", self.machine.id, *self.shell(script, **service(environment)))
        held = ("test", "-e", f"{self.place}/stopped")
        wait_for(lambda: self.machine.run(*held).returncode == 0, otherwise="the deploy never came to its middle")

    def serving(self) -> str:
        """Return the id of the release that answers on this person's port, "" when none does."""
        done = self.machine.run("python", "-c", _HEALTH, str(self.port))
        return done.stdout.decode().strip()

    def wait_serving(self, release: str) -> None:
        wait_for(lambda: self.serving() == release, 120, f"{release} of {self.user} does not answer")


def service(environment: Mapping[str, int]) -> dict[str, str]:
    return {f"DECODEAT_OPS_SERVICE__ENVIRONMENT__{name}": str(value) for name, value in environment.items()}


@contextlib.contextmanager
def started(engine: Engine, image: str) -> Iterator[Machine]:
    container = engine.ok("run", "--detach", "--network", NETWORK, "--env", "container=docker", *RIGHTS, *OPEN, image)
    try:
        machine = Machine(engine, container)
        machine.wait_up()
        yield machine
    finally:
        engine.ok("rm", "--force", "--volumes", container)
