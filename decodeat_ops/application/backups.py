"""Back up and restore a deployment, for the command line."""

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from decodeat_ops import archive
from decodeat_ops.application.archived_settings import Held, check_interrupted, check_same, places, settings_for_restore
from decodeat_ops.application.archives import backups, verify
from decodeat_ops.application.desk import Desk
from decodeat_ops.application.migrations import allow_part, snapshot_of
from decodeat_ops.application.targets import open_desk
from decodeat_ops.application.workflow import Change, Finish, carry_out, resume
from decodeat_ops.checks.lists import GATES
from decodeat_ops.core.errors import Configuration, Usage
from decodeat_ops.core.migration import NO_DATA, Migration, unknown
from decodeat_ops.core.outcome import Outcome
from decodeat_ops.core.plan import Plan
from decodeat_ops.core.release import FORMAT as RELEASE_FORMAT
from decodeat_ops.core.release import Release
from decodeat_ops.core.target import Observed
from decodeat_ops.deployment import schema, snapshots
from decodeat_ops.engine.executor import Results
from decodeat_ops.engine.lock import operator
from decodeat_ops.operations import backup as backup_operation
from decodeat_ops.operations import migrate
from decodeat_ops.operations import restore as restore_operation
from decodeat_ops.operations.deploy import free_id
from decodeat_ops.settings import envfile, secrets
from decodeat_ops.settings.schema import Loaded

__all__ = ["backup", "backups", "restore", "settings_for_restore", "verify"]

MIB = 1024 * 1024
STARTS = {"release", "database"}  # parts that make a new release, which is then started
_DIGEST = re.compile(r"[0-9a-f]{64}")
HOLDS_SECRETS = "The archive holds secrets and is not encrypted; only you may read it (0600). Keep it so."


def backup(loaded: Loaded, change: Change) -> Outcome:
    """Write settings, release, database and logs into one archive and read it back; exit 10 when it lacks something."""
    desk = open_desk(loaded, secrets={})
    _require_ours(desk)

    def derive(observed: Observed[Any]) -> Plan:
        current = observed.current
        if current is None:
            raise Usage("Nothing is deployed, so there is nothing to back up.", hint="Run `decodeat-ops deploy` first.")
        desk.data.require_room_to_save(current)
        return backup_operation.plan(snapshots.new_id(datetime.now(UTC)), current, desk.data, desk.deployment)

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

    return carry_out(desk, "backup", derive, change, finish)


def _require_ours(desk: Desk) -> None:
    """Raise `Usage` when the data is not this tool's to back up and to restore."""
    keeper = desk.data.keeper
    if keeper:
        raise Usage(
            f"The data of {desk.deployment} is in {keeper}: decodeat-ops neither backs it up nor restores it.",
            hint="Use that database's own backups. Code and settings go back with `decodeat-ops rollback`.",
        )


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
    desk, unresolved = _opened(loaded, change, only, held)
    _require_ours(desk)
    now = datetime.now(UTC)

    def derive(observed: Observed[Any]) -> Plan:
        path, manifest, passed = _chosen(desk, snapshot, file)
        _check_origin(manifest, loaded, origin)
        wanted = replace(_wanted(desk, str(path.resolve()), manifest, observed, only, now), passed=passed)
        if held is None and "settings" in wanted.parts:
            check_same(path, loaded)
        if held is not None or "settings" in wanted.parts:
            targets = places(manifest, loaded, outside, new=held is not None)
            parts = tuple(dict.fromkeys(("settings", *wanted.parts)))
            wanted = replace(wanted, parts=parts, settings=targets)
        desk.data.require_room_to_restore(wanted.release, manifest.size, observed.current)
        return restore_operation.plan(wanted, observed, desk.target, desk.data, desk.deployment, GATES)

    finish = _restored(desk)
    left_open = desk.ledger.unfinished() if held is not None and not change.dry_run else ""
    if file is not None and left_open:
        # Killed before its settings were in place: `resume` can't find it, but the same command can.
        check_interrupted(desk.ledger.read(left_open).plan, file)
        outcome = resume(desk, change, finish)
    else:
        outcome = carry_out(desk, "restore", derive, change, finish)
    return replace(outcome, warnings=(*outcome.warnings, *unresolved))


def _restored(desk: Desk) -> Finish:
    """Return the function that makes the outcome of a restore, also of one that goes on after an interruption."""

    def finish(plan: Plan, results: Mapping[str, Results]) -> Outcome:
        about = restore_operation.brought(plan)
        active = desk.view.active()
        serves = active.id if active else ""
        saved = results.get("before-archive", {})
        return Outcome(
            "restore",
            f"Restored {', '.join(about.parts)} from {plan.subject}."
            + (f" Release {serves} serves." if serves else ""),
            changed=1,
            data={
                "snapshot": plan.subject,
                "release": serves,
                "before": snapshot_of(saved),
                "carried": results.get("carry", {}).get("rows", 0),
            },
            warnings=(
                *((f"archive lacks: {'; '.join(about.lacks)}",) if about.lacks else ()),
                *((f"passed over: {'; '.join(about.passed)}",) if about.passed else ()),
                *(f"The backup before it lacks something: {note}" for note in saved.get("partial", ())),
            ),
            next=("decodeat-ops checklist post-deploy", "decodeat-ops status"),
        )

    return finish


