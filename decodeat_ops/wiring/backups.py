"""backup, list, verify and restore, for the command line."""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path

from decodeat_ops import archive
from decodeat_ops.core.errors import Configuration, Usage
from decodeat_ops.core.outcome import Cell, Outcome, Table
from decodeat_ops.core.plan import Plan
from decodeat_ops.core.release import Release
from decodeat_ops.deployment import snapshots, space
from decodeat_ops.deployment.inputs import secrets_digest
from decodeat_ops.deployment.observed import Observed, observe
from decodeat_ops.deployment.snapshots import Snapshot
from decodeat_ops.deployment.tools import Tools
from decodeat_ops.engine.executor import Results
from decodeat_ops.operations import backup as backup_operation
from decodeat_ops.operations import restore as restore_operation
from decodeat_ops.operations.deploy import free_id
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.wiring import local
from decodeat_ops.wiring.corridor import Change, carry_out
from decodeat_ops.wiring.opening import backups_of, open_tools, operator
from decodeat_ops.wiring.state import ago, local_time

MIB = 1024 * 1024
HOLDS_SECRETS = "The archive holds secrets and is not encrypted; only you may read it (0600). Keep it so."


def backup(loaded: Loaded, change: Change) -> Outcome:
    """Everything that is needed to stand here again, in one archive that was read back."""
    tools = open_tools(loaded, secrets={})

    def derive() -> Plan:
        current = _current(observe(tools.store))
        needed = _size(tools, current)
        space.require(tools.layout.staging, needed, "A backup's working copy")
        space.require(tools.backups, needed, "A backup")
        snapshot = snapshots.new_id(datetime.now(UTC))
        return backup_operation.plan(snapshot, current, loaded, str(tools.backups))

    def finish(plan: Plan, results: Mapping[str, Results]) -> Outcome:
        written = results["archive"]
        missing = tuple(written["partial"])
        size = f"{written['bytes'] / MIB:.1f} MiB"
        summary = f"Snapshot {plan.subject}: {written['files']} files, {size}, read back and whole."
        if missing:
            summary = f"Snapshot {plan.subject} was written but is incomplete: {len(missing)} problems."
        return Outcome(
            "backup",
            summary,
            changed=1,
            exit_code=10 if missing else 0,
            data={"snapshot": plan.subject, **written},
            warnings=(*missing, HOLDS_SECRETS),
            next=("decodeat-ops backup list", "decodeat-ops restore --dry-run"),
        )

    return carry_out(tools, "backup", derive, change, local.actions(), finish)


def _current(observed: Observed) -> Release:
    if observed.current is None:
        raise Usage("Nothing is deployed, so there is nothing to back up.", hint="Run `decodeat-ops deploy` first.")
    return observed.current


def _size(tools: Tools, current: Release) -> int:
    """Bytes of all that goes into an archive; its compressed size is smaller."""
    layout = tools.layout
    places = [layout.release(current.id), layout.generation(current.data), layout.logs]
    return sum(p.stat().st_size for place in places if place.is_dir() for p in place.rglob("*") if p.is_file())


def backups(loaded: Loaded) -> Outcome:
    """Which archives there are, newest first."""
    directory = backups_of(loaded)
    found = snapshots.snapshots(directory)
    rows: list[tuple[Cell, ...]] = []
    for each in found:
        made = datetime.fromtimestamp(each.mtime, UTC).isoformat(timespec="seconds")
        rows.append(((each.id, "strong"), local_time(made), ago(made), f"{each.size / MIB:.1f} MiB"))
    others = snapshots.strangers(directory)
    count = len(found)
    return Outcome(
        "backup list",
        f"{count} archive{'' if count == 1 else 's'} in {directory}." if found else f"No archives in {directory}.",
        data={
            "directory": str(directory),
            "snapshots": [{"id": s.id, "path": str(s.path), "bytes": s.size, "mtime": s.mtime} for s in found],
            "others": list(others),
        },
        blocks=(Table(("snapshot", "made", "age", "size"), tuple(rows)),) if rows else (),
        warnings=(f"No archives of ours, left alone: {', '.join(others)}.",) if others else (),
        next=("decodeat-ops backup verify latest", "decodeat-ops restore") if found else ("decodeat-ops backup",),
    )


