"""Back up and restore a deployment, for the command line."""

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path

from decodeat_ops import archive
from decodeat_ops.core.errors import Configuration, Usage
from decodeat_ops.core.outcome import Outcome
from decodeat_ops.core.plan import Plan
from decodeat_ops.core.release import FORMAT as RELEASE_FORMAT
from decodeat_ops.core.release import Release
from decodeat_ops.deployment import schema, snapshots, space
from decodeat_ops.deployment.inputs import environment_path, secrets_digest
from decodeat_ops.deployment.observed import Observed, observe
from decodeat_ops.deployment.schema import NO_DATA, Code, Migration
from decodeat_ops.deployment.tools import Tools
from decodeat_ops.engine.executor import Results
from decodeat_ops.engine.journal import read, unfinished
from decodeat_ops.engine.lock import operator
from decodeat_ops.operations import backup as backup_operation
from decodeat_ops.operations import restore as restore_operation
from decodeat_ops.operations.deploy import free_id
from decodeat_ops.settings import envfile, secrets
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.wiring.archived_settings import Held, check_interrupted, check_same, places, settings_for_restore
from decodeat_ops.wiring.archives import backups, verify
from decodeat_ops.wiring.corridor import Change, carry_out, resume
from decodeat_ops.wiring.migrations import allow_part, snapshot_of
from decodeat_ops.wiring.opening import open_tools
from decodeat_ops.wiring.targets import actions, gates

__all__ = ["backup", "backups", "restore", "settings_for_restore", "verify"]

MIB = 1024 * 1024
GIB = 1024 * MIB
STARTS = {"release", "database"}  # parts that make a new release, which is then started
_DIGEST = re.compile(r"[0-9a-f]{64}")
HOLDS_SECRETS = "The archive holds secrets and is not encrypted; only you may read it (0600). Keep it so."


def backup(loaded: Loaded, change: Change) -> Outcome:
    """Write settings, release, database and logs into one archive and read it back; exit 10 when it lacks something."""
    tools = open_tools(loaded, secrets={})

    def derive() -> Plan:
        current = _current(observe(tools.store))
        needed = space.of_backup(tools.layout, current)
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
            warnings=(*missing, HOLDS_SECRETS, *_kept_elsewhere(loaded)),
            next=("decodeat-ops backup list", "decodeat-ops restore --dry-run"),
        )

    return carry_out(tools, "backup", derive, change, actions(), finish)


def _current(observed: Observed) -> Release:
    if observed.current is None:
        raise Usage("Nothing is deployed, so there is nothing to back up.", hint="Run `decodeat-ops deploy` first.")
    return observed.current


def _kept_elsewhere(loaded: Loaded) -> tuple[str, ...]:
    """Return a warning of secrets that only this machine's environment holds: a restore elsewhere would lack them."""
    service = loaded.settings.service
    wanted = sorted(set(service.references("env").values()))
    path = loaded.path(service.env_file)
    try:
        stored = envfile.read(path) if wanted and path.exists() else {}
    except Configuration as error:
        return (f"Whether the archive holds every secret is unknown: {error.advice.what}",)
    missing = [name for name in wanted if name not in stored]
    return (f"Not in the archive, for they are not in {path.name}: {', '.join(missing)}.",) if missing else ()


