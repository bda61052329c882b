"""List the archives and verify one, for the command line."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from decodeat_ops import archive
from decodeat_ops.application.state import ago, local_time
from decodeat_ops.archive import Manifest
from decodeat_ops.core.clock import ahead
from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.outcome import Cell, Outcome, Table
from decodeat_ops.deployment import snapshots
from decodeat_ops.deployment.places import backups_of
from decodeat_ops.deployment.snapshots import Snapshot
from decodeat_ops.settings.schema import Loaded

MIB = 1024 * 1024
# An archive's manifest is its last member, so that listing reads the whole archive. Once this many unpacked bytes have
# been read (about two seconds' work), newest first, the other archives are listed by name and size alone.
READ_BYTES = 512 * MIB


@dataclass(frozen=True)
class _Told:
    """Hold an archive's manifest, or the `problem` that kept it from being read; neither when it was not read."""

    snapshot: Snapshot
    manifest: Manifest | None
    problem: str


def backups(loaded: Loaded) -> Outcome:
    """List the archives, newest first, and what is wrong with them."""
    directory = backups_of(loaded)
    told = _ask(snapshots.snapshots(directory))
    rows: list[tuple[Cell, ...]] = []
    for each in told:
        made = each.snapshot.made
        size = f"{each.snapshot.size / MIB:.1f} MiB"
        rows.append(((each.snapshot.id, "strong"), local_time(made), ago(made), size, _state(each, loaded.deployment)))
    others = snapshots.strangers(directory)
    count = len(told)
    warnings = [f"{each.snapshot.id}: {each.problem}" for each in told if each.problem]
    warnings += [
        f"{one.id} {snapshots.FUTURE}; `latest` passes it over." for one in snapshots.from_the_future(directory)
    ]
    warnings += [f"No archives of ours, left alone: {', '.join(others)}."] if others else []
    return Outcome(
        "backup list",
        f"{count} archive{'' if count == 1 else 's'} in {directory}." if told else f"No archives in {directory}.",
        data={"directory": str(directory), "snapshots": [_data(each) for each in told], "others": list(others)},
        blocks=(Table(("snapshot", "made", "age", "size", "state"), tuple(rows)),) if rows else (),
        warnings=tuple(warnings),
        next=("decodeat-ops backup verify latest", "decodeat-ops restore") if told else ("decodeat-ops backup",),
    )


def _ask(found: tuple[Snapshot, ...]) -> list[_Told]:
    left = READ_BYTES
    told = []
    for snapshot in found:
        manifest, problem = None, ""
        if left > 0:
            try:
                manifest = snapshots.describe(snapshot, left)
                left -= manifest.size
            except archive.TooLarge:
                left = 0
            except Configuration as error:
                problem = error.advice.what
                left //= 2  # how much of it was read before the failure is unknown
        told.append(_Told(snapshot, manifest, problem))
    return told


def _state(told: _Told, deployment: str) -> Cell:
    if told.problem:
        return ("damaged", "bad")
    if ahead(told.snapshot.made):
        return ("in the future", "bad")
    if told.manifest is None:
        return ("not read", "muted")
    if told.manifest.deployment != deployment:
        return (f"of {told.manifest.deployment}", "warn")
    if told.manifest.partial:
        return (f"lacks {len(told.manifest.partial)}", "warn")
    return ("whole", "good")


def _data(told: _Told) -> dict[str, object]:
    """Return an archive's JSON. `parts` counts files; what only the manifest says is null when it was not read."""
    snapshot, manifest = told.snapshot, told.manifest
    data: dict[str, object] = {
        "id": snapshot.id,
        "path": str(snapshot.path),
        "bytes": snapshot.size,
        "made": snapshot.made,
        "ahead": ahead(snapshot.made),
        "mtime": snapshot.mtime,
        "problem": told.problem,
        "deployment": None,
        "release": None,
        "parts": None,
        "partial": None,
    }
    if manifest is not None:
        data |= {
            "deployment": manifest.deployment,
            "release": manifest.release.get("id"),
            "parts": {part: len(entries) for part, entries in manifest.parts.items()},
            "partial": list(manifest.partial),
        }
    return data


def verify(loaded: Loaded, snapshot: str) -> Outcome:
    """Read one archive from end to end; exit 10 when it lacks something. Raises `Configuration` when damaged."""
    chosen = snapshots.choose(snapshot, backups_of(loaded))
    with tempfile.TemporaryDirectory(prefix="decodeat-ops-verify-") as scratch:
        manifest = archive.verify(chosen.path, Path(scratch))
    snapshots.check_name(chosen, manifest)
    count = len(manifest.entries())
    database = "the database is sound" if manifest.parts.get("database") else "there was no database yet"
    return Outcome(
        "backup verify",
        f"Snapshot {chosen.id} is whole: {count} files, every checksum right, {database}.",
        exit_code=10 if manifest.partial else 0,
        data={
            "snapshot": chosen.id,
            "files": count,
            "release": manifest.release.get("id"),
            "parts": {part: len(entries) for part, entries in manifest.parts.items()},
            "partial": list(manifest.partial),
        },
        warnings=manifest.partial,
        next=("decodeat-ops restore --dry-run",),
    )
