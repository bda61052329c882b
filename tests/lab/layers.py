"""What is in an image: every file of every layer, also those that a later layer hides, and its configuration."""

import io
import json
import subprocess
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from tests.lab.engine import Engine

CONFIGURATION = "configuration"  # holds the history too


@dataclass(frozen=True)
class Layer:
    """Bytes of its files, and of itself as a registry keeps it (0: not asked); `found` are pairs of marker and file."""

    size: int
    packed: int
    found: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Contents:
    """`layers` from the bottom up; `told` are the markers that the configuration has."""

    layers: tuple[Layer, ...]
    told: tuple[str, ...]

    def found(self, markers: Sequence[str], above: int = 0) -> list[str]:
        """Files with one of these markers in their name or content; the lowest `above` layers are left out."""
        hits = [(marker, CONFIGURATION) for marker in self.told]
        hits += [hit for layer in self.layers[above:] for hit in layer.found]
        return [file for marker, file in hits if marker in markers]


def read(engine: Engine, image: str, markers: Sequence[str], *, pack: bool = False) -> Contents:
    """Read `docker save` from end to end, looking for every marker in everything; `pack` measures that too."""
    layers: dict[str, Layer] = {}
    texts: dict[str, str] = {}
    with subprocess.Popen(("docker", "save", image), env=engine.environment, stdout=subprocess.PIPE) as saving:
        for name, data in _files(saving.stdout):
            if name.endswith("/layer.tar"):
                layers[name] = _layer(data, markers, pack)
            else:
                texts[name] = data.decode()
    assert saving.returncode == 0
    (manifest,) = json.loads(texts["manifest.json"])
    told = tuple(marker for marker in markers if marker in texts[manifest["Config"]])
    return Contents(tuple(layers[name] for name in manifest["Layers"]), told)


def _layer(data: bytes, markers: Sequence[str], pack: bool) -> Layer:
    size, found = 0, []
    for name, content in _files(io.BytesIO(data)):
        size += len(content)
        text = name.encode() + b"\n" + content
        found += [(marker, name) for marker in markers if marker.encode() in text]
    return Layer(size, len(zlib.compress(data)) if pack else 0, tuple(found))


def _files(stream: IO[bytes] | None) -> Iterator[tuple[str, bytes]]:
    """Name and content of what is in a tar archive; links have none."""
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            yield member.name.removeprefix("./"), content.read() if content else b""
