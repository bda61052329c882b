"""backup: a copy of the live database, then everything in one archive, read back before it counts."""

from decodeat_ops.core.plan import Action, Plan, Step
from decodeat_ops.core.release import Release
from decodeat_ops.settings.schema import Loaded


def steps(snapshot: str, release: Release, prefix: str = "", *, stays: bool = False) -> tuple[Step, ...]:
    """Database, archive, proof; `prefix` tells the steps of a backup before something else from others in its plan.

    With `stays` a whole archive outlives an undo: it may be the way back.
    """
    what = {"snapshot": snapshot, "release": release.id, "data": release.data}
    return (
        Step(
            id=f"{prefix}database",
            title="Copy the live database",
            do=Action("backup-database", what),
            undo=Action("backup-clean", what),
            produces=("bytes",),
            preview=("SQLite's own backup interface; the service goes on writing",),
        ),
        Step(
            id=f"{prefix}archive",
            title=f"Write archive {snapshot}",
            do=Action("backup-write", what),
            undo=Action("backup-remove-half" if stays else "backup-remove", what),
            produces=("path", "bytes", "files", "partial"),
            preview=(f"settings, release {release.id}, database and logs into {snapshot}.tar.zst (0600)",),
        ),
        Step(
            id=f"{prefix}verify",
            title="Read it back",
            do=Action("backup-verify", what),
            produces=("files",),
            preview=("every checksum, and the database's integrity",),
        ),
        Step(
            id=f"{prefix}clean",
            title="Remove the copy",
            do=Action("backup-clean", what),
            preview=(f"staging/backup-{snapshot}",),
            after_commit=not prefix,  # by then the archive is complete
        ),
    )


def plan(snapshot: str, release: Release, loaded: Loaded, directory: str) -> Plan:
    return Plan(
        verb="backup",
        deployment=loaded.deployment,
        subject=snapshot,
        steps=steps(snapshot, release),
        facts=(("release", release.id), ("into", f"{directory}/{snapshot}.tar.zst")),
    )