def restore(
    loaded: Loaded,
    change: Change,
    snapshot: str,
    only: tuple[str, ...] = (),
    file: Path | None = None,
    *,
    outside: tuple[Path, ...] = (),
    held: Held | None = None,
    origin: str = "",
) -> Outcome:
    """Restore an archive's release and data, in place of the serving ones or on an empty machine.

    `held` are the settings files that the archive brings to a machine without any, and `outside` the places where it
    may write outside the settings' directory. `origin` names another deployment whose archive is allowed.
    """
    tools, unresolved = _opened(loaded, change, only, held)
    now = datetime.now(UTC)

    def derive() -> Plan:
        path, manifest, passed = _chosen(tools, snapshot, file)
        _check_origin(manifest, loaded, origin)
        observed = observe(tools.store)
        wanted = replace(_wanted(tools, str(path.resolve()), manifest, observed, only, now), passed=passed)
        if held is None and "settings" in wanted.parts:
            check_same(path, loaded)
        if held is not None or "settings" in wanted.parts:
            targets = places(manifest, loaded, outside, new=held is not None)
            parts = tuple(dict.fromkeys(("settings", *wanted.parts)))
            wanted = replace(wanted, parts=parts, settings=targets)
        _room(tools, wanted, observed)
        return restore_operation.plan(wanted, observed, loaded, gates(), tools.layout)

    def finish(plan: Plan, results: Mapping[str, Results]) -> Outcome:
        facts = dict(plan.facts)
        serves = tools.store.active_id()
        saved = results.get("before-archive", {})
        return Outcome(
            "restore",
            f"Restored {facts['brings back']} from {plan.subject}." + (f" Release {serves} serves." if serves else ""),
            changed=1,
            data={
                "snapshot": plan.subject,
                "release": serves,
                "before": snapshot_of(saved),
                "carried": results.get("carry", {}).get("rows", 0),
            },
            warnings=(
                *(f"{fact}: {facts[fact]}" for fact in ("archive lacks", "passed over") if fact in facts),
                *(f"The backup before it lacks something: {note}" for note in saved.get("partial", ())),
            ),
            next=("decodeat-ops checklist post-deploy", "decodeat-ops status"),
        )

    left_open = unfinished(tools.layout.journals) if held is not None and not change.dry_run else None
    if file is not None and left_open is not None:
        # Killed before its settings were in place: `resume` can't find it, but the same command can.
        check_interrupted(read(left_open).plan, file)
        outcome = resume(tools, change, actions(), finish)
    else:
        outcome = carry_out(tools, "restore", derive, change, actions(), finish)
    return replace(outcome, warnings=(*outcome.warnings, *unresolved))


def _check_origin(manifest: archive.Manifest, loaded: Loaded, origin: str) -> None:
    if manifest.deployment in (loaded.deployment, origin):
        return
    raise Usage(
        f"The archive {manifest.snapshot} is of {manifest.deployment}, and this is {loaded.deployment}.",
        state="Nothing was changed.",
        hint=f"Check --env and --config. If you mean to bring that one here: --from {manifest.deployment}",
    )


def _opened(loaded: Loaded, change: Change, only: tuple[str, ...], held: Held | None) -> tuple[Tools, tuple[str, ...]]:
    """Return the tools and, in a dry run, a warning of secrets that don't resolve.

    Otherwise these raise `Configuration`. Only a restore that starts something needs secrets. Settings and logs are
    restored without: they may be what brings the missing ones.
    """
    if only and not STARTS & set(only):
        return open_tools(loaded, secrets={}), ()
    try:
        return open_tools(loaded, secrets=secrets.resolve(loaded, held=held)), ()
    except Configuration as error:
        if not change.dry_run:
            raise
        words = " ".join((error.advice.what, *error.advice.lines))
        return open_tools(loaded, secrets={}), (f"Not here yet, and needed unless the archive brings it: {words}",)


def _chosen(tools: Tools, snapshot: str, file: Path | None) -> tuple[Path, archive.Manifest, tuple[str, ...]]:
    """Return the archive's path, its manifest, and which newer archives were skipped and why."""
    most = max(space.free(tools.layout.root), GIB)  # it is unpacked there; the exact check follows
    if file is not None:
        return file, archive.inspect(file, most), ()
    if snapshot == "latest":
        newest, manifest, passed = snapshots.newest_usable(tools.backups, tools.loaded.deployment, most)
        return newest.path, manifest, passed
    chosen = snapshots.choose(snapshot, tools.backups)
    return chosen.path, snapshots.describe(chosen, most), ()


