"""Plan a backup: copy the live database, write everything into one archive and read it back."""

from decodeat_ops.core.plan import Action, Plan, Step
from decodeat_ops.core.release import Release
from decodeat_ops.settings.schema import Loaded


def steps(snapshot: str, release: Release, prefix: str = "", *, stays: bool = False) -> tuple[Step, ...]:
    """Return the steps of a backup. `prefix` begins their ids where the backup is part of another change.

    With `stays` an undo keeps a complete archive, which may be the way back.
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
