"""What an engine that is played keeps of images, and the registries that it gets them from."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from tests.servers.vm.words import Refused, daemon

CREATED = "2026-01-01T00:00:00Z"


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def chains(diffs: Sequence[str]) -> list[str]:
    """Return the chain id of each layer, by which an engine knows it: a layer counts with those below it."""
    found: list[str] = []
    for diff in diffs:
        found.append(sha256(f"{found[-1]} {diff}".encode()) if found else diff)
    return found


@dataclass
class Image:
    """One image: its configuration as it is, its layers' content, and the names that it has."""

    configuration: bytes
    layers: tuple[bytes, ...]
    tags: set[str] = field(default_factory=set)
    digests: set[str] = field(default_factory=set)

    @property
    def id(self) -> str:
        return sha256(self.configuration)

    @property
    def told(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.configuration)
        return found

    @property
    def size(self) -> int:
        return sum(map(len, self.layers))

    def inspected(self) -> dict[str, Any]:
        """Return what `docker image inspect` says of it."""
        told = self.told
        return {
            "Id": self.id,
            "RepoTags": sorted(self.tags),
            "RepoDigests": sorted(self.digests),
            "Created": told["created"],
            "Config": told["config"],
            "Architecture": told["architecture"],
            "Os": told["os"],
            "Size": self.size,
            "RootFS": {"Type": "layers", "Layers": told["rootfs"]["diff_ids"]},
        }


def made(layers: Sequence[bytes], *, labels: Mapping[str, str] | None = None, tag: str = "", **about: Any) -> Image:
    """Return an image as a builder makes one. `about` are keys of its configuration."""
    diffs = [sha256(layer) for layer in layers]
    config = {"Env": ["PATH=/usr/bin:/bin"], "User": "10001:10001", "Labels": dict(labels or {}), **about}
    told = {"architecture": "amd64", "os": "linux", "created": CREATED, "config": config}
    told["rootfs"] = {"type": "layers", "diff_ids": diffs}
    return Image(json.dumps(told, sort_keys=True).encode(), tuple(layers), {tag} if tag else set())


def archive(image: Image, lacking: Iterable[str] = ()) -> bytes:
    """Return the image as `docker save` does, but for the layers that are named by their digests."""
    out, lacks = io.BytesIO(), set(lacking)
    entry = {"Config": f"{image.id[7:]}.json", "RepoTags": sorted(image.tags), "Layers": list[str]()}
    with tarfile.open(fileobj=out, mode="w") as packed:
        for layer in image.layers:
            name = f"{sha256(layer)[7:]}.tar"
            entry["Layers"].append(name)  # type: ignore[attr-defined]
            if sha256(layer) not in lacks:
                _put(packed, name, layer)
        _put(packed, str(entry["Config"]), image.configuration)
        _put(packed, "manifest.json", json.dumps([entry]).encode())
    return out.getvalue()


