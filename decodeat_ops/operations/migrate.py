"""Plan the migration of data to the schema of the release that takes it over, with a backup before if needed."""

from dataclasses import replace

from decodeat_ops.core.errors import Usage
from decodeat_ops.core.migration import Migration, Revision
from decodeat_ops.core.target import Facts, O, R, Steps, Target
from decodeat_ops.operations import backup


def plan(release: R, migration: Migration, observed: O, target: Target[R, O]) -> Steps:
    """Return the steps for `release`, which takes over the data that it names.

    A backup before the migration holds that data and the current release or, without one, `release`.
    """
    migrate = target.migrate(release, migration)
    if not migration.snapshot:
        return (migrate,)
    saved = replace(observed.current or release, data=release.data)
    return (*backup.steps(migration.snapshot, saved, prefix="before-", stays=True), migrate)


def facts(migration: Migration) -> Facts:
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
