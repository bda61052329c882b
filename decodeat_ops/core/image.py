"""Define images: what names one, what one is made of, and the port to the engine and to registries."""

import hashlib
import json
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Protocol

from decodeat_ops.core.layers import BuiltImage, Export
from decodeat_ops.core.secret import Secret

DIRTY = "-dirty"  # what ends a revision whose files differ from the commit
_DIGITS = 24  # hexadecimal ones of a tag: 96 bits
# How engines and registries say that a login isn't good enough. A push has no other sign of it: its status is 200.
_REFUSALS = ("unauthorized", "authentication required", "no basic auth credentials", "denied", "incorrect username")
BASE_LABEL, CODE_LABEL, LOCK_LABEL = "org.opencontainers.image.base.name", "decodeat.code", "decodeat.lock"


@dataclass(frozen=True)
class Reference:
    """Name an image: `repository` is a registry and a name, such as registry.example.com/decodeat.

    A `digest` ("sha256:...") names the content, and the tag does not count then.
    """

    repository: str
    tag: str
    digest: str = ""

    @property
    def registry(self) -> str:
        return self.repository.partition("/")[0]

    def at(self, digest: str) -> str:
        """Return the name that a deploy uses: it names the content, whatever becomes of the tag."""
        return f"{self.repository}@{digest}"

    @classmethod
    def parse(cls, text: str) -> "Reference":
        """Return what repository:tag, repository@digest or repository:tag@digest names."""
        name, _, digest = text.partition("@")
        repository, colon, tag = name.rpartition(":")
        tagged = bool(colon) and "/" not in tag  # else it is the port of the registry
        return cls(repository if tagged else name, tag if tagged else "", digest)

    def __str__(self) -> str:
        return self.at(self.digest) if self.digest else f"{self.repository}:{self.tag}"


@dataclass(frozen=True)
class Recipe:
    """Hold what an image is made of.

    `code`, `lock` and `dockerfile` are SHA-256 in hex. `base` is the image that it is built on. `version` and
    `revision` are told in its labels; `revision` ends with "-dirty" when the files differ from the commit, and is ""
    without git.
    """

    code: str
    lock: str
    dockerfile: str
    base: str
    platform: str
    version: str
    revision: str

    @property
    def dirty(self) -> bool:
        return self.revision.endswith(DIRTY)

    @property
    def digest(self) -> str:
        """Return what decides on the content, in 24 hex digits; labels don't count."""
        parts = {name: value for name, value in asdict(self).items() if name not in {"version", "revision"}}
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:_DIGITS]

    @property
    def tag(self) -> str:
        """Return the tag, which names the content. What was built of changed files is told apart by its end.

        Otherwise a commit of the same files would be served by an image whose label says that it is something else.
        """
        readable = re.sub(r"[^A-Za-z0-9_.-]", "-", self.version).lstrip(".-") or "0"
        return f"{readable[:32]}-{self.digest}{DIRTY if self.dirty else ''}"

    @property
    def labels(self) -> Mapping[str, str]:
        """Return the labels beside those that the Dockerfile writes itself: title, version and revision."""
        return {BASE_LABEL: self.base, CODE_LABEL: self.code, LOCK_LABEL: self.lock}

    @property
    def arguments(self) -> Mapping[str, str]:
        """Return the arguments of the build, as the Dockerfile names them."""
        return {"PYTHON_IMAGE": self.base, "VERSION": self.version, "REVISION": self.revision or "unknown"}


@dataclass(frozen=True)
class BuildRequest:
    """Hold what the engine is asked to build. `context` is a tar archive with the Dockerfile in it.

    `network` is that of the build's own commands: "host", or "" for the engine's usual one.
    """

    reference: Reference
    recipe: Recipe
    network: str
    context: bytes


@dataclass(frozen=True)
class RemoteImage:
    """Describe what a registry has under a tag."""

    digest: str
    platforms: frozenset[str] = frozenset()  # such as linux/amd64; none when the registry doesn't tell

    def runs_on(self, platform: str) -> bool:
        return not self.platforms or same_platform(platform) in map(same_platform, self.platforms)


def same_platform(text: str) -> str:
    """Return one of several spellings of a platform: 64-bit ARM is of version 8, said or not."""
    return text.removesuffix("/v8") if text.startswith("linux/arm64") else text


def refuses_login(text: str) -> bool:
    """Return whether these words of an engine or a registry say that the login is not good enough."""
    return any(word in text.lower() for word in _REFUSALS)


@dataclass(frozen=True)
class Login:
    """Hold what a registry is told by whoever uses it."""

    user: str
    password: Secret


class Logins(Protocol):
    """Tell the logins of registries. It is asked for each request, since a password may be good for hours only."""

    def __call__(self, registry: str) -> Login | None:
        """Return the login, None to take that of the operator's own Docker configuration.

        Raises `Configuration` when it can't be had.
        """
        ...


class Report(Protocol):
    """Take progress of a build or a push; it may raise `Interrupted`, and the work then ends."""

    def __call__(self, text: str, done: int = 0, total: int = 0, unit: str = "") -> None: ...


class Images(Protocol):
    """Build images with an engine, and keep them in registries. All methods raise `Unreachable` without an engine."""

    def has(self, reference: Reference) -> bool:
        """Return whether the engine has an image of that name."""
        ...

    def build(self, request: BuildRequest, report: Report) -> str:
        """Build an image, bringing its base where the engine lacks it, and return its id in the engine.

        Raises `StepFailed` with the end of the build's output, or when the base can't be had.
        """
        ...

    def forget(self, reference: Reference) -> bool:
        """Take the name away from the engine, and return whether it is gone: a container or an image may keep it.

        It may be gone already. What the next build can use again stays.
        """
        ...

    def remote(self, reference: Reference) -> RemoteImage | None:
        """Return what the registry has under that name, None when it has nothing.

        Raises `Configuration` when it lets nobody look with this login, `Unreachable` when it doesn't answer.
        """
        ...

    def push(self, reference: Reference, report: Report) -> str:
        """Send an image of the engine to its registry and return the digest that it got.

        Raises `Configuration` when the registry refuses this login, `StepFailed` with its words when it takes the image
        for another reason not, `Unreachable` when the engine breaks off: what the registry then has, a look tells.
        """
        ...

    def layers(self, name: str) -> BuiltImage | None:
        """Return what an image of the engine consists of, by its name or its id; None when the engine has none."""
        ...

    def export(self, name: str, layers: frozenset[str], report: Report) -> AbstractContextManager[Export]:
        """Take these layers of an image out of the engine, and keep them on this machine while the context lasts.

        Raises `StepFailed` when the engine has no such image, or this machine no room.
        """
        ...