def _put(packed: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    packed.addfile(member, io.BytesIO(content))


@dataclass
class Registry:
    """A registry by its address. With a `password` it wants a login of the user `ops`. `down`: it does not answer."""

    address: str
    password: str = ""
    down: bool = False
    kept: dict[str, Image] = field(default_factory=dict)  # by repository@digest, without the registry
    sent: int = 0  # bytes of layers

    def push(self, repository: str, image: Image) -> str:
        """Keep an image and return the digest of its manifest."""
        digest = sha256(b"manifest of " + image.configuration)
        self.kept[f"{repository}@{digest}"] = image
        return digest

    def allows(self, login: str) -> bool:
        return not self.password or login == f"ops:{self.password}"


@dataclass
class Store:
    """The images of one engine. `full` says that its disk is; `received` counts the bytes that were brought to it."""

    images: dict[str, Image] = field(default_factory=dict)
    registries: dict[str, Registry] = field(default_factory=dict)
    full: bool = False
    received: int = 0

    def add(self, image: Image) -> Image:
        """Keep an image, or its further names."""
        known = self.images.setdefault(image.id, Image(image.configuration, image.layers))
        for other in self.images.values():
            other.tags -= image.tags if other is not known else set()
        known.tags |= image.tags
        known.digests |= image.digests
        return known

    def find(self, name: str) -> Image | None:
        """Return what a name, an id or the beginning of one means."""
        for image in self.images.values():
            if name in image.digests or name in image.tags or f"{name}:latest" in image.tags:
                return image
            if len(name) >= 12 and (image.id == name or image.id[7:].startswith(name.removeprefix("sha256:"))):
                return image
        return None

    def need(self, name: str) -> Image:
        found = self.find(name)
        if found is None:
            raise daemon(f"No such image: {name}")
        return found

    def layers(self) -> dict[str, bytes]:
        """Return the layers that are there by their chain ids."""
        found: dict[str, bytes] = {}
        for image in self.images.values():
            found |= dict(zip(chains(image.told["rootfs"]["diff_ids"]), image.layers, strict=True))
        return found

    def load(self, source: BinaryIO) -> list[str]:
        """Take the images of an archive and return the lines that say so."""
        content = source.read()
        self.received += len(content)
        if self.full:
            raise daemon("write /var/lib/docker/tmp/docker-import-1/repositories: no space left on device")
        try:
            with tarfile.open(fileobj=io.BytesIO(content)) as packed:
                files = {one.name: _content(packed, one) for one in packed.getmembers() if one.isfile()}
        except tarfile.TarError as error:
            raise Refused("unexpected EOF") from error
        if "manifest.json" not in files:
            raise daemon("open /var/lib/docker/tmp/docker-import-1/repositories: no such file or directory")
        lines = []
        for entry in json.loads(files["manifest.json"]):
            image = self._loaded(entry, files)
            lines += [f"Loaded image: {tag}" for tag in sorted(image.tags)] or [f"Loaded image ID: {image.id}"]
            self.add(image)
        return lines

    def _loaded(self, entry: Mapping[str, Any], files: Mapping[str, bytes]) -> Image:
        configuration = files[entry["Config"]]
        diffs = json.loads(configuration)["rootfs"]["diff_ids"]
        if len(diffs) != len(entry["Layers"]):
            raise daemon(f"invalid manifest, layers length mismatch: expected {len(diffs)}")
        there, layers = self.layers(), []
        for name, diff, chain in zip(entry["Layers"], diffs, chains(diffs), strict=True):
            if chain in there:
                layers.append(there[chain])
                continue
            if name not in files:
                raise daemon(f"open /var/lib/docker/tmp/docker-import-1/{name}: no such file or directory")
            content = _unpacked(files[name])
            if sha256(content) != diff:
                raise daemon(f'invalid diffID for layer: expected "{diff}", got "{sha256(content)}"')
            layers.append(content)
        return Image(configuration, tuple(layers), set(entry["RepoTags"] or ()))

    def pull(self, name: str, login: str) -> Image:
        """Bring what a registry has; the layers that are there are not sent again."""
        repository, at, digest = name.partition("@")
        address, _, path = repository.partition("/")
        registry = self.registries.get(address)
        if registry is None or registry.down:
            raise daemon(f'Get "https://{address}/v2/": dial tcp: lookup {address}: connection refused')
        if not registry.allows(login):
            raise daemon(f'Head "https://{address}/v2/{path}/manifests/{digest}": no basic auth credentials')
        image = registry.kept.get(f"{path}@{digest}") if at else None
        if image is None:
            raise daemon(f"manifest for {name} not found: manifest unknown: manifest unknown")
        if self.full:
            raise Refused("failed to register layer: write /usr/lib/x: no space left on device")
        there = self.layers()
        diffs = image.told["rootfs"]["diff_ids"]
        moved = sum(len(layer) for layer, chain in zip(image.layers, chains(diffs), strict=True) if chain not in there)
        registry.sent += moved
        self.received += moved
        return self.add(Image(image.configuration, image.layers, set(), {name}))

    def remove(self, name: str, used: Mapping[str, str]) -> list[str]:
        """Take a name away, and the image with its last one. `used` says which container uses which image."""
        image = self.need(name)
        if name in image.tags | image.digests and len(image.tags | image.digests) > 1:
            image.tags.discard(name)
            image.digests.discard(name)
            return [f"Untagged: {name}"]
        if image.id in used:
            text = f'conflict: unable to remove repository reference "{name}" (must force)'
            if name not in image.tags | image.digests:
                text = f"conflict: unable to delete {image.id[7:19]} (cannot be forced)"
            raise daemon(f"{text} - container {used[image.id]} is using its referenced image {image.id[7:19]}")
        del self.images[image.id]
        return [*(f"Untagged: {one}" for one in sorted(image.tags | image.digests)), f"Deleted: {image.id}"]


def _content(packed: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    opened = packed.extractfile(member)
    return opened.read() if opened else b""


def _unpacked(content: bytes) -> bytes:
    """Unpack a layer of an archive as an engine does, which knows by its first bytes how it is packed."""
    return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
