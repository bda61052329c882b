"""Write into a release's record which migrations its code knows, and read them from there."""

from collections.abc import Sequence
from typing import Protocol

from decodeat_ops.core.migration import Revision


class Recorded(Protocol):
    """Hold the ids of migrations with a space between: `knows` all, `irreversible` those that can't be taken back."""

    @property
    def knows(self) -> str: ...
    @property
    def irreversible(self) -> str: ...


def record(known: Sequence[Revision]) -> dict[str, str]:
    """Return what a release's record says of the migrations that its code knows: `knows` and `irreversible`."""
    return {
        "knows": " ".join(one.id for one in known),
        "irreversible": " ".join(one.id for one in known if not one.reversible),
    }


def knows(release: Recorded) -> frozenset[str]:
    """Return the ids that a release's record has; none when its image was not built here."""
    return frozenset(release.knows.split())


def revisions(release: Recorded) -> tuple[Revision, ...]:
    """Return the migrations that a release's record has, in order. Titles are not in it, nor what loses data."""
    lost = release.irreversible.split()
    return tuple(Revision(one, "", one not in lost, lossless=False) for one in sorted(release.knows.split()))
