"""An operator who deploys to machines over SSH: settings, state and commands, and what clients of the service see."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.lab.ecs import TESTED
from tests.lab.engine import Engine
from tests.lab.vm_watching import Going, waiting
from tests.lab.vms import DOMAIN, STORES, Vm
from tests.servers.registry import USER, Registry
from tests.support.deployments import REPOSITORY, Ran
from tests.support.forking import Forks
from tests.support.waiting import PATIENCE, wait_for

DRIVER = "tests.lab.vm_driver"


@dataclass
class Operator:
    """Hold one operator's machine: the settings in `home`, and the state, which has records of checks, beside them.

    `variables` are the service's plain ones; `vm`, `image` and `checks` are more keys of those sections. Images are
    built by `engine`. Without a registry they go to the machines over SSH.
    """

    home: Path
    engine: Engine
    machines: Sequence[Vm]
    source: Path
    tool: Path = REPOSITORY  # where the package of the tool lies
    name: str = "tested"
    ports: tuple[int, int] = (80, 443)
    registry: Registry | None = None
    forks: Forks | None = None  # what starts its commands faster than a new interpreter does
    variables: dict[str, Any] = field(default_factory=lambda: {"WORKERS": 1})
    vm: dict[str, Any] = field(default_factory=dict)
    image: dict[str, Any] = field(default_factory=dict)
    checks: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=lambda: {"API_KEYS": "key-of-the-lab-0001"})

    @property
    def first(self) -> Vm:
        return self.machines[0]

    @property
    def deployment(self) -> str:
        return f"{self.name}-production"

    @property
    def root(self) -> str:
        """Return the deployment's directory on each machine."""
        return f"{self.vm.get('directory', '/opt/decodeat-ops')}/{self.deployment}"

    def colour(self, machine: Vm | None = None) -> str:
        """Return the colour that clients of a machine reach, by default of the first one."""
        return (machine or self.first).ok(f"readlink {self.root}/run/active")

    def changed_layers(self) -> int:
        """Return the bytes of those layers of what serves that other code changes."""
        container = self.first.containers()[f"{self.deployment}-{self.colour()}"]
        sizes = [
            self.engine.ok("image", "inspect", "--format", "{{.Size}}", one) for one in (container["Image"], TESTED)
        ]
        return int(sizes[0]) - int(sizes[1])

    def configure(self, **variables: Any) -> None:
        self.variables.update(variables)
        self.write()

    def change_something(self) -> None:
        """Let the next deploy bring another configuration of the same code: no image has to be made."""
        self.configure(MAX_REQUESTS_JITTER=int(self.variables.get("MAX_REQUESTS_JITTER", 0)) + 1)

    def change_code(self) -> None:
        """Let the next deploy bring other code."""
        module = self.source / "decodeat" / "testing_faults.py"
        module.write_text(f"{module.read_text()}\n# {os.urandom(8).hex()}\n")

    def change_for(self, step: str) -> None:
        """Let the next deploy have a step: other code for those of the image, other files of nginx for `edge`."""
        if step.startswith("image"):
            self.change_code()
        if step == "edge":
            self.vm["docs_public"] = not self.vm.get("docs_public", False)
        self.change_something()

    @property
    def key(self) -> str:
        """Return the secret that `rotate_secret` changes."""
        return self.secrets["API_KEYS"]

    def rotate_secret(self) -> None:
        self.secrets["API_KEYS"] = f"{self.key[:-4]}{int(self.key[-4:]) + 1:04}"
        self.write()

    def elsewhere(self, home: Path) -> "Operator":
        """Return a colleague with the same settings, on a machine of their own."""
        made = replace(self, home=home, variables=dict(self.variables), vm=dict(self.vm), secrets=dict(self.secrets))
        made.write()
        return made

    def write(self) -> None:
        self.home.mkdir(exist_ok=True)
        sections: dict[str, dict[str, Any]] = {
            "service": {"source": str(self.source)},
            "service.environment": self.variables,
            "service.secrets": {name: f"env:{name}" for name in self.secrets},
            "image": {"build_network": "host", **self._repository(), **self.image},
            "vm": {**self._vm(), **self.vm},
            "checks": self.checks,
        }
        lines = [f'name = "{self.name}"', 'target = "vm"']
        for section, keys in sections.items():
            lines += [f"[{section}]", *(f"{name} = {json.dumps(value)}" for name, value in keys.items())]
        (self.home / "decodeat-ops.toml").write_text("\n".join(lines) + "\n")
        secrets = self.home / "decodeat-ops.env"
        secrets.touch(mode=0o600)
        values = {**self.secrets, **({"REGISTRY_PASSWORD": self.registry.password} if self.registry else {})}
        secrets.write_text("".join(f"{name}={value}\n" for name, value in values.items()))

    def _repository(self) -> dict[str, Any]:
        if self.registry is None:
            return {}
        name = f"{self.registry.address}/decodeat"
        return {"repository": name, "user": USER, "password": "env:REGISTRY_PASSWORD"}

    def _vm(self) -> dict[str, Any]:
        return {
            "hosts": [one.name for one in self.machines],
            "ssh_config": str(self.first.access.config),
            "domains": [DOMAIN],
            "http_port": self.ports[0],
            "https_port": self.ports[1],
            "nginx_image": self.first.image(STORES["nginx"]),
            "redis_image": self.first.image(STORES["redis"]),
            "watch_seconds": 1.0,
            "ready_timeout": 300,  # on a busy machine a release takes long
        }

    @property
    def environment(self) -> dict[str, str]:
        """Return what its commands run with: the engine that builds, and a state of its own."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DECODEAT_OPS_", "DOCKER_"))}
        return {
            **kept,
            "DOCKER_HOST": self.engine.environment["DOCKER_HOST"],
            "DOCKER_CONFIG": self.engine.environment["DOCKER_CONFIG"],
            "PYTHONPATH": f"{self.tool}{os.pathsep}{REPOSITORY}",
            "XDG_STATE_HOME": str(self.home / "state"),
            "NO_COLOR": "1",
        }

    def run(self, *words: str) -> Ran:
        """Run a command as the installed program does, in its own process."""
        ran = self._run(*words)
        hidden = (*self.secrets.values(), *((self.registry.password,) if self.registry else ()))
        assert not any(secret in ran.stdout + ran.stderr for secret in hidden), "a secret was shown"
        return ran

    def _run(self, *words: str) -> Ran:
        if self.forks is not None:
            return self.forks.run(words, self.home, self.environment)
        done = subprocess.run(
            (sys.executable, "-m", "decodeat_ops", *words), cwd=self.home, env=self.environment,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=1500, check=False,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout, done.stderr)

    def ok(self, *words: str) -> dict[str, Any]:
        """Run with --json and demand success."""
        ran = self.run(*words, "--json")
        assert ran.status == 0, str(ran)
        return ran.json

    def refused(self, status: int, *words: str) -> dict[str, Any]:
        """Run with --json and demand this exit status; return the error."""
        ran = self.run(*words, "--json")
        assert ran.status == status, str(ran)
        error: dict[str, Any] = ran.json["error"]
        return error

    def deploy(self) -> str:
        release: str = self.ok("deploy", "--yes")["data"]["release"]
        return release

    def planned(self, verb: str = "deploy", *words: str) -> tuple[str, ...]:
        """Return the ids of the steps that a verb would take now."""
        return tuple(step["id"] for step in self.ok(verb, *words, "--dry-run")["data"]["plan"]["steps"])

    def driven(self, verb: str, step: str, fault: str, *argument: str) -> "subprocess.Popen[str]":
        """Begin a change in a process that breaks or waits at a step; see tests/lab/vm_driver.py."""
        return subprocess.Popen(
            (sys.executable, "-m", DRIVER, *self._driver(verb, step, fault, *argument)), cwd=self.home,
            env=self.environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    @contextlib.contextmanager
    def held(self, verb: str, step: str, *argument: str) -> Iterator[Going]:
        """Begin a change that waits as a step begins, until it is let go on."""
        with self.driven(verb, step, "hold", *argument) as process, waiting(process) as going:
            yield going

    def drive(self, verb: str, step: str = "-", fault: str = "none", *argument: str) -> tuple[int, dict[str, Any]]:
        """Carry out a change to its end, or to where it is killed; exit status and what it said."""
        if self.forks is not None:
            ran = self.forks.run(self._driver(verb, step, fault, *argument), self.home, self.environment, module=DRIVER)
        else:
            process = self.driven(verb, step, fault, *argument)
            said, errors = process.communicate(timeout=1500)
            ran = Ran(process.returncode, said, errors)
        assert ran.status == -9 or ran.stdout.strip(), ran.stderr
        return ran.status, json.loads(ran.stdout.splitlines()[-1]) if ran.status != -9 else {}

    def _driver(self, verb: str, step: str, fault: str, *argument: str) -> tuple[str, ...]:
        return (str(self.home / "decodeat-ops.toml"), verb, step, fault, *argument)

    def serving(self) -> str:
        """Return the release that clients of all machines get, "" for none; several are joined."""
        return " and ".join(sorted({one.serving(self.ports[1]) for one in self.machines}))

    def wait_serving(self, release: str) -> None:
        """Wait until clients of all machines get a release, whose containers may have to start yet."""
        said = f"{release} does not serve"
        wait_for(lambda: self.serving() == release, 4 * PATIENCE, lambda: f"{said}: {self.serving()!r}", every=0.2)

    def wait_alone(self) -> None:
        """Wait until of both colours one runs on each machine: the other one may have to finish yet."""

        def runs(machine: Vm) -> int:
            return len({f"{self.deployment}-blue", f"{self.deployment}-green"} & set(machine.running()))

        wait_for(
            lambda: all(runs(one) == 1 for one in self.machines), 4 * PATIENCE, "the old colour does not end", every=0.5
        )

    def wait_same(self) -> str:
        """Wait until clients of all machines get one release, whichever, and return it."""

        seen: list[str] = []

        def same() -> bool:
            seen[:] = [one.serving(self.ports[1]) for one in self.machines]
            return len(set(seen)) == 1 and seen[0] != ""

        wait_for(same, 4 * PATIENCE, lambda: f"not one release serves: {seen}", every=0.5)
        return seen[0]

    def wait_unlocked(self) -> None:
        """Wait until nobody holds the lock: a keeper that hears nothing more ends by itself."""

        def free() -> bool:
            return self.ok("lock", "status")["data"]["locked"] is False

        wait_for(free, PATIENCE, "the lock stays taken", every=0.5)

    def unsettled(self) -> str:
        """Return what is under way, left open or does not serve, "" when all is well."""
        ran = self.run("status", "--json")
        return "" if ran.status == 0 else str(ran)

    def releases(self) -> list[str]:
        return [one["id"] for one in self.ok("releases")["data"]["releases"]]
