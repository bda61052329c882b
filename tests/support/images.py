"""An engine and a registry in memory: they refuse what real ones would, and what would be done for nothing."""

import hashlib
import io
import tarfile
from dataclasses import dataclass, field
from typing import NoReturn

from decodeat_ops.core.errors import Configuration, OpsError, StepFailed, Unreachable
from decodeat_ops.core.image import BuildRequest, Images, Reference, RemoteImage, Report


def no_engine() -> NoReturn:
    """Stand where an engine would be opened: the test is of something that needs none."""
    raise AssertionError("nothing here needs an engine")


@dataclass
class MemoryRegistry:
    """What a registry keeps, by reference. `down` says that it answers nobody, `closed` that it knows no such login."""

    kept: dict[str, RemoteImage] = field(default_factory=dict)
    down: bool = False
    closed: bool = False

    def open(self) -> None:
        if self.down:
            raise Unreachable("the registry does not answer")
        if self.closed:
            raise Configuration("the registry refuses this login")


@dataclass
class MemoryImages(Images):
    """One engine. `did` is what changed something, in order.

    `breaks` is what the next "build", "push", or "push" that has "arrived" ends with. With `dies_with_it` the registry
    is down from then on. `used` are the references that containers use.
    """

    registry: MemoryRegistry = field(default_factory=MemoryRegistry)
    there: dict[str, BuildRequest] = field(default_factory=dict)
    did: list[str] = field(default_factory=list)
    breaks: dict[str, OpsError] = field(default_factory=dict)
    dies_with_it: bool = False
    used: set[str] = field(default_factory=set)

    def has(self, reference: Reference) -> bool:
        return str(reference) in self.there

    def build(self, request: BuildRequest, report: Report) -> str:
        assert not self.has(request.reference), "it would be built for nothing"
        with tarfile.open(fileobj=io.BytesIO(request.context)) as packed:
            assert "Dockerfile" in packed.getnames()
        report("FROM something", 0, 3)
        self.did.append("build")
        self._break("build")
        self.there[str(request.reference)] = request
        return f"sha256:{hashlib.sha256(request.context).hexdigest()}"

    def forget(self, reference: Reference) -> bool:
        if str(reference) in self.used:
            return False
        if self.there.pop(str(reference), None) is not None:
            self.did.append("forget")
        return True

    def remote(self, reference: Reference) -> RemoteImage | None:
        self.registry.open()
        return self.registry.kept.get(str(reference))

    def push(self, reference: Reference, report: Report) -> str:
        self.registry.open()
        if not self.has(reference):
            raise StepFailed(f"the engine has no {reference}")
        assert str(reference) not in self.registry.kept, "it would be sent for nothing"
        report("1 of 2 layers are there", 10, 20, "bytes")
        self.did.append("push")
        self._break("push")
        platform = self.there[str(reference)].recipe.platform
        arrived = RemoteImage(f"sha256:{hashlib.sha256(str(reference).encode()).hexdigest()}", frozenset({platform}))
        self.registry.kept[str(reference)] = arrived
        self._break("arrived")
        return arrived.digest

    def _break(self, where: str) -> None:
        if where in self.breaks:
            self.registry.down = self.dies_with_it
            raise self.breaks.pop(where)
