"""Describe a release on ECS, and keep its record in the tags of its task definition."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from decodeat_ops.core.release import Release

PREFIX = "decodeat-ops:"
SERVED = f"{PREFIX}served"  # the tag of a revision that clients have reached, confirmed from outside or by ECS's word
_SAID = frozenset({"image", "task_definition"})  # by the task definition itself


@dataclass(frozen=True)
class EcsRelease(Release):
    """Add the image, by digest, and the task definition's ARN ("" until it is registered).

    `knows` are the ids of the migrations that its code knows, `irreversible` those of them that can't be taken back,
    both with a space between; "" when the image was not built here. `document` is the digest of the task definition as
    it was registered, so that one made by hand with the same tags is told apart. `served`: clients have reached it.
    """

    image: str = field(kw_only=True, default="")
    task_definition: str = field(kw_only=True, default="")
    knows: str = field(kw_only=True, default="")
    irreversible: str = field(kw_only=True, default="")
    document: str = field(kw_only=True, default="")
    served: bool = field(kw_only=True, default=False)


def tags(release: EcsRelease, deployment: str) -> list[dict[str, str]]:
    """Return the record of a release as tags of its task definition, at most 50 of at most 256 characters each."""
    record = {**release.as_json(), "deployment": deployment}
    kept = {name: value for name, value in record.items() if name not in _SAID}
    return [{"key": PREFIX + name, "value": _text(value)} for name, value in sorted(kept.items())]


def from_tags(found: Mapping[str, str], image: str, task_definition: str) -> EcsRelease | None:
    """Rebuild a release from its tags; None when the task definition is not a release of ours.

    Raises TypeError or ValueError when tags of a release are missing or damaged.
    """
    told = {name.removeprefix(PREFIX): text for name, text in found.items() if name.startswith(PREFIX)}
    if "id" not in told:
        return None
    names = {one.name for one in fields(EcsRelease)} - _SAID
    values: dict[str, Any] = {name: told[name] for name in names if name in told}
    values["pinned"] = told.get("pinned") == "true"
    values["served"] = told.get("served", "true") == "true"  # an earlier version's, which noted it of none
    values |= {name: int(told[name]) for name in ("format", "sequence") if name in told}
    return EcsRelease(**values, image=image, task_definition=task_definition)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
