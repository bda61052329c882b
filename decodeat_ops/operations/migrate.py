"""Plan the migration of data to the schema of the release that takes it over, with a backup before if needed."""

from dataclasses import replace

from decodeat_ops.core.errors import Usage
from decodeat_ops.core.plan import Step
from decodeat_ops.core.release import Release
from decodeat_ops.deployment.observed import Observed
from decodeat_ops.deployment.schema import Migration, Revision
from decodeat_ops.operations import backup
from decodeat_ops.targets.local import steps


def plan(release: Release, data: str, migration: Migration, observed: Observed) -> tuple[Step, ...]:
    """Return the steps for `release`, which takes over the generation `data`.

    A backup before the migration holds that data and the current release or, without one, `release`.
    """
    migrate = steps.migrate(release, data, migration)
    if not migration.snapshot:
        return (migrate,)
    saved = replace(observed.current or release, data=data)
    return (*backup.steps(migration.snapshot, saved, prefix="before-", stays=True), migrate)


def facts(migration: Migration) -> tuple[tuple[str, str], ...]:
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
