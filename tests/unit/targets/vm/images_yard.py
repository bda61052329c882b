"""An operator's engine in memory and machines that are played, for the step that brings an image from one to others."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from decodeat_ops.core.image import BuildRequest, Reference
from decodeat_ops.core.plan import Step
from decodeat_ops.core.target import Origin
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.settings.schema import Loaded, Settings
from decodeat_ops.targets.vm import images
from decodeat_ops.targets.vm.names import Names
from decodeat_ops.targets.vm.observed import Seen
from decodeat_ops.targets.vm.place import Place
from decodeat_ops.targets.vm.release import VmRelease
from tests.servers.vm import PlayedHost, played_hosts
from tests.servers.vm.images import Image, Registry
from tests.support.images import Content, MemoryImages
from tests.support.local_remote import LocalRemote
from tests.support.vm_locked import locked
from tests.unit.core.test_image import RECIPE

REGISTRY = "r.example.com"
PASSWORD = "correct-horse-battery"
DEMO = Reference("localhost/decodeat-ops/demo", "1")


def request(code: str = "a", reference: Reference = DEMO) -> BuildRequest:
    return BuildRequest(reference, replace(RECIPE, code=code), "", f"{code} ".encode() * 200_000)


@dataclass
class Yard:
    """`images` is the operator's engine. What it has can be pushed to `registry`, which wants a password."""

    home: Path
    hosts: list[PlayedHost]
    registry: Registry
    images: MemoryImages = field(default_factory=MemoryImages)
    remotes: dict[str, LocalRemote] = field(default_factory=dict)
    opened: int = 0
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for host in self.hosts:
            self.remotes[host.name] = LocalRemote(host.name, variables=host.variables)
        self.place = self._place()

    def _place(self) -> Place:
        def opened() -> MemoryImages:
            self.opened += 1
            return self.images

        loaded = Loaded(
            settings=Settings.model_validate(self.settings), env="", files=(), directory=self.home, origins={}
        )
        nothing: Any = None
        names = Names("demo", PurePosixPath(self.hosts[0].directory) / "demo")
        return Place(loaded, names, self.remotes, nothing, nothing, opened, nothing, nothing)

    def uses_registry(self, **image: str) -> None:
        """Let the settings name the registry, with its user and password unless something else is given."""
        (self.home / "password").write_text(PASSWORD)
        (self.home / "password").chmod(0o600)
        login = {"user": "ops", "password": f"file:{self.home / 'password'}"}
        self.settings["image"] = {"repository": f"{REGISTRY}/demo", **login, **image}
        remembered = self.place.remembered
        self.place = replace(self._place(), remembered=remembered)

    def build(self, code: str = "a", reference: Reference = DEMO) -> Content:
        made = request(code, reference)
        self.images.there[str(reference)] = made
        return Content(made)

    def push(self, content: Content) -> str:
        image = Image(content.configuration, content.layers)
        return f"{REGISTRY}/demo@{self.registry.push('demo', image)}"

    def step(self, image: str = "", there: Mapping[str, Sequence[str]] | None = None) -> Step:
        """Return the step for a release whose image is known already, by `there` at some machines."""
        blank: dict[str, Any] = dict.fromkeys(
            ("fingerprint", "code", "lock", "secrets", "revision", "created_at", "created_by", "origin", "data"), ""
        )
        release = VmRelease(id="r1", **blank, image=image)
        seen = [Seen(host.name, images=frozenset((there or {}).get(host.name, ()))) for host in self.hosts]
        return images.step(self.place, release, Origin("kept"), seen)

    def bring(self, image: str, reference: str = "", context: Context | None = None) -> Results:
        do = self.step(image).do
        params = {**do.params, "reference": reference}
        return images.ACTIONS[do.name](self.place, context or Context(), params) or {}

    def forget(self, image: str, done: Results | None, there: Mapping[str, Sequence[str]] | None = None) -> Results:
        undo = self.step(image, there).undo
        assert undo is not None
        context = Context(results={images.IMAGE: done} if done is not None else {})
        return images.ACTIONS[undo.name](self.place, context, undo.params) or {}

    def has(self, image: str) -> list[str]:
        """Return the machines whose engine has the image."""
        return [host.name for host in self.hosts if host.engine.images.find(image)]

    def received(self) -> list[int]:
        return [host.engine.images.received for host in self.hosts]

    def packed(self, host: PlayedHost, called: str = "") -> None:
        """Let a machine's engine keep images in containerd's store, and call each by another id, if one is given."""
        program = Path(host.variables["PATH"].split(":")[1], "docker")
        program.rename(program.with_name("docker.played"))
        told = 'info) echo \'/var/lib/docker [["driver-type","io.containerd.snapshotter.v1"]]\' ;;'
        other = f"| sed -E 's/^(named=\\S+) \\S+/\\1 {called}/'" if called else ""
        program.write_text(f'#!/bin/sh\ncase $1 in {told} *) "$0".played "$@" {other};; esac\n')
        program.chmod(0o755)

    def disk(self, host: PlayedHost, free: int) -> None:
        """Let a machine's `df` tell so many free bytes."""
        program = Path(host.variables["PATH"].split(":")[1], "df")
        program.write_text(f"#!/bin/sh\necho Avail\necho {free}\n")
        program.chmod(0o755)

    def release(self, host: PlayedHost, name: str, image: str) -> Path:
        """Record a release on a machine."""
        record = host.files / "demo" / "releases" / name / "image"
        record.parent.mkdir(parents=True)
        record.write_text(f"{image}\n")
        return record


@contextlib.contextmanager
def yard(home: Path, *names: str) -> Iterator[Yard]:
    registry = Registry(REGISTRY, PASSWORD)
    with played_hosts(home, names, registries={REGISTRY: registry}) as hosts:
        made = Yard(home, hosts, registry)
        with locked(made.place, [host.files / "demo" for host in hosts]):
            try:
                yield made
            finally:
                for remote in made.remotes.values():
                    remote.close()
