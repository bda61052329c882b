"""Let the product open machines that are played where it would open others over SSH, with an engine that is played."""

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from decodeat_ops.adapters import docker_engine
from decodeat_ops.adapters.ssh import remote as ssh_remote
from decodeat_ops.core.image import BuildRequest, Reference, Report
from tests.servers.vm.images import Image, Registry
from tests.support.images import MemoryImages
from tests.support.local_remote import LocalRemote


class Patch(Protocol):
    def setattr(self, target: Any, name: str, value: Any) -> None: ...


@dataclass(frozen=True)
class Machine:
    """Name a machine that is played, as a process of its own needs it."""

    name: str
    address: str
    variables: dict[str, str]


@dataclass
class KeptImages(MemoryImages):
    """The operator's engine, which outlives a command that is killed: its images are in a file."""

    path: Path = field(kw_only=True)
    played: Registry | None = None  # from which machines pull what is pushed

    def _load(self) -> None:
        if self.path.exists():
            self.there = pickle.loads(self.path.read_bytes())

    def _save(self) -> None:
        new = self.path.with_suffix(".new")
        new.write_bytes(pickle.dumps(self.there))
        new.replace(self.path)

    def has(self, reference: Reference) -> bool:
        self._load()
        return super().has(reference)

    def build(self, request: BuildRequest, report: Report) -> str:
        self._load()
        made = super().build(request, report)
        self._save()
        return made

    def forget(self, reference: Reference) -> bool:
        self._load()
        gone = super().forget(reference)
        self._save()
        return gone

    def push(self, reference: Reference, report: Report) -> str:
        self._load()
        digest = super().push(reference, report)
        content = self._content(str(reference))
        assert self.played is not None and content is not None
        name = reference.repository.partition("/")[2]
        self.played.kept[f"{name}@{digest}"] = Image(content.configuration, content.layers)
        return digest

    def layers(self, name: str) -> Any:
        self._load()
        return super().layers(name)


def opening(
    patch: Patch, machines: Sequence[Machine], images: MemoryImages, taken: Callable[[LocalRemote], None]
) -> None:
    """Let `SshRemote` be a connection to one of these, and the engine be that one."""
    known = {one.name: one for one in machines}

    def opened(name: str, **_: Any) -> LocalRemote:
        one = known[name]
        made = LocalRemote(name, address=one.address, variables=one.variables)
        taken(made)
        return made

    patch.setattr(ssh_remote, "SshRemote", opened)
    patch.setattr(docker_engine.DockerEngine, "opened", staticmethod(partial(_engine, images)))


def _engine(images: MemoryImages, *_: Any, **__: Any) -> MemoryImages:
    return images
