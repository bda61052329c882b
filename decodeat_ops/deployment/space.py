"""Whether there is room, asked before anything begins."""

import shutil
from pathlib import Path

from decodeat_ops.core.errors import GateFailed

MIB = 1024 * 1024
HEADROOM = 32 * MIB  # journals, logs and the database go on growing while we work


def free(path: Path) -> int:
    """Bytes an ordinary user may still write where `path` is, or will be."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def require(path: Path, needed: int, what: str) -> None:
    """Raises `GateFailed` (nothing changed) unless `needed` bytes and some headroom are free at `path`."""
    available = free(path)
    if available < needed + HEADROOM:
        raise GateFailed(
            f"{what} needs {(needed + HEADROOM) / MIB:.0f} MiB at {path}, and {available / MIB:.0f} MiB are free.",
            hint="Free some space there (local.keep_releases, old archives in `backup list`) and try again.",
            where=str(path),
        )
