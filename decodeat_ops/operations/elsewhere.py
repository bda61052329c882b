"""Ask a target for what it adds to plans that change something where the operator does not sit, such as an account."""

from typing import Any

from decodeat_ops.core.abilities import Elsewhere
from decodeat_ops.core.release import Release
from decodeat_ops.core.target import Facts, Observed, Origin

TODAYS = "secrets and data"


def told(target: object) -> Facts:
    """Return where a plan of this target changes something, nothing for one on the operator's own machine."""
    return target.told() if isinstance(target, Elsewhere) else ()


def startable(target: object, release: Release, origin: Origin, observed: Observed[Any]) -> Facts:
    """Return what a plan says of a release that is started again. Raises `Configuration` when it can't be."""
    return target.startable(release, origin, observed) if isinstance(target, Elsewhere) else ()


def todays(target: object) -> str:
    """Return what a release does not bring back with it, for people."""
    return target.todays if isinstance(target, Elsewhere) else TODAYS
