"""An operator who deploys to ECS on MiniStack: settings, state and commands, and what clients of the service see."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx

from tests.lab.balancer import Balancer, balancer
from tests.lab.ministack import REGION, Account, MiniStack
from tests.servers.registry import USER, Registry
from tests.support.deployments import REPOSITORY, Ran
from tests.support.forking import DRIVER, Forks
from tests.support.waiting import PATIENCE, wait_for
from tests.unit.decodeat.web import CLIENT

NAME = "tested"
DEPLOYMENT = f"{NAME}-production"
TESTED = "decodeat:tested"  # the image under test
# The same image with other code, made in a second: the first one's compiled files would be believed, whatever the code.
# No look at its health by the engine, a program each ten seconds: ECS has its own.
STAND_IN = f"""\
ARG PYTHON_IMAGE={TESTED}
FROM ${{PYTHON_IMAGE}}
COPY decodeat/ /code/decodeat/
USER 0
RUN python -m compileall -q --invalidation-mode unchecked-hash /code
USER 10001:10001
HEALTHCHECK NONE
ENV PYTHONPATH=/code
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.version="${{VERSION}}" org.opencontainers.image.revision="${{REVISION}}"
"""


def quick_tool(directory: Path) -> Path:
    """Copy the tool with the Dockerfile of a stand-in beside it, which it takes for its own; the copy's directory."""
    for name in ("decodeat_ops", "templates"):
        shutil.copytree(REPOSITORY / name, directory / name, ignore=shutil.ignore_patterns("*.pyc.*"))
    (directory / "Dockerfile").write_text(STAND_IN)
    return directory


