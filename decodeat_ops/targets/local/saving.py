"""Describe the steps of a backup as data: copy the live database, write one archive and read it back."""

from decodeat_ops.core.plan import Action, Step
from decodeat_ops.core.target import Steps
from decodeat_ops.deployment.release import LocalRelease


def steps(release: LocalRelease, snapshot: str, prefix: str = "", *, stays: bool = False) -> Steps:
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
