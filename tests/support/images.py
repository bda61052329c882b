"""An engine and a registry in memory: they refuse what real ones would, and what would be done for nothing."""

import contextlib
import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from decodeat_ops.adapters.docker_archive import Archive
from decodeat_ops.core.errors import Configuration, OpsError, StepFailed, Unreachable
from decodeat_ops.core.image import BuildRequest, Images, Reference, RemoteImage, Report
from decodeat_ops.core.layers import BuiltImage, Export


def no_engine() -> NoReturn:
    """Stand where an engine would be opened: the test is of something that needs none."""
    raise AssertionError("nothing here needs an engine")


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass(frozen=True)
class Content:
    """What an engine has of an image: a layer of its base, one of its dependencies, and one of its code."""

    request: BuildRequest

    @property
    def layers(self) -> tuple[bytes, ...]:
        recipe = self.request.recipe
        base, lock = f"{recipe.base} {recipe.platform}\n", f"{recipe.lock}\n"
        return base.encode() * 4000, lock.encode() * 1000, self.request.context

    @property
    def configuration(self) -> bytes:
        system, _, processor = self.request.recipe.platform.partition("/")
        told = {"architecture": processor, "os": system, "created": "2026-01-01T00:00:00Z"}
        config = {"Labels": {**self.request.recipe.labels}, "User": "10001:10001"}
        layers = {"type": "layers", "diff_ids": [*map(digest, self.layers)]}
        return json.dumps({**told, "config": config, "rootfs": layers}).encode()

    @property
    def image(self) -> BuiltImage:
        return BuiltImage(digest(self.configuration), tuple(map(digest, self.layers)), tuple(map(len, self.layers)))


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
        return Content(request).image.id

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
        arrived = RemoteImage(digest(str(reference).encode()), frozenset({platform}))
        self.registry.kept[str(reference)] = arrived
        self._break("arrived")
        return arrived.digest

    def layers(self, name: str) -> BuiltImage | None:
        found = self._content(name)
        return found.image if found else None

    @contextlib.contextmanager
    def export(self, name: str, layers: frozenset[str], report: Report) -> Iterator[Export]:
        assert layers, "it would be read for nothing"
        found = self._content(name)
        if found is None:
            raise StepFailed(f"the engine has no {name}")
        assert layers <= {*found.image.layers}, "it has other layers"
        report("reading the image", 10, 0, "bytes")
        self.did.append("export")
        with tempfile.TemporaryDirectory() as directory:
            files = {}
            for content in found.layers:
                if digest(content) in layers:
                    files[digest(content)] = path = Path(directory, digest(content))
                    path.write_bytes(content)
            yield Archive(found.image, found.configuration, files)

    def _content(self, name: str) -> Content | None:
        known = {**self.there, **{Content(one).image.id: one for one in self.there.values()}}
        return Content(known[name]) if name in known else None

    def _break(self, where: str) -> None:
        if where in self.breaks:
            self.registry.down = self.dies_with_it
            raise self.breaks.pop(where)
