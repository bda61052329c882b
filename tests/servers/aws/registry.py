"""Hold the images of an account: repositories, and what other registries have that its tasks can pull."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.servers.aws.account import Account

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@dataclass
class Image:
    """Hold one image or index of images; `platforms` are such as "linux/amd64"."""

    digest: str
    platforms: tuple[str, ...]
    manifest: str
    media: str
    pushed: datetime
    tags: set[str] = field(default_factory=set)


@dataclass
class Repository:
    """Hold a repository: its images by digest."""

    name: str
    arn: str
    uri: str
    created: datetime
    immutable: bool = False
    scans: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    images: dict[str, Image] = field(default_factory=dict)
    lifecycle: str = ""

    def find(self, reference: str) -> Image | None:
        """Return an image by digest or tag."""
        return self.images.get(reference) or next((one for one in self.images.values() if reference in one.tags), None)


@dataclass
class Registry:
    """Hold the repositories of an account, and the images of other registries that its tasks can pull."""

    account: Account
    repositories: dict[str, Repository] = field(default_factory=dict)
    elsewhere: dict[str, tuple[str, ...]] = field(default_factory=dict)  # platforms by reference

    @property
    def host(self) -> str:
        return f"{self.account.id}.dkr.ecr.{self.account.region}.amazonaws.com"

    def repository(self, name: str) -> Repository:
        """Return a repository, made now when there is none."""
        if name not in self.repositories:
            arn = self.account.arn("ecr", f"repository/{name}")
            self.repositories[name] = Repository(name, arn, f"{self.host}/{name}", self.account.now())
        return self.repositories[name]

    def push(self, name: str, content: str, *platforms: str, tag: str = "") -> str:
        """Put an image into a repository, as a push does, and return its whole reference by digest."""
        repository = self.repository(name)
        manifest, media = _manifest(content, platforms or ("linux/amd64",))
        digest = f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"
        image = Image(digest, platforms or ("linux/amd64",), manifest, media, self.account.now())
        repository.images.setdefault(digest, image)
        before = repository.find(tag) if tag else None
        if before is not None and before.digest != digest and repository.immutable:
            raise AssertionError(f"the tag {tag} is immutable")
        if tag:
            if before is not None:
                before.tags.discard(tag)
            repository.images[digest].tags.add(tag)
        return f"{repository.uri}@{digest}"

    def pulled(self, reference: str) -> tuple[str, ...] | None:
        """Return the platforms of an image that a task asks for, None when there is no such image."""
        if not reference.startswith(f"{self.host}/"):
            return self.elsewhere.get(reference)
        name, _, named = reference.removeprefix(f"{self.host}/").partition("@")
        if not named:
            name, _, named = name.partition(":")
        repository = self.repositories.get(name)
        image = repository.find(named or "latest") if repository else None
        return image.platforms if image else None


def _manifest(content: str, platforms: tuple[str, ...]) -> tuple[str, str]:
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "size": 10, "digest": digest_of(content)}
    if len(platforms) > 1:
        held: list[dict[str, Any]] = [
            {
                "mediaType": MANIFEST,
                "size": 10,
                "digest": digest_of(content + one),
                "platform": {"os": one.partition("/")[0], "architecture": one.partition("/")[2]},
            }
            for one in platforms
        ]
        return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": held}), INDEX
    text = configuration(platforms[0])
    kind = "application/vnd.oci.image.config.v1+json"
    config = {"mediaType": kind, "size": len(text), "digest": digest_of(text)}
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]}), MANIFEST


def configuration(platform: str) -> str:
    """Return the configuration of an image, which says what it runs on."""
    system, _, architecture = platform.partition("/")
    return json.dumps({"architecture": architecture, "os": system, "config": {}, "rootfs": {"type": "layers"}})


def digest_of(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
