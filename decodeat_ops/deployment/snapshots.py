"""List the archives by their file names, newest first; only `describe` and `newest_usable` read their contents."""

import difflib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from decodeat_ops import archive
from decodeat_ops.archive import Manifest
from decodeat_ops.core.clock import ahead
from decodeat_ops.core.errors import Configuration, Usage

SUFFIX = ".tar.zst"
FUTURE = "is dated in the future: the clock was ahead when it was made, or is behind now"
_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{4}")


@dataclass(frozen=True)
class Snapshot:
    """Hold an archive on disk: id, path, size in bytes, and when it was written in seconds since the epoch."""

    id: str
    path: Path
    size: int
    mtime: float

    @property
    def made(self) -> str:
        """Return when its data was taken (ISO 8601, UTC), from its id: copying a file changes the file's time."""
        return datetime.strptime(self.id[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).isoformat(timespec="seconds")


def new_id(now: datetime) -> str:
    """Build an id that sorts by time: UTC to the second, then the fraction of a second as four hex digits."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{(now.microsecond << 16) // 1_000_000:04x}"


def snapshots(directory: Path) -> tuple[Snapshot, ...]:
    """Return the archives in a directory, newest first, without files whose names are no ids of snapshots."""
    found = []
    if directory.is_dir():
        for path in directory.iterdir():
            name = path.name.removesuffix(SUFFIX)
            if path.name.endswith(SUFFIX) and _is_id(name) and path.is_file():
                status = path.stat()
                found.append(Snapshot(name, path, status.st_size, status.st_mtime))
    return tuple(sorted(found, key=lambda s: s.id, reverse=True))


def _is_id(name: str) -> bool:
    try:
        return bool(_ID.fullmatch(name) and datetime.strptime(name[:16], "%Y%m%dT%H%M%SZ"))
    except ValueError:
        return False


def newest(directory: Path) -> Snapshot | None:
    """Return the newest snapshot, without those dated in the future, whose age is unknown; None when there is none."""
    return next((snapshot for snapshot in snapshots(directory) if not ahead(snapshot.made)), None)


def from_the_future(directory: Path) -> tuple[Snapshot, ...]:
    """Return the snapshots dated in the future, which `newest` skips."""
    return tuple(snapshot for snapshot in snapshots(directory) if ahead(snapshot.made))


def strangers(directory: Path) -> tuple[str, ...]:
    """Return the names in the directory that are no archives of ours; they are listed, but never touched."""
    if not directory.is_dir():
        return ()
    ours = {s.path.name for s in snapshots(directory)}
    return tuple(sorted(p.name for p in directory.iterdir() if p.name not in ours and not p.name.startswith(".")))


def choose(asked: str, directory: Path) -> Snapshot:
    """Return the snapshot with that id or prefix, the newest for "latest". Raises `Usage` naming the nearest id."""
    known = snapshots(directory)
    if not known:
        raise Usage(f"There is no archive in {directory}.", hint="`decodeat-ops backup` makes one.")
    if asked == "latest":
        return newest(directory) or _only_from_the_future(directory, known)
    matching = [s for s in known if s.id == asked or s.id.startswith(asked)]
    if len(matching) == 1:
        return matching[0]
    near = difflib.get_close_matches(asked, [s.id for s in known], n=1, cutoff=0.4) or [known[0].id]
    raise Usage(
        f"There is {'more than one' if matching else 'no'} snapshot {asked} in {directory}.",
        hint=f"Did you mean {near[0]}? `decodeat-ops backup list` shows all of them.",
    )


def _only_from_the_future(directory: Path, known: tuple[Snapshot, ...]) -> Snapshot:
    raise Usage(
        f"Every archive in {directory} {FUTURE}, so which one is the newest is unknown.",
        hint=f"Set this machine's clock right, or name the archive that you mean: {known[0].id}",
    )


def describe(snapshot: Snapshot, most: int = archive.MOST) -> Manifest:
    """Check every byte and return the manifest. Raises `Configuration` when it isn't whole or is another snapshot.

    Raises `TooLarge` when it unpacks to more than `most` bytes.
    """
    manifest = archive.inspect(snapshot.path, most)
    check_name(snapshot, manifest)
    return manifest


def check_name(snapshot: Snapshot, manifest: Manifest) -> None:
    """Raise `Configuration` when the file holds another snapshot than its name says."""
    if manifest.snapshot != snapshot.id:
        raise Configuration(
            f"The file {snapshot.path.name} is whole, but it holds the snapshot {manifest.snapshot}.",
            hint="Somebody renamed or copied it; give it its own name back.",
        )


def newest_usable(
    directory: Path, deployment: str, most: int = archive.MOST
) -> tuple[Snapshot, Manifest, tuple[str, ...]]:
    """Return the snapshot that "latest" means to a restore, and why newer ones were skipped.

    A damaged archive, one of another deployment that keeps its archives in the same place, one that lacks more than
    logs and one that is dated in the future are skipped. Raises `Usage` or `Configuration` when none is left.
    """
    choose("latest", directory)
    passed: list[str] = []
    for snapshot in snapshots(directory):
        if ahead(snapshot.made):
            passed.append(f"{snapshot.id}: it {FUTURE}.")
            continue
        try:
            manifest = describe(snapshot, most)
        except archive.TooLarge:
            raise  # it may be whole: older data must not be restored silently in its place
        except Configuration as error:
            passed.append(f"{snapshot.id}: {error.advice.what}")
            continue
        lacks = [note for note, part in zip(manifest.partial, manifest.gaps, strict=True) if part != "logs"]
        if manifest.deployment != deployment:
            passed.append(f"{snapshot.id}: it is of {manifest.deployment}.")
        elif lacks:
            passed.append(f"{snapshot.id}: it lacks something ({lacks[0]}).")
        else:
            return snapshot, manifest, tuple(passed)
    raise Configuration(
        f"No archive in {directory} is a whole one of {deployment}.",
        hint="Name one to restore what it has (`decodeat-ops restore SNAPSHOT`), or bring one from elsewhere "
        "(`--archive FILE`).",
        lines=tuple(passed),
    )
