"""Give what a bootstrap makes a mark, so that its undo deletes nothing of others."""

from collections.abc import Iterable, Mapping

from decodeat_ops.targets.ecs.names import DEPLOYMENT
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.release import PREFIX

MARK = f"{PREFIX}made"


def tags(place: Place, mark: str) -> dict[str, str]:
    """Return the tags of what is made: whose it is, and by which command it was made."""
    return {DEPLOYMENT: place.names.deployment, MARK: mark}


def pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as most services take them."""
    return [{"Key": name, "Value": value} for name, value in values.items()]


def small_pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as ECS takes them."""
    return [{"key": name, "value": value} for name, value in values.items()]


def of_pairs(told: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return tags from either kind of pairs."""
    return {one.get("Key", one.get("key", "")): one.get("Value", one.get("value", "")) for one in told}