@dataclass
class Operator:
    """Hold one operator's machine: the settings in `home`, and the state, which has the journal, beside them.

    `variables` are the service's plain ones; `ecs`, `image` and `checks` are more keys of those sections.
    """

    home: Path
    platform: MiniStack
    account: Account
    clients: Balancer
    source: Path
    registry: Registry
    tool: Path = REPOSITORY  # where the package of the tool lies
    forks: Forks | None = None  # what starts its commands faster than a new interpreter does
    variables: dict[str, Any] = field(default_factory=lambda: {"WORKERS": 1})
    ecs: dict[str, Any] = field(default_factory=dict)
    image: dict[str, Any] = field(default_factory=dict)
    checks: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=lambda: {"API_KEYS": "key-of-the-lab-0001"})

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

    @property
    def repository(self) -> str:
        return f"{self.registry.address}/decodeat"

    @property
    def key(self) -> str:
        """Return the secret that `rotate_secret` changes."""
        return self.secrets["API_KEYS"]

    def rotate_secret(self) -> None:
        self.secrets["API_KEYS"] = f"{self.key[:-4]}{int(self.key[-4:]) + 1:04}"
        self.write()

    def elsewhere(self, home: Path) -> "Operator":
        """Return a colleague with the same settings, on a machine that has no journal of this one's."""
        made = replace(self, home=home, variables=dict(self.variables), ecs=dict(self.ecs), secrets=dict(self.secrets))
        made.write()
        return made

    def write(self) -> None:
        self.home.mkdir(exist_ok=True)
        sections = {
            "service": {"source": str(self.source)},
            "service.environment": self.variables,
            "service.secrets": {name: f"env:{name}" for name in self.secrets},
            "image": {
                "repository": self.repository,
                "build_network": "host",
                "user": USER,
                "password": "env:REGISTRY_PASSWORD",
                **self.image,
            },
            "ecs": {**self._ecs(), **self.ecs},
            "checks": self.checks,
        }
        lines = [f'name = "{NAME}"', 'target = "ecs"']
        for section, keys in sections.items():
            lines += [f"[{section}]", *(f"{name} = {json.dumps(value)}" for name, value in keys.items())]
        (self.home / "decodeat-ops.toml").write_text("\n".join(lines) + "\n")
        secrets = self.home / "decodeat-ops.env"
        secrets.touch(mode=0o600)
        values = {**self.secrets, "REGISTRY_PASSWORD": self.registry.password}
        secrets.write_text("".join(f"{name}={value}\n" for name, value in values.items()))

    def _ecs(self) -> dict[str, Any]:
        return {
            "account": self.account.id,
            "region": REGION,
            "endpoint": self.platform.endpoint,
            "subnets": list(self.account.subnets),
            "security_groups": [self.account.security_group],
            "address": self.clients.url,
            "cpu": 256,
            "memory": 1024,
            "desired": 1,
            "deploy_minutes": 3,
        }

    @property
    def environment(self) -> dict[str, str]:
        """Return what its commands run with: the credentials of its account, and a state of its own."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "DOCKER_"))}
        engine = self.platform.engine.environment
        return {
            **kept,
            **self.account.credentials,
            "DOCKER_HOST": engine["DOCKER_HOST"],
            "DOCKER_CONFIG": engine["DOCKER_CONFIG"],
            "PYTHONPATH": f"{self.tool}{os.pathsep}{REPOSITORY}",
            "XDG_STATE_HOME": str(self.home / "state"),
            "NO_COLOR": "1",
        }

    def run(self, *words: str) -> Ran:
        """Run a command as the installed program does, in its own process."""
        ran = self._run(*words)
        hidden = (*self.secrets.values(), self.registry.password)
        assert not any(secret in ran.stdout + ran.stderr for secret in hidden), "a secret was shown"
        return ran

    def _run(self, *words: str) -> Ran:
        if self.forks is not None:
            return self.forks.run(words, self.home, self.environment)
        done = subprocess.run(
            (sys.executable, "-m", "decodeat_ops", *words), cwd=self.home, env=self.environment,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=900, check=False,
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

    def driven(self, verb: str, step: str, fault: str, *argument: str) -> "subprocess.Popen[str]":
        """Begin a change in a process that breaks or waits at a step; see tests/lab/ecs_driver.py."""
        return subprocess.Popen(
            (sys.executable, "-m", DRIVER, *self._driver(verb, step, fault, *argument)), cwd=self.home,
            env=self.environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def drive(self, verb: str, step: str = "-", fault: str = "none", *argument: str) -> tuple[int, dict[str, Any]]:
        """Carry out a change to its end, or to where it is killed; exit status and what it said."""
        if self.forks is not None:
            ran = self.forks.run(self._driver(verb, step, fault, *argument), self.home, self.environment, module=DRIVER)
        else:
            process = self.driven(verb, step, fault, *argument)
            said, errors = process.communicate(timeout=900)
            ran = Ran(process.returncode, said, errors)
        assert ran.status == -9 or ran.stdout.strip(), ran.stderr
        return ran.status, json.loads(ran.stdout.splitlines()[-1]) if ran.status != -9 else {}

    def _driver(self, verb: str, step: str, fault: str, *argument: str) -> tuple[str, ...]:
        return (str(self.home / "decodeat-ops.toml"), verb, step, fault, *argument)

    def planned(self, verb: str = "deploy", *words: str) -> tuple[str, ...]:
        """Return the ids of the steps that a verb would take now."""
        return tuple(step["id"] for step in self.ok(verb, *words, "--dry-run")["data"]["plan"]["steps"])

    def serving(self) -> str:
        """Return the id of the release that clients get, "" when none answers."""
        try:
            answer = CLIENT.get(f"{self.clients.url}/health", timeout=PATIENCE)
        except httpx.TransportError:
            return ""
        return str(answer.headers.get("x-release-id", "")) if answer.status_code == 200 else ""

    def wait_serving(self, release: str) -> None:
        """Wait until clients get a release, whose container may have to start yet."""
        self.wait(lambda: self.serving() == release, lambda: f"{release} does not serve: {self.serving()!r}")

    def wait(self, condition: Callable[[], object], otherwise: Callable[[], object] | str) -> None:
        """Wait for what takes containers that start, or end: slowly on a busy machine, and each look is a request."""
        wait_for(condition, 4 * PATIENCE, otherwise, every=0.2)

    def wait_alone(self, count: int = 1) -> None:
        """Wait until nothing of the service runs but what clients reach, `count` containers of it."""

        def alone() -> bool:
            running = {one.id for one in self.clients.running()}
            return len(running) == count and running == {one.id for one in self.clients.targets()}

        self.wait(alone, lambda: (self.clients.running(), self.clients.targets()))

    def releases(self) -> list[str]:
        """Return the ids of the releases that are kept, newest first."""
        return [found["id"] for found in self.ok("releases")["data"]["releases"]]

    def unsettled(self) -> str:
        """Return what is under way, left open or does not serve, "" when all is well."""
        ran = self.run("status", "--json")
        return "" if ran.status == 0 else str(ran)


@contextlib.contextmanager
def operator(home: Path, platform: MiniStack, source: Path, registry: Registry, tool: Path) -> Iterator[Operator]:
    """Make an operator with an account of their own, in which nothing is, and a load balancer for the service.

    `tool` is where the package of the tool lies: the checkout, or what `quick_tool` has made.
    """
    account = platform.account()
    cluster = f"arn:aws:ecs:{REGION}:{account.id}:cluster/{DEPLOYMENT}"
    with balancer(platform.engine, cluster) as clients:
        made = Operator(home, platform, account, clients, source, registry, tool)
        made.write()
        yield made
