"""An operator who deploys to an account that is played: settings, state, commands, and what clients see."""

import contextlib
import functools
import itertools
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.client import ClientCreator
from botocore.loaders import create_loader

from decodeat_ops.adapters import docker_engine
from decodeat_ops.application import verbs
from decodeat_ops.application.desk import Desk
from decodeat_ops.application.targets import open_desk
from decodeat_ops.application.workflow import Change
from decodeat_ops.core.errors import OpsError
from decodeat_ops.core.outcome import Outcome
from decodeat_ops.core.ports import Completed, Host
from decodeat_ops.deployment import service_variables
from decodeat_ops.deployment import source as source_files
from decodeat_ops.settings.load import load
from decodeat_ops.settings.schema import Loaded
from tests.integration.ecs_clock import leap
from tests.integration.ecs_images import EcrImages
from tests.integration.ecs_settings import DEPLOYMENT, NAME, EcsSettings
from tests.servers.aws import aws, public
from tests.servers.aws.account import Account
from tests.servers.aws.ecs.behaviour import release
from tests.servers.aws.ecs.starting import resolved
from tests.servers.aws.ecs.state import Service, TaskDefinition
from tests.servers.aws.furnished import cluster, network, task_roles
from tests.servers.aws.identity import KEY, SECRET
from tests.support.deployments import REPOSITORY, Ran
from tests.support.forking import QUICK, Forks
from tests.support.waiting import PATIENCE

READS = 12  # that an unchanged deploy may make
ATTEMPTS = "2"  # of the SDK for each call, the first included
Verb = Callable[..., Outcome]


@dataclass(frozen=True)
class Told:
    """Hold how a command ended: its exit code, and its outcome or what its error says."""

    code: int
    what: str = ""
    state: str = ""
    hint: str = ""
    lines: tuple[str, ...] = ()
    outcome: Outcome | None = None

    @property
    def text(self) -> str:
        return "\n".join((self.what, self.state, self.hint, *self.lines))