def _check_origin(manifest: archive.Manifest, loaded: Loaded, origin: str) -> None:
    if manifest.deployment in (loaded.deployment, origin):
        return
    raise Usage(
        f"The archive {manifest.snapshot} is of {manifest.deployment}, and this is {loaded.deployment}.",
        state="Nothing was changed.",
        hint=f"Check --env and --config. If you mean to bring that one here: --from {manifest.deployment}",
    )


def _opened(loaded: Loaded, change: Change, only: tuple[str, ...], held: Held | None) -> tuple[Desk, tuple[str, ...]]:
    """Return the desk and, in a dry run, a warning of secrets that don't resolve.

    Otherwise these raise `Configuration`. Only a restore that starts something needs secrets. Settings and logs are
    restored without: they may be what brings the missing ones.
    """
    if only and not STARTS & set(only):
        return open_desk(loaded, secrets={}), ()
    try:
        return open_desk(loaded, secrets=secrets.resolve(loaded, held=held)), ()
    except Configuration as error:
        if not change.dry_run:
            raise
        words = " ".join((error.advice.what, *error.advice.lines))
        return open_desk(loaded, secrets={}), (f"Not here yet, and needed unless the archive brings it: {words}",)


def _chosen(desk: Desk, snapshot: str, file: Path | None) -> tuple[Path, archive.Manifest, tuple[str, ...]]:
    """Return the archive's path, its manifest, and which newer archives were skipped and why."""
    most = desk.data.room()
    if file is not None:
        return file, archive.inspect(file, most), ()
    if snapshot == "latest":
        newest, manifest, passed = snapshots.newest_usable(desk.data.archives, desk.deployment, most)
        return newest.path, manifest, passed
    chosen = snapshots.choose(snapshot, desk.data.archives)
    return chosen.path, snapshots.describe(chosen, most), ()


def _wanted(
    desk: Desk, path: str, manifest: archive.Manifest, observed: Observed[Any], only: tuple[str, ...], now: datetime
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
            f"A removed deployment left its data here ({desk.data.place(observed.left)}).",
            hint="`decodeat-ops deploy` takes it up again, and a restore then backs it up first; "
            "`decodeat-ops remove --delete-data` deletes it.",
        )
    release = _new_release(desk, manifest, observed, original, parts, now) if starts else None
    before = snapshots.new_id(now) if observed.current is not None else ""
    migration = _migration(desk, manifest, observed, original, parts) if starts else NO_DATA
    return restore_operation.Wanted(path, manifest, parts, release, original, before, migration=migration)


def _migration(
    desk: Desk,
    manifest: archive.Manifest,
    observed: Observed[Any],
    original: Release | None,
    parts: tuple[str, ...],
) -> Migration:
    """Return the migration that the data needs for the code; each may be the archive's or today's.

    Raises `Usage` when the code can't work with the data.
    """
    archived = schema.known(manifest.entries())
    if original is not None:
        at = max(archived)
        allow_part(desk, at, desk.data.knows(original), f"Release {original.id}", observed)
        return migrate.needed(desk.data, original, at)
    if "database" in parts:
        return Migration(max(archived))
    if observed.current is None:
        return NO_DATA
    at = desk.data.revision(observed.current.data)
    allow_part(desk, at, archived, f"The release of {manifest.snapshot}", observed)
    return Migration(at, unknown(one for one in archived if one > at > ""))


def _new_release(
    desk: Desk,
    manifest: archive.Manifest,
    observed: Observed[Any],
    original: Release | None,
    parts: tuple[str, ...],
    now: datetime,
) -> Release:
    """Return the archived release (or today's) under a new id, with today's secrets, where today's settings put it."""
    base = original or _archived(desk, manifest)
    name = free_id(now, base.fingerprint, observed.taken)
    current = observed.current
    release: Release = desk.target.settle(
        replace(
            base,
            id=name,
            secrets=desk.target.secrets_digest(),
            created_at=now.isoformat(timespec="seconds"),
            created_by=operator(),
            origin=f"restore:{manifest.snapshot}",
            data=name if "database" in parts or current is None else current.data,
            pinned=False,
            sequence=observed.next_sequence,
        )
    )
    return release


def _archived(desk: Desk, manifest: archive.Manifest) -> Release:
    """Return the release of an archive. Raises `Configuration` for bad fields: digests become names of directories."""
    raw, kind = manifest.release, desk.target.release_type
    kinds = {f.name: f.type for f in fields(kind)}
    wrong = [name for name in kinds if name in raw and type(raw[name]) is not kinds[name]]
    wrong += [name for name in ("fingerprint", "code", "lock") if not _DIGEST.fullmatch(str(raw.get(name)))]
    if raw.get("format", 0) != RELEASE_FORMAT:
        wrong.append("format")
    try:
        if wrong:
            raise TypeError(f"{wrong[0]} is {raw.get(wrong[0])!r}")
        release: Release = kind(**{name: value for name, value in raw.items() if name in kinds})
        return release
    except TypeError as error:
        raise Configuration(
            f"The release in archive {manifest.snapshot} can't be read: {error}.",
            hint="It may be of another version of decodeat-ops; restore its database alone: --only database.",
        ) from error
