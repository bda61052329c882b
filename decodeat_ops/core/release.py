"""Describe a release: its id, what it was made of, and how it came to be."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

FORMAT = 1
_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class Release:
    """Describe what releases of every target have in common.

    `fingerprint` is SHA-256 over code, lock and configuration: equal means "0 changed".
    `secrets` is a digest over the salted digests of the secrets it was started with. `lock` is the SHA-256 of
    the service's dependency lock and names the environment it runs in. `code` is the SHA-256 of the tree of
    code. `origin` says how it came to be: deploy, restart or restore:<snapshot>. `sequence` counts the releases of a
    deployment; it is 0 in those of versions that did not count.
    """

    id: str
    fingerprint: str
    code: str
    lock: str
    secrets: str
    revision: str
    created_at: str
    created_by: str
    origin: str
    data: str  # the data generation it serves
    pinned: bool = False
    format: int = FORMAT
    sequence: int = 0

    @property
    def order(self) -> tuple[int, str]:
        """Return the sort key from old to new: the number, since a clock may be set; without numbers, the name."""
        return self.sequence, self.id

    @property
    def served(self) -> bool:
        """Return whether clients have reached it; true unless a target keeps a record of it."""
        return True

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


R = TypeVar("R", bound=Release)


def previous(of: Release, releases: Iterable[R]) -> R | None:
    """Return the newest older release made of something else that has served; a restart's copy is not worth it."""
    return newest_served(one for one in releases if one.order < of.order and one.fingerprint != of.fingerprint)


def newest_served(releases: Iterable[R]) -> R | None:
    """Return the newest release that has served, None when none has. One that was only begun proves nothing."""
    return max((one for one in releases if one.served), key=lambda one: one.order, default=None)


def made_at(release: str) -> str:
    """Return the moment in a release's id as ISO 8601, "" when it holds none."""
    try:
        return datetime.strptime(release[:16], _STAMP).replace(tzinfo=UTC).isoformat(timespec="seconds")
    except ValueError:
        return ""


def release_id(now: datetime, fingerprint: str) -> str:
    """Build an id that sorts by time: UTC time to the second, and seven hex digits of the fingerprint."""
    return f"{now.astimezone(UTC).strftime(_STAMP)}-{fingerprint[:7]}"