@dataclass
class EcsPlace(EcsSettings):
    """Run the commands of that operator, and see what clients see."""

    forks: Forks | None = None  # what starts its commands faster than a new interpreter does

    def loaded(self, machine: str = "own") -> Loaded:
        return load(self.write(machine), None, {})

    def desk(self, machine: str = "own") -> Desk:
        """Return what a new command on a machine works with."""
        return open_desk(self.loaded(machine))

    def deploy(self, machine: str = "own") -> str:
        """Deploy and return the release."""
        return str(verbs.deploy(self.desk(machine), Change()).data["release"])

    def ends(self, verb: Verb = verbs.deploy, *arguments: Any, change: Change | None = None, **options: Any) -> Told:
        """Carry out a verb as a command does and return how it ended."""
        try:
            outcome = verb(self.desk(options.pop("machine", "own")), change or Change(), *arguments, **options)
        except OpsError as error:
            advice = error.advice
            return Told(error.code, advice.what, advice.state, advice.hint, advice.lines)
        return Told(outcome.exit_code, outcome.summary, outcome=outcome)

    def run(self, *words: str) -> Ran:
        """Run the program in its own process, with waits that end at once."""
        ran = self.process(*words)
        assert not any(value in ran.stdout + ran.stderr for value in self.secrets.values()), "a secret was shown"
        return ran

    def process(self, *words: str) -> Ran:
        """Run what `tests/integration/ecs_process.py` describes, to its end."""
        cwd = self.write().parent
        if self.forks is not None:
            return self.forks.run(words, cwd, self.environment, module=QUICK)
        done = subprocess.run(
            (sys.executable, "-m", QUICK, *words), cwd=cwd, env=self.environment,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout, done.stderr)

    def ok(self, *words: str) -> dict[str, Any]:
        """Run with --json and demand success."""
        ran = self.run(*words, "--json")
        assert ran.status == 0, str(ran)
        return ran.json

    @property
    def environment(self) -> dict[str, str]:
        """Return what its processes run with."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "DECODEAT_OPS_"))}
        return {**kept, **CREDENTIALS, "NO_COLOR": "1", "PYTHONPATH": str(REPOSITORY), "DOCKER_HOST": NO_ENGINE}

    def seen(self, times: int = 20) -> set[str]:
        """Return the releases that clients reach now, "" for none."""
        return {self._asked() for _ in range(times)}

    def serving(self) -> str:
        """Return the release that clients reach, "" for none; never two."""
        (only,) = self.seen(6)
        return only

    def _asked(self) -> str:
        try:
            with urllib.request.urlopen(f"{self.side.url}/health", timeout=PATIENCE) as answer:
                return str(answer.headers["X-Release-Id"])
        except urllib.error.HTTPError as error:
            assert error.code == 503, error
            return ""

    @property
    def service(self) -> Service:
        return self.fake.ecs.service(DEPLOYMENT)

    @property
    def definition(self) -> TaskDefinition:
        """Return the task definition that the service has now."""
        found = self.fake.ecs.definition(self.service.document["taskDefinition"])
        assert found is not None
        return found

    def values(self, definition: TaskDefinition | None = None) -> dict[str, str | None]:
        """Return what the secrets of a task definition resolve to, as a task gets them."""
        container = (definition or self.definition).document["containerDefinitions"][0]
        return {one["name"]: resolved(self.fake, one["valueFrom"]) for one in container.get("secrets", ())}

    def revisions(self, *, active: bool = True) -> list[str]:
        """Return the releases that are registered, oldest first."""
        known = self.fake.ecs.families.get(DEPLOYMENT, [])
        return [release(one.document) for one in known if (one.status == "ACTIVE") is active]

    def settle(self, looks: int = 40) -> None:
        """Let ECS finish what is under way, as time would."""
        from tests.servers.aws.ecs import shifts

        for _ in range(looks):
            with self.fake.lock:
                shifts.advance(self.fake, self.service)

    def writes(self) -> list[str]:
        return [call.name for call in self.fake.calls.writes]


_shared_loader = functools.cache(create_loader)
_make_class, _classes = ClientCreator._create_client_class, dict[str, Any]()


def _shared_class(creator: Any, service: str, model: Any) -> Any:
    if service not in _classes:
        _classes[service] = _make_class(creator, service, model)
    return _classes[service]


_ask, _answers = service_variables.ask, dict[tuple[Any, ...], Completed]()


def _asked_once(host: Host, package: Path, values: Mapping[str, str], python: Path | None = None) -> Completed:
    key = (source_files.tree_digest(package), *sorted(values.items()), python)
    if key not in _answers:
        _answers[key] = _ask(host, package, values, python)
    return _answers[key]


_ACCOUNTS = itertools.count(111122223333)
NO_ENGINE = "unix:///nonexistent/docker.sock"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_MAX_ATTEMPTS": ATTEMPTS,
    "AWS_CONFIG_FILE": "/nonexistent/config",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent/credentials",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@contextlib.contextmanager
def ecs_place(home: Path, source: Path, *, pinned: bool = True, bare: bool = False, **ecs: Any) -> Iterator[EcsPlace]:
    """Play an account with all that a first deploy needs, but with `bare` for its network alone."""
    account = Account(id=f"{next(_ACCOUNTS):012}")  # another one each: an image of one place is never found in another
    with pytest.MonkeyPatch.context() as patch, aws(account) as fake, public(fake, DEPLOYMENT) as side:
        for name in [one for one in os.environ if one.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        # For each command the SDK parses its models and makes its classes anew: longer than the command itself.
        patch.setattr(botocore.session, "create_loader", _shared_loader)
        patch.setattr(ClientCreator, "_create_client_class", _shared_class)
        # It starts an interpreter, with the same code and variables in test after test.
        patch.setattr(service_variables, "ask", _asked_once)
        images = EcrImages(account=fake)
        patch.setattr(docker_engine.DockerEngine, "opened", staticmethod(lambda *given, **options: images))
        home.mkdir(exist_ok=True, mode=0o700)
        place = EcsPlace(home, source, fake, side, network(fake), images, leap(patch), pinned, ecs=dict(ecs))
        if not bare:
            furnish(place)
        if pinned:
            place.image = fake.registry.push(NAME, "first", "linux/amd64")
        place.write()
        yield place


def furnish(place: EcsPlace) -> None:
    """Add cluster, roles, log group and image repository, as whoever brings them would."""
    cluster(place.fake, DEPLOYMENT)
    task_roles(place.fake, DEPLOYMENT)
    place.fake.logs.group(f"/ecs/{DEPLOYMENT}").retention = 30
    place.fake.registry.repository(NAME)


@pytest.fixture(name="place")
def furnished_place(tmp_path: Path, source: Path, forks: Forks) -> Iterator[EcsPlace]:
    """Return a place where nothing is deployed yet."""
    with ecs_place(tmp_path / "ecs", source) as made:
        made.forks = forks
        yield made


@pytest.fixture(name="well")
def serving_place(place: EcsPlace) -> EcsPlace:
    """Return a place where two releases were deployed, and a third could be."""
    place.deploy()
    place.change()
    place.deploy()
    place.change()
    place.fake.calls.forget()
    return place
