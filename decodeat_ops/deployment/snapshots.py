"""Which archives there are: told by their names and sizes alone, newest first."""

import difflib
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from decodeat_ops.core.errors import Usage

SUFFIX = ".tar.zst"
_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{4}")


@dataclass(frozen=True)
class Snapshot:
    """An archive on disk: its id, where it is, its size in bytes, when it was written (seconds since the epoch)."""

    id: str
    path: Path
    size: int
    mtime: float


def new_id(now: datetime) -> str:
    """UTC time to the second and four random hex digits."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def snapshots(directory: Path) -> tuple[Snapshot, ...]:
    """Newest first; files whose name is none of ours are left out."""
    found = []
    if directory.is_dir():
        for path in directory.iterdir():
            name = path.name.removesuffix(SUFFIX)
            if path.name.endswith(SUFFIX) and _ID.fullmatch(name) and path.is_file():
                status = path.stat()
                found.append(Snapshot(name, path, status.st_size, status.st_mtime))
    return tuple(sorted(found, key=lambda s: s.id, reverse=True))


def strangers(directory: Path) -> tuple[str, ...]:
    """Names in the directory that are no archives of ours: worth a word, never touched."""
    if not directory.is_dir():
        return ()
    ours = {s.path.name for s in snapshots(directory)}
    return tuple(sorted(p.name for p in directory.iterdir() if p.name not in ours and not p.name.startswith(".")))


def choose(asked: str, directory: Path) -> Snapshot:
    """The snapshot of that id (or its beginning), or the newest for "latest". Raises `Usage` naming the nearest."""
    known = snapshots(directory)
    if not known:
        raise Usage(f"There is no archive in {directory}.", hint="`decodeat-ops backup` makes one.")
    if asked == "latest":
        return known[0]
    matching = [s for s in known if s.id == asked or s.id.startswith(asked)]
    if len(matching) == 1:
        return matching[0]
    near = difflib.get_close_matches(asked, [s.id for s in known], n=1, cutoff=0.4) or [known[0].id]
    raise Usage(
        f"There is {'more than one' if matching else 'no'} snapshot {asked} in {directory}.",
        hint=f"Did you mean {near[0]}? `decodeat-ops backup list` shows all of them.",
    )
