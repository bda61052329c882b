"""Check that there is enough disk space before a change begins."""

import shutil
import stat
from pathlib import Path

from decodeat_ops.core.errors import GateFailed
from decodeat_ops.core.layout import Layout
from decodeat_ops.core.release import Release

MIB = 1024 * 1024
ENVIRONMENT = 400 * MIB  # what the service's dependencies take when installed, with a margin
HEADROOM = 32 * MIB  # journals, logs and the database go on growing while we work


def free(path: Path) -> int:
    """Return the bytes that an ordinary user may still write where `path` is, or will be."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def of_backup(layout: Layout, release: Release) -> int:
    """Return the bytes that an archive of a release and its data needs at most; compressed it is smaller."""
    places = [layout.release(release.id), layout.generation(release.data), layout.logs]
    return sum(_bytes(path) for place in places for path in place.rglob("*"))


def _bytes(path: Path) -> int:
    """Return a file's size in bytes; 0 for anything else, and for a log that was rotated away meanwhile."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def require(path: Path, needed: int, what: str) -> None:
    """Raise `GateFailed` unless `needed` bytes and `HEADROOM` are free at `path`."""
    available = free(path)
    if available < needed + HEADROOM:
        raise GateFailed(
            f"{what} needs {(needed + HEADROOM) / MIB:.0f} MiB at {path}, and {available / MIB:.0f} MiB are free.",
            hint="Free some space there (local.keep_releases, `decodeat-ops backup list`) and try again.",
            where=str(path),
        )
