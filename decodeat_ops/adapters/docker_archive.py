"""Read the archive of an image that an engine writes, and write archives with some of its layers."""

import gzip
import hashlib
import io
import json
import posixpath
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from decodeat_ops.core.layers import BuiltImage

PIECE = 1 << 18  # bytes
_QUICK = 1  # of gzip's levels: a whole image has hundreds of megabytes, and the slowest one saves little more
_BLOCK = 512
_PREFIX = "sha256:"
_SMALL = 1 << 24  # bytes; more than any configuration or list has
_LIST = "manifest.json"


@dataclass(frozen=True)
class Archive:
    """Hold an image's configuration as the engine wrote it, and files with layers by their diff ids.

    `unpacked` is the size of those layers whose files are packed, as far as it is known.
    """

    image: BuiltImage
    configuration: bytes
    files: Mapping[str, Path]
    unpacked: Mapping[str, int] = field(default_factory=dict)

    def length(self, layers: frozenset[str]) -> int:
        return sum(_BLOCK + _padded(self.files[layer].stat().st_size) for layer in layers)

    def room(self, layers: frozenset[str]) -> int:
        sizes = {layer: self.files[layer].stat().st_size for layer in layers}
        return self.length(layers) + sum(self.unpacked.get(layer, size) for layer, size in sizes.items())

    def archive(self, name: str, layers: frozenset[str]) -> Iterator[bytes]:
        """Yield it. The list comes last, so that an archive that was cut off has none and is refused as a whole."""
        chosen = [self.files[layer] for layer in sorted(layers)]
        configuration = f"{self.image.id.removeprefix(_PREFIX)}.json"
        yield from _small(configuration, self.configuration)
        for layer, path in zip(sorted(layers), chosen, strict=True):
            yield _header(_name(layer), path.stat().st_size)
            with path.open("rb") as content:
                while piece := content.read(PIECE):
                    yield piece
            yield _padding(path.stat().st_size)
        names = [_name(layer) for layer in self.image.layers]
        told = [{"Config": configuration, "RepoTags": [name], "Layers": names}]
        yield from _small(_LIST, json.dumps(told).encode())
        yield bytes(2 * _BLOCK)


def read(
    pieces: Iterable[bytes],
    wanted: frozenset[str] | None,
    layers: tuple[str, ...],
    directory: Path,
    count: Callable[[int], None],
) -> Archive:
    """Read what an engine writes of an image with these layers, and lay the wanted ones down in a directory.

    Those that are plain are packed: engines unpack what they load, and most of a layer of many small files is padding
    and text. `count` takes the bytes that were read. With None for the wanted ones no layer is looked at. Engines name
    a layer by its digest, by an id of their own, or, where they keep it packed, by the digest of that; so what a file
    is may be known by its content or by the list at the end alone. Raises `ValueError` for what is no archive of such
    an image, OSError when the directory takes no more.
    """
    unwanted = frozenset(layers) - (wanted or frozenset())
    found: dict[str, tuple[Path, str]] = {}
    links: dict[str, str] = {}
    try:
        with tarfile.open(fileobj=_Stream(pieces, count), mode="r|", bufsize=PIECE) as archive:
            for number, member in enumerate(archive):
                name = posixpath.normpath(member.name)
                if member.issym():
                    links[name] = posixpath.normpath(posixpath.join(posixpath.dirname(name), member.linkname))
                elif member.islnk():
                    links[name] = posixpath.normpath(member.linkname)
                content = archive.extractfile(member) if member.isfile() else None
                if content is None or _known(name) in unwanted or (wanted is None and member.size > _SMALL):
                    continue
                path = directory / str(number)
                digest = _laid_down(content, path)
                if digest in unwanted:
                    path.unlink()
                else:
                    found[name] = path, digest
    except tarfile.TarError as error:
        raise ValueError(f"its archive can't be read: {error}") from error
    made = _archive(found, links, layers, wanted or frozenset())
    # What has another digest than the layer is packed already.
    plain = {layer: path for layer, path in made.files.items() if (path, layer) in found.values()}
    sizes = {layer: path.stat().st_size for layer, path in plain.items()}
    return replace(made, files={**made.files, **{at: _packed(one, count) for at, one in plain.items()}}, unpacked=sizes)


def _archive(
    found: Mapping[str, tuple[Path, str]], links: Mapping[str, str], layers: tuple[str, ...], wanted: frozenset[str]
) -> Archive:
    def at(name: str) -> tuple[Path, str] | None:
        name = posixpath.normpath(name)
        return found.get(links.get(name, name))

    listed = found.get(_LIST)
    if listed is None:
        raise ValueError("its archive ends before the list of its layers")
    for one in json.loads(listed[0].read_bytes()):
        configuration = at(one["Config"])
        text = configuration[0].read_bytes() if configuration else b"{}"
        if not configuration or tuple(_diff_ids(text)) != layers:
            continue  # an image for several platforms has one for each
        files = {layer: file[0] for layer, name in zip(layers, one["Layers"], strict=True) if (file := at(name))}
        if wanted - files.keys():
            raise ValueError(f"its archive lacks {', '.join(sorted(wanted - files.keys()))}")
        needed = {layer: files[layer] for layer in wanted}
        for path, _ in found.values():
            if path not in needed.values():
                path.unlink()
        return Archive(BuiltImage(configuration[1], layers), text, needed)
    raise ValueError("its archive has another image")


def _diff_ids(configuration: bytes) -> Iterable[str]:
    told: Any = json.loads(configuration)
    return [str(one) for one in told.get("rootfs", {}).get("diff_ids") or ()]


def _known(name: str) -> str:
    """Return the digest by which a file is named, "" for none."""
    directory, _, base = name.rpartition("/")
    return _PREFIX + base if directory == "blobs/sha256" else ""


def _laid_down(content: IO[bytes], path: Path) -> str:
    """Write content to a file, and return its digest."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        while piece := content.read(PIECE):
            digest.update(piece)
            file.write(piece)
    return _PREFIX + digest.hexdigest()


def _packed(path: Path, count: Callable[[int], None]) -> Path:
    """Replace a file by the same one packed with gzip, and return its path."""
    made = path.with_suffix(".gz")
    with path.open("rb") as content, made.open("wb") as file, gzip.GzipFile("", "wb", _QUICK, file, mtime=0) as packing:
        while piece := content.read(PIECE):
            count(0)  # whoever counts may want to stop
            packing.write(piece)
    path.unlink()
    return made


class _Stream(io.RawIOBase):
    """Let `tarfile` read pieces as they come, of whatever length."""

    def __init__(self, pieces: Iterable[bytes], count: Callable[[int], None]) -> None:
        super().__init__()
        self._pieces = iter(pieces)
        self._count = count

    def read(self, size: int = -1) -> bytes:
        piece = next(self._pieces, b"")
        self._count(len(piece))
        return piece


def _name(layer: str) -> str:
    return f"{layer.removeprefix(_PREFIX)}.tar"


def _header(name: str, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    return member.tobuf(tarfile.GNU_FORMAT)


def _small(name: str, content: bytes) -> Iterator[bytes]:
    yield _header(name, len(content)) + content + _padding(len(content))


def _padding(size: int) -> bytes:
    return bytes(_padded(size) - size)


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK
