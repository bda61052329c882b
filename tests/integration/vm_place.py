"""An operator who deploys to machines that are played: settings, commands, and what clients see on each machine."""

import contextlib
import http.client
import itertools
import json
import os
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.application import verbs
from decodeat_ops.application.desk import Desk
from decodeat_ops.application.targets import open_desk
from decodeat_ops.application.workflow import Change
from decodeat_ops.core.errors import OpsError
from decodeat_ops.deployment import service_variables
from decodeat_ops.settings.load import load
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.targets.vm.names import COLOURS
from tests.integration.ecs_place import Told, _asked_once
from tests.integration.vm_machines import KeptImages, Machine, opening
from tests.servers.vm import Behaviour, PlayedHost, played_hosts
from tests.servers.vm.images import Registry, made
from tests.support.deployments import REPOSITORY, Ran
from tests.support.forking import Forks
from tests.support.local_remote import LocalRemote
from tests.support.ports import free_port
from tests.support.waiting import PATIENCE

NAME = "tested"
DEPLOYMENT = f"{NAME}-production"
DOMAIN = "api.example.com"
PROCESS = "tests.integration.vm_process"


@dataclass
class VmPlace:
    """One deployment on some machines, and an operator of it by the name of his own machine, which is "own" or another.

    `variables` and `secrets` are the service's; `vm` and `more` are keys of [vm] and of other sections.
    """

    home: Path
    source: Path
    hosts: list[PlayedHost]
    registry: Registry
    images: KeptImages
    ports: tuple[int, int]
    forks: Forks | None = None
    variables: dict[str, Any] = field(default_factory=lambda: {"WORKERS": 1, "DATABASE_URL": "none"})
    secrets: dict[str, str] = field(default_factory=lambda: {"API_KEYS": "key-of-the-tests-1000"})
    vm: dict[str, Any] = field(default_factory=dict)
    more: dict[str, dict[str, Any]] = field(default_factory=dict)
    remotes: list[LocalRemote] = field(default_factory=list)
    spoiled: dict[str, Behaviour] = field(default_factory=dict)  # by LOG_LEVEL
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1001))

    def configure(self, **variables: Any) -> None:
        """Set variables of the service."""
        self.variables.update(variables)

    def change(self) -> None:
        """Let the next deploy bring another configuration."""
        self.configure(MAX_REQUESTS=next(self._numbers))

    def change_code(self) -> None:
        """Let the next deploy bring another image."""
        file = self.source / "decodeat" / "changed.py"
        file.write_text(f'"""Hold a number that is another one for each image."""\n\nNUMBER = {next(self._numbers)}\n')

    def rotate_secret(self) -> None:
        self.secrets["API_KEYS"] = f"key-of-the-tests-{next(self._numbers)}"

    def spoil(self, behaviour: Behaviour) -> None:
        """Let the next deploy bring a release that behaves so."""
        self.spoiled["DEBUG"] = behaviour
        self.configure(LOG_LEVEL="DEBUG")

    def repair(self) -> None:
        """Let the next deploy bring a good release again."""
        self.configure(LOG_LEVEL="INFO")
        self.change()

    def write(self, machine: str = "own") -> Path:
        """Write settings and secrets of an operator's machine, and return the path of the settings."""
        home = self.home / "operators" / machine
        home.mkdir(exist_ok=True, parents=True, mode=0o700)
        sections: dict[str, Mapping[str, Any]] = {
            "local": {"state_dir": str(home / "state")},
            "service": {"source": str(self.source)},
            "service.environment": self.variables,
            "service.secrets": {name: f"env:{name}" for name in self.secrets},
            "vm": {**self._vm(), **self.vm},
            **self.more,
        }
        lines = [f'name = "{NAME}"', 'target = "vm"']
        for section, keys in sections.items():
            lines += [f"[{section}]", *(f"{name} = {json.dumps(value)}" for name, value in keys.items())]
        (home / "decodeat-ops.toml").write_text("\n".join(lines) + "\n")
        secrets = home / "decodeat-ops.env"
        secrets.touch(mode=0o600)
        secrets.write_text("".join(f"{name}={value}\n" for name, value in self.secrets.items()))
        return home / "decodeat-ops.toml"

    def _vm(self) -> dict[str, Any]:
        return {
            "hosts": [one.name for one in self.hosts],
            "directory": self.hosts[0].directory,
            "domains": [DOMAIN],
            "http_port": self.ports[0],
            "https_port": self.ports[1],
            "nginx_image": f"{self.registry.address}/nginx@{NGINX_DIGEST}",
            "redis": False,
            "keep_releases": 3,
            "ready_timeout": 30.0,
            "watch_seconds": 0.0,
        }

    def loaded(self, machine: str = "own") -> Loaded:
        return load(self.write(machine), None, {})

    def desk(self, machine: str = "own", *, prepare: Callable[[LocalRemote], None] | None = None) -> Desk:
        """Return what a new command on an operator's machine works with; `prepare` gets each connection first."""
        opened = len(self.remotes)
        desk = open_desk(self.loaded(machine))
        for remote in self.remotes[opened:]:
            if prepare is not None:
                prepare(remote)
        return desk

    def deploy(self, machine: str = "own") -> str:
        """Deploy and return the release."""
        return str(verbs.deploy(self.desk(machine), Change()).data["release"])

    def ends(
        self,
        verb: Callable[..., Any] = verbs.deploy,
        *arguments: Any,
        change: Change | None = None,
        machine: str = "own",
        prepare: Callable[[LocalRemote], None] | None = None,
        **options: Any,
    ) -> Told:
        """Carry out a verb as a command does, and return how it ended. No secret may be in what it says."""
        try:
            outcome = verb(self.desk(machine, prepare=prepare), change or Change(), *arguments, **options)
        except OpsError as error:
            advice = error.advice
            told = Told(error.code, advice.what, advice.state, advice.hint, advice.lines)
        else:
            told = Told(outcome.exit_code, outcome.summary, outcome=outcome)
        assert not any(value in told.text for value in self.secrets.values()), "a secret was shown"
        return told

    def run(self, *words: str, machine: str = "own") -> Ran:
        """Run the program, or what `tests/integration/vm_process.py` describes, in a process of its own."""
        assert self.forks is not None
        home = self.write(machine).parent
        told = json.dumps([vars(one) for one in machines(self.hosts)])
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("DECODEAT_OPS_")},
            "NO_COLOR": "1", "PYTHONPATH": str(REPOSITORY), "PLAYED": told, "PLAYED_IMAGES": str(self.images.path),
        }  # fmt: skip
        ran = self.forks.run(words, home, environment, module=PROCESS)
        assert not any(value in ran.stdout + ran.stderr for value in self.secrets.values()), "a secret was shown"
        return ran

    def seen(self, path: str = "/health") -> dict[str, str]:
        """Return the release that clients of each machine reach, "" for none."""
        return {one.name: self.asked(one, path)[1] for one in self.hosts}

    def serving(self) -> str:
        """Return the release that clients reach, "" for none; on no machine another one."""
        (only,) = set(self.seen().values())
        return only

    def asked(self, host: PlayedHost, path: str = "/", *, name: str = DOMAIN) -> tuple[int, str]:
        """Return the status and the release of an answer to a client of one machine; (0, "") when nothing answers."""
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection(host.address, self.ports[1], timeout=PATIENCE, context=context)
        connection._create_connection = lambda *_, **__: _connected(host.address, self.ports[1])  # type: ignore[attr-defined]
        connection.host = name
        try:
            connection.request("GET", path, headers={"Host": name})
            answer = connection.getresponse()
            return answer.status, answer.headers.get("X-Release-Id") or ""
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def started_with(self, host: PlayedHost) -> str:
        """Return the digest of the secrets that the container was started with which clients reach, by its label."""
        active = (host.files / DEPLOYMENT / "run" / "active").readlink().name
        return host.container(f"{DEPLOYMENT}-{active}").definition.labels["decodeat-ops.secrets"]

    def api_keys(self) -> set[str]:
        """Return the API keys that the running containers of the service have."""
        ends = tuple(f"-{one}" for one in COLOURS)
        return {
            one.definition.environment["API_KEYS"]
            for host in self.hosts for one in host.engine.containers.values() if one.runs and one.name.endswith(ends)
        }  # fmt: skip

    def writes(self) -> int:
        return sum(len(one.engine.changes) for one in self.hosts)

    def received(self) -> int:
        """Return the bytes of images that came to the machines so far."""
        return sum(one.engine.images.received for one in self.hosts)

    def settled(self) -> bool:
        """Return whether no journal is open."""
        return self.desk().ledger.unfinished() == ""

    def lose_journal(self) -> None:
        """Delete what the machines have of earlier changes, as whoever clears up in the wrong place."""
        for host in self.hosts:
            for path in (host.files / DEPLOYMENT / "journal").glob("*"):
                path.unlink()


