"""What is in an image: every file of every layer, also those that a later layer hides, and its configuration."""

import json
import subprocess
import tarfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab.engine import Engine


@dataclass(frozen=True)
class Saved:
    """An image on disk: its layers from the bottom up, and its configuration, which holds the history too."""

    layers: tuple[Path, ...]
    configuration: str


def save(engine: Engine, image: str, directory: Path) -> Saved:
    """Write an image down in an empty directory."""
    archive = directory / "image.tar"
    engine.ok("save", "--output", str(archive), image)
    subprocess.run(("tar", "--extract", "--file", archive, "--directory", directory), check=True)
    archive.unlink()
    (manifest,) = json.loads((directory / "manifest.json").read_text())
    layers = tuple(directory / name for name in manifest["Layers"])
    return Saved(layers, (directory / manifest["Config"]).read_text())


def search(saved: Saved, markers: Sequence[str], above: int = 0) -> list[str]:
    """Files with a marker in their name or content, and "configuration"; leaves out the lowest `above` layers."""
    found = ["configuration"] if any(marker in saved.configuration for marker in markers) else []
    names = [marker.encode() for marker in markers]
    for layer in saved.layers[above:]:
        with tarfile.open(layer) as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isfile() else None
                texts = (member.name.encode(), member.linkname.encode(), content.read() if content else b"")
                if any(name in text for name in names for text in texts):
                    found.append(member.name.removeprefix("./"))
    return found


def sizes(layer: Path) -> tuple[int, int]:
    """Bytes of the files in a layer, and of the layer as a registry keeps it."""
    with tarfile.open(layer) as archive:
        return sum(member.size for member in archive), len(zlib.compress(layer.read_bytes()))
