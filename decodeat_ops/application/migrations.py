"""Decide what a change of release means for its data: which migration it needs, and whether it is allowed."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from decodeat_ops.application.desk import Desk
from decodeat_ops.core.clock import ahead
from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.migration import Migration, Revision
from decodeat_ops.core.release import Release
from decodeat_ops.core.target import Observed
from decodeat_ops.deployment import schema, snapshots
from decodeat_ops.operations import migrate


def migration(desk: Desk, release: Release | None, data: str, observed: Observed[Any]) -> Migration:
    """Return the migration of generation `data` ("" for none) for a release, None for what a deploy would bring.

    With a backup before it when a rollback can't cross it, unless others back the data up. Raises `GateFailed` when
    there is no space for that.
    """
    found = migrate.needed(desk.data, release, desk.data.revision(data))
    if desk.data.keeper or all(step.reversible for step in found.lacks):
        return found
    desk.data.require_room_to_save(observed.current, "a migration")
    return replace(found, snapshot=snapshots.new_id(datetime.now(UTC)))


def allow_rollback(desk: Desk, chosen: Release, observed: Observed[Any]) -> None:
    """Raise `Usage` when the older release can't work with today's data; it names the archive that leads back."""
    crossed = migrate.barred(desk.data, chosen, observed)
    if not crossed:
        return
    snapshot = _newest_before(desk, crossed)
    raise migrate.refuse(
        f"Release {chosen.id}",
        crossed,
        f"`decodeat-ops restore {snapshot}` brings back an older release with its data of then; what was stored since "
        "stays in the backup that it makes first."
        if snapshot
        else "No archive here holds data of before. Deploy the older code with today's migrations in it.",
    )


def allow_part(desk: Desk, at: str, knows: frozenset[str], what: str, observed: Observed[Any]) -> None:
    """Raise `Usage` when code can't work with data of revision `at`, one of them an archive's and the other today's.

    `knows` are the revisions that the code knows, `what` names it.
    """
    kept = [release for release in (observed.current, *observed.releases) if release is not None]
    crossed = migrate.crossed(desk.data, at, knows, kept)
    if crossed:
        raise migrate.refuse(what, crossed, "Restore both of the archive, its release and its data: leave --only away.")


def snapshot_of(saved: Mapping[str, Any]) -> str:
    """Return the snapshot that a step has written, by its results; "" when there was no such step."""
    return Path(saved["path"]).name.removesuffix(snapshots.SUFFIX) if saved else ""


def _newest_before(desk: Desk, crossed: tuple[Revision, ...]) -> str:
    """Return the newest whole archive whose release knows none of these migrations, "" when there is none.

    One that is dated in the future is skipped, as "latest" skips it.
    """
    for snapshot in snapshots.snapshots(desk.data.archives):
        if ahead(snapshot.made):
            continue
        try:
            manifest = snapshots.describe(snapshot)
        except Configuration:
            continue  # damaged: `backup list` says so
        ours = manifest.deployment == desk.deployment and manifest.parts.get("database")
        if ours and not schema.known(manifest.entries()) & {step.id for step in crossed}:
            return snapshot.id
    return ""
