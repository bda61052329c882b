"""Decide what a change of release means for its data: which migration it needs, and whether it is allowed."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from decodeat_ops.core.clock import ahead
from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.release import Release
from decodeat_ops.deployment import schema, snapshots, space
from decodeat_ops.deployment.observed import Observed
from decodeat_ops.deployment.schema import Code, Migration, Revision
from decodeat_ops.deployment.tools import Tools
from decodeat_ops.engine.executor import Results
from decodeat_ops.operations.migrate import refuse


def migration(tools: Tools, code: Code, data: str, observed: Observed) -> Migration:
    """Return the migration of generation `data` ("" for none) for that code.

    With a backup before it when a rollback can't cross it. Raises `GateFailed` when there is no space for that.
    """
    found = schema.migration(tools, code, _revision(tools, data))
    if all(step.reversible for step in found.lacks):
        return found
    needed = space.of_backup(tools.layout, observed.current) if observed.current else 0
    space.require(tools.layout.staging, needed, "The working copy of the backup before a migration")
    space.require(tools.backups, needed, "The backup before a migration")
    return replace(found, snapshot=snapshots.new_id(datetime.now(UTC)))


def allow_rollback(tools: Tools, chosen: Release, observed: Observed) -> None:
    """Raise `Usage` when the older release can't work with today's data; it names the archive that leads back."""
    crossed = schema.barred(tools, chosen, observed)
    if not crossed:
        return
    snapshot = _newest_before(tools, crossed)
    raise refuse(
        f"Release {chosen.id}",
        crossed,
        f"`decodeat-ops restore {snapshot}` brings back an older release with its data of then; what was stored since "
        "stays in the backup that it makes first."
        if snapshot
        else "No archive here holds data of before. Deploy the older code with today's migrations in it.",
    )


def allow_part(tools: Tools, at: str | None, knows: frozenset[str], what: str, observed: Observed) -> None:
    """Raise `Usage` when code can't work with data, one of them an archive's and the other today's.

    `knows` are the revisions that the code knows, `what` names it. `at` is the data's revision, None for today's data.
    """
    current = observed.current.data if observed.current else ""
    crossed = _crossed(tools, _revision(tools, current) if at is None else at, knows, observed)
    if crossed:
        raise refuse(what, crossed, "Restore both of the archive, its release and its data: leave --only away.")


def way_back(tools: Tools, release: Release | None, saved: Results) -> tuple[str, ...]:
    """Return the command that leads back from a deploy: a restore of the backup `saved` before it, else a rollback.

    Empty when there is no older release.
    """
    if saved:
        return (f"decodeat-ops restore {snapshot_of(saved)}",)
    return ("decodeat-ops rollback",) if release and tools.store.previous(release) else ()


def snapshot_of(saved: Results) -> str:
    """Return the snapshot that a step has written, by its results; "" when there was no such step."""
    return Path(saved["path"]).name.removesuffix(snapshots.SUFFIX) if saved else ""


def _revision(tools: Tools, data: str) -> str:
    return schema.revision_of(tools.layout.database(data)) if data else ""


def _crossed(tools: Tools, at: str, knows: frozenset[str], observed: Observed) -> tuple[Revision, ...]:
    kept = [release for release in (observed.current, *observed.releases) if release is not None]
    return schema.crossed(tools, at, knows, [Code.of(release, tools.layout) for release in kept])


def _newest_before(tools: Tools, crossed: tuple[Revision, ...]) -> str:
    """Return the newest whole archive whose release knows none of these migrations, "" when there is none.

    One that is dated in the future is skipped, as "latest" skips it.
    """
    for snapshot in snapshots.snapshots(tools.backups):
        if ahead(snapshot.made):
            continue
        try:
            manifest = snapshots.describe(snapshot)
        except Configuration:
            continue  # damaged: `backup list` says so
        ours = manifest.deployment == tools.loaded.deployment and manifest.parts.get("database")
        if ours and not schema.known(manifest.entries()) & {step.id for step in crossed}:
            return snapshot.id
    return ""
