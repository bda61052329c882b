"""Rotate logs by rename: nothing is copied and no line is lost; the caller makes the writer reopen its file."""

import time
from pathlib import Path


def rotate(log: Path, *, limit: int, keep: int) -> bool:
    """Move a log of `limit` bytes or more to `<log>.1`, and older ones up by one; at most `keep` of them stay.

    Returns whether it was moved.
    """
    try:
        if log.stat().st_size < limit:
            return False
    except FileNotFoundError:
        return False
    numbered(log, keep).unlink(missing_ok=True)
    for number in range(keep - 1, 0, -1):
        source = numbered(log, number)
        if source.exists():
            source.rename(numbered(log, number + 1))
    log.rename(numbered(log, 1))
    return True


def numbered(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}")


def expire(directory: Path, *, days: int, running: set[str]) -> None:
    """Remove logs of releases that don't run, when nothing was written to them for `days` days."""
    oldest = time.time() - days * 86400
    for path in directory.glob("*.log*"):
        if path.name.partition(".log")[0] not in running and path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)