def verify(loaded: Loaded, snapshot: str) -> Outcome:
    """Read one archive from end to end."""
    chosen = snapshots.choose(snapshot, backups_of(loaded))
    with tempfile.TemporaryDirectory(prefix="decodeat-ops-verify-") as scratch:
        manifest = archive.verify(chosen.path, Path(scratch))
    count = len(manifest.entries())
    return Outcome(
        "backup verify",
        f"Snapshot {chosen.id} is whole: {count} files, every checksum right, the database is sound.",
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


def restore(
    loaded: Loaded, change: Change, snapshot: str, only: tuple[str, ...] = (), file: Path | None = None
) -> Outcome:
    """An archive's release and data, in place of what serves or on an empty machine."""
    tools = open_tools(loaded)
    path = file or _chosen(snapshot, loaded).path

    def derive() -> Plan:
        manifest = archive.inspect(path)
        observed = observe(tools.store)
        space.require(tools.layout.staging, 3 * manifest.size, "Unpacking, laying out and backing up before")
        wanted = _wanted(tools, str(path.resolve()), manifest, observed, only)
        return restore_operation.plan(wanted, observed, loaded, local.gates(), tools.layout)

    def finish(plan: Plan, results: Mapping[str, Results]) -> Outcome:
        facts = dict(plan.facts)
        serves = tools.store.active_id()
        return Outcome(
            "restore",
            f"Restored {facts['brings back']} from {plan.subject}." + (f" Release {serves} serves." if serves else ""),
            changed=1,
            data={"snapshot": plan.subject, "release": serves, "before": facts["backed up before"]},
            next=("decodeat-ops checklist post-deploy", "decodeat-ops status"),
        )

    return carry_out(tools, "restore", derive, change, local.actions(), finish)


def _chosen(snapshot: str, loaded: Loaded) -> Snapshot:
    return snapshots.choose(snapshot, backups_of(loaded))


def _wanted(
    tools: Tools, path: str, manifest: archive.Manifest, observed: Observed, only: tuple[str, ...]
) -> restore_operation.Wanted:
    parts = restore_operation.choose_parts(only, manifest)
    now = datetime.now(UTC)
    starts = bool({"release", "database"} & set(parts))
    original = None if "release" in parts else observed.current
    if starts and "release" not in parts and original is None:
        raise Usage(
            "Nothing is deployed that could serve that data.", hint="Restore the release too: leave --only away."
        )
    release = _new_release(tools, manifest, observed, original, parts, now) if starts else None
    before = snapshots.new_id(now) if observed.current is not None else ""
    return restore_operation.Wanted(path, manifest, parts, release, original, before)


def _new_release(
    tools: Tools,
    manifest: archive.Manifest,
    observed: Observed,
    original: Release | None,
    parts: tuple[str, ...],
    now: datetime,
) -> Release:
    """The archived release (or today's) under a new id, listening where this machine's settings say."""
    base = original or _archived(manifest)
    name = free_id(now, base.fingerprint, frozenset(r.id for r in observed.releases))
    current = observed.current
    data = name if "database" in parts or current is None else current.data
    return replace(
        base,
        id=name,
        secrets=secrets_digest(tools.secrets, tools.layout),
        created_at=now.isoformat(timespec="seconds"),
        created_by=operator(),
        origin=f"restore:{manifest.snapshot}",
        host=tools.loaded.settings.local.host,
        port=tools.loaded.settings.local.port,
        data=data,
        pinned=False,
    )


def _archived(manifest: archive.Manifest) -> Release:
    known = {f.name for f in fields(Release)}
    try:
        return Release(**{name: value for name, value in manifest.release.items() if name in known})
    except TypeError as error:
        raise Configuration(
            f"The release in archive {manifest.snapshot} can't be read: {error}.",
            hint="It may be of another version of decodeat-ops; restore its database alone: --only database.",
        ) from error


def bootstrap(file: Path, directory: Path) -> Path:
    """On an empty machine: put an archive's settings into `directory` and return the settings file.

    It runs before there is a deployment, hence no journal: secrets are written first and the settings file last,
    so that a second run does it again or finds it done.
    """
    from decodeat_ops.targets.local.restore_actions import put_settings

    directory.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix=".restoring-settings-", dir=directory))
    try:
        manifest = archive.extract(file, place / "archive")
        tomls = [name for name in manifest.settings.values() if name.endswith(".toml")]
        if not tomls:
            raise Configuration(
                f"The archive {file.name} holds no settings.", hint="Write some with `decodeat-ops init`, then restore."
            )
        put_settings(place / "archive", manifest.settings, directory, manifest.snapshot)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return directory / min(tomls, key=len)  # an overlay's name is the longer one
