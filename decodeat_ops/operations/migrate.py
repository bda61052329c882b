"""Decide which migration data needs for a release, and plan it, with a backup before if a rollback can't cross it."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeVar

from decodeat_ops.core.data import Data
from decodeat_ops.core.errors import Usage
from decodeat_ops.core.migration import Migration, Revision, unknown
from decodeat_ops.core.release import Release
from decodeat_ops.core.target import Facts, Observed, Steps

R = TypeVar("R", bound=Release)


def needed(data: Data[R], release: R | None, at: str) -> Migration:
    """Return what a release has to do to data of revision `at`; None stands for the code that a deploy would bring.

    The code itself is asked only when it knows a newer revision.
    """
    missing = {one for one in data.knows(release) if one > at} if at else set()
    return Migration(at, tuple(step for step in data.known(release) if step.id in missing) if missing else ())


def crossed(data: Data[R], at: str, knows: frozenset[str], witnesses: Iterable[R]) -> tuple[Revision, ...]:
    """Return the migrations that keep code which `knows` these revisions from working with data of revision `at`.

    The first of the `witnesses` whose code knows `at` is asked to describe them.
    """
    if not at or at in knows:
        return ()
    witness = next((release for release in witnesses if at in data.knows(release)), None)
    steps = unknown({at}) if witness is None else data.known(witness)
    return tuple(step for step in steps if step.id <= at and step.id not in knows and not step.reversible)


def barred(data: Data[R], release: R, observed: Observed[R]) -> tuple[Revision, ...]:
    """Return the migrations that keep a release from working with today's data, so that a rollback to it is refused.

    Raises `Configuration` when the data can't be read.
    """
    witnesses = observed.releases if observed.current is None else (observed.current, *observed.releases)
    return crossed(data, data.revision(observed.data), data.knows(release), witnesses)


def plan(release: R, migration: Migration, observed: Observed[R], data: Data[R]) -> Steps:
    """Return the steps for `release`, which takes over the data that it names.

    A backup before the migration holds that data and the current release or, without one, `release`.
    """
    migrate = data.migrate(release, migration)
    if not migration.snapshot:
        return migrate
    saved: Any = replace(observed.current or release, data=release.data)
    return (*data.save(saved, migration.snapshot, prefix="before-", stays=True), *migrate)


def facts(migration: Migration, keeper: str = "") -> Facts:
    """Return as facts of a plan what leads back over a migration; `keeper` backs the data up where we don't."""
    if keeper and not all(step.reversible for step in migration.lacks):
        names = ", ".join(step.id for step in migration.lacks if not step.reversible)
        text = f"a rollback can't cross migration {names}, and decodeat-ops doesn't back up {keeper}"
        return (("not backed up", f"{text}: take a backup of it first"),)
    if not migration.snapshot:
        return ()
    return (("backed up before", f"{migration.snapshot}: the way back, for a rollback can't cross this migration"),)


def refuse(what: str, crossed: tuple[Revision, ...], hint: str) -> Usage:
    """Return the error for code (`what`) that can't work with data because of these migrations."""
    names = ", ".join(f"{step.id} ({step.title})" if step.title else step.id for step in crossed)
    several = len(crossed) > 1
    return Usage(
        f"{what} can't work with this data: it is older than the migration{'s' if several else ''} {names}, which "
        f"{'are' if several else 'is'} not reversible.",
        hint=hint,
    )