def _connected(address: str, port: int) -> socket.socket:
    return socket.create_connection((address, port), timeout=PATIENCE)


def machines(hosts: Sequence[PlayedHost]) -> list[Machine]:
    return [Machine(one.name, one.address, dict(one.variables)) for one in hosts]


NGINX = made([b"base of nginx", b"nginx"], labels={"played": "nginx"})
NGINX_DIGEST = Registry("").push("nginx", NGINX)


@contextlib.contextmanager
def vm_place(home: Path, source: Path, names: Sequence[str] = ("one",), **vm: Any) -> Iterator[VmPlace]:
    """Play machines on which nothing is deployed yet; their engines know one registry, which has nginx."""
    home.mkdir(exist_ok=True, mode=0o700)
    registry = Registry("registry.test:5000")
    registry.push("nginx", NGINX)
    spoiled: dict[str, Behaviour] = {}

    def behaves(variables: Mapping[str, str]) -> Behaviour:
        return spoiled.get(variables.get("LOG_LEVEL", ""), Behaviour())

    with contextlib.ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(service_variables, "ask", _asked_once)  # it starts an interpreter for the same in each test
        registries = {registry.address: registry}
        hosts = stack.enter_context(played_hosts(home / "machines", names, registries=registries, behaves=behaves))
        images = KeptImages(path=home / "engine", played=registry)
        place = VmPlace(home, source, hosts, registry, images, (free_port(), free_port()), vm=vm, spoiled=spoiled)
        opening(patch, machines(hosts), images, place.remotes.append)
        try:
            yield place
        finally:
            for remote in place.remotes:
                remote.close()


@pytest.fixture(name="place")
def empty_place(tmp_path: Path, source: Path, forks: Forks) -> Iterator[VmPlace]:
    """Return one machine where nothing is deployed yet."""
    with vm_place(tmp_path / "vm", source) as made_place:
        made_place.forks = forks
        yield made_place


@pytest.fixture(name="well")
def serving_place(place: VmPlace) -> VmPlace:
    """Return a machine where two releases were deployed, and a third could be."""
    return served(place)


@pytest.fixture(name="three")
def three_machines(tmp_path: Path, source: Path, forks: Forks) -> Iterator[VmPlace]:
    """Return three machines where two releases were deployed, and a third could be; they change one after the other."""
    with vm_place(tmp_path / "vm", source, ("one", "two", "three"), group=1) as made_place:
        made_place.forks = forks
        yield served(made_place)


def served(place: VmPlace) -> VmPlace:
    place.deploy()
    place.change()
    place.deploy()
    place.change()
    return place
