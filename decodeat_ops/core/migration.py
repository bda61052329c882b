"""Describe migrations: the steps that bring data to the schema of the release that takes it over."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Revision:
    """Describe one migration.

    `reversible`: every release made before it works on the migrated data as well. `lossless`: it can be taken back
    without losing data that such a release knew.
    """

    id: str
    title: str
    reversible: bool
    lossless: bool


@dataclass(frozen=True)
class Migration:
    """Describe what a release that takes over data has to do first: the migrations in `lacks`, from revision `at`.

    `at` is "" when there is no data yet. `snapshot` names the backup that is made before, "" when the way back needs
    none.
    """

    at: str = ""
    lacks: tuple[Revision, ...] = ()
    snapshot: str = ""


NO_DATA = Migration()


def unknown(ids: Iterable[str]) -> tuple[Revision, ...]:
    """Describe migrations of which only the ids are known: assume that they are neither reversible nor lossless."""
    return tuple(Revision(one, "", reversible=False, lossless=False) for one in sorted(ids))