def _room(tools: Tools, wanted: restore_operation.Wanted, observed: Observed) -> None:
    """Raise `GateFailed` unless there is space for the restore and for the backup before it.

    The archive's files are there three times: unpacked, as data and as a release.
    """
    before = space.of_backup(tools.layout, observed.current) if observed.current else 0
    space.require(tools.layout.staging, 3 * wanted.manifest.size + before, "A restore")
    space.require(tools.backups, before, "The backup before a restore")
    release = wanted.release
    if release is not None and not environment_path(tools.environments, release.lock).exists():
        space.require(tools.environments, space.ENVIRONMENT, "The Python environment of the service")


def _wanted(
    tools: Tools, path: str, manifest: archive.Manifest, observed: Observed, only: tuple[str, ...], now: datetime
) -> restore_operation.Wanted:
    parts = restore_operation.choose_parts(only, manifest)
    starts = bool(STARTS & set(parts))
    original = None if "release" in parts else observed.current
    if starts and "release" not in parts and original is None:
        raise Usage(
            "Nothing is deployed that could serve that data.", hint="Restore the release too: leave --only away."
        )
    if starts and observed.left:
        # A restore backs up what serves before it goes on; here nothing serves, and this data would be cleared away.
        raise Usage(
            f"A removed deployment left its data here ({tools.layout.generation(observed.left)}).",
            hint="`decodeat-ops deploy` takes it up again, and a restore then backs it up first; "
            "`decodeat-ops remove --delete-data` deletes it.",
        )
    release = _new_release(tools, manifest, observed, original, parts, now) if starts else None
    before = snapshots.new_id(now) if observed.current is not None else ""
    migration = _migration(tools, manifest, observed, original, parts) if starts else NO_DATA
    return restore_operation.Wanted(path, manifest, parts, release, original, before, migration=migration)


def _migration(
    tools: Tools, manifest: archive.Manifest, observed: Observed, original: Release | None, parts: tuple[str, ...]
) -> Migration:
    """Return the migration that the data needs for the code; each may be the archive's or today's.

    Raises `Usage` when the code can't work with the data.
    """
    archived = schema.known(manifest.entries())
    if original is None:
        if "database" in parts or observed.current is None:
            return Migration(max(archived)) if "database" in parts else NO_DATA
        allow_part(tools, None, archived, f"The release of {manifest.snapshot}", observed)
        at = schema.revision_of(tools.layout.database(observed.current.data))
        return Migration(at, schema.unknown(one for one in archived if one > at > ""))
    code = Code.of(original, tools.layout)
    allow_part(tools, max(archived), code.knows, f"Release {original.id}", observed)
    return schema.migration(tools, code, max(archived))


def _new_release(
    tools: Tools,
    manifest: archive.Manifest,
    observed: Observed,
    original: Release | None,
    parts: tuple[str, ...],
    now: datetime,
) -> Release:
    """Return the archived release (or today's) under a new id, listening where this machine's settings say."""
    base = original or _archived(manifest)
    name = free_id(now, base.fingerprint, observed.taken)
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
        sequence=observed.next_sequence,
    )


def _archived(manifest: archive.Manifest) -> Release:
    """Return the release of an archive. Raises `Configuration` for bad fields: digests become names of directories."""
    raw = manifest.release
    kinds = {f.name: f.type for f in fields(Release)}
    wrong = [name for name in kinds if name in raw and type(raw[name]) is not kinds[name]]
    wrong += [name for name in ("fingerprint", "code", "lock") if not _DIGEST.fullmatch(str(raw.get(name)))]
    if raw.get("format", 0) != RELEASE_FORMAT:
        wrong.append("format")
    try:
        if wrong:
            raise TypeError(f"{wrong[0]} is {raw.get(wrong[0])!r}")
        return Release(**{name: value for name, value in raw.items() if name in kinds})
    except TypeError as error:
        raise Configuration(
            f"The release in archive {manifest.snapshot} can't be read: {error}.",
            hint="It may be of another version of decodeat-ops; restore its database alone: --only database.",
        ) from error
