"""Check that backups work: the newest one's age, whether it is whole, and whether today's data could be restored."""

import hashlib
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import decodeat_ops
from decodeat_ops import archive
from decodeat_ops.checks.answer import answer, first_deploy, nothing_serves
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.release import Release
from decodeat_ops.deployment import scratch as scratch_space
from decodeat_ops.deployment.snapshots import Snapshot, from_the_future, new_id
from decodeat_ops.deployment.snapshots import newest as newest_snapshot
from decodeat_ops.deployment.tools import Subject

RECENT = "backups.recent"
RESTORABLE = "backups.restorable"
SCRATCH = "backups.scratch"


def recent(subject: Subject) -> Finding:
    newest = newest_snapshot(subject.tools.backups)
    if newest is None:
        return _without(RECENT, subject)
    hours = max(0.0, round((datetime.now(UTC) - _made_at(newest)).total_seconds() / 3600, 1))
    limit = subject.tools.loaded.settings.backup.max_age_hours
    if hours > limit:
        return answer(RECENT, Status.FAIL, "backups.old", snapshot=newest.id, hours=hours, limit=limit)
    return answer(RECENT, Status.PASS, "backups.fresh", snapshot=newest.id, hours=hours)


def _made_at(snapshot: Snapshot) -> datetime:
    """Return the time in a snapshot's name; the file's own time changes when it is copied."""
    return datetime.strptime(snapshot.id.partition("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def _without(check: str, subject: Subject) -> Finding:
    future = from_the_future(subject.tools.backups)
    if future:
        return answer(check, Status.FAIL, "backups.ahead", snapshot=future[0].id, count=len(future))
    if first_deploy(subject):
        return answer(check, Status.SKIP, "backups.first")
    return answer(check, Status.FAIL, "backups.none")


def restorable(subject: Subject) -> Finding:
    """Check the newest archive's hashes and its database's own integrity check, in a directory removed afterwards."""
    newest = newest_snapshot(subject.tools.backups)
    if newest is None:
        return _without(RESTORABLE, subject)
    began = time.monotonic()
    with scratch_space.lent(subject.tools.layout) as place:
        try:
            manifest = archive.verify(newest.path, place)
        except Configuration as error:
            return answer(RESTORABLE, Status.FAIL, "backups.damaged", snapshot=newest.id, problem=error.advice.what)
    ours = subject.tools.loaded.deployment
    if manifest.deployment != ours:
        return answer(
            RESTORABLE, Status.FAIL, "backups.foreign", snapshot=newest.id, deployment=manifest.deployment, ours=ours
        )
    if manifest.partial:
        missing = list(manifest.partial)
        return answer(
            RESTORABLE, Status.WARN, "backups.partial", snapshot=newest.id, count=len(missing), first=missing[0],
            missing=missing,
        )  # fmt: skip
    return answer(
        RESTORABLE,
        Status.PASS,
        "backups.verified",
        snapshot=newest.id,
        files=len(manifest.entries()),
        ms=_since(began),
        release=manifest.release.get("id", ""),
    )


def _since(began: float) -> int:
    return int((time.monotonic() - began) * 1000)


def scratch(subject: Subject) -> Finding:
    """Back up the live data and restore it, both in a scratch directory: what comes back must be what went in."""
    if subject.release is None:
        return nothing_serves(SCRATCH)
    live = subject.tools.layout.database(subject.release.data)
    if not live.exists():
        return answer(SCRATCH, Status.SKIP, "backups.no_data")
    try:
        return _tried(subject, subject.release, live)
    except sqlite3.OperationalError as error:
        return answer(SCRATCH, Status.FAIL, "backups.unreadable", problem=str(error))
    except sqlite3.DatabaseError as error:
        return answer(SCRATCH, Status.FAIL, "backups.unsound", problem=str(error))


def _tried(subject: Subject, release: Release, live: Path) -> Finding:
    """Make the round trip of `scratch`. Raises `sqlite3.DatabaseError` when SQLite can't read a file."""
    began = time.monotonic()
    with scratch_space.lent(subject.tools.layout) as place:
        copy = place / "copy.sqlite3"
        before, after = _copy(live, copy)
        back = _round_trip(subject, release, copy, place)
        if _digest(back) != _digest(copy):
            return answer(SCRATCH, Status.FAIL, "backups.changed")
        with closing(sqlite3.connect(back)) as database:
            problem = str(database.execute("PRAGMA integrity_check").fetchone()[0]).splitlines()[0]
            if problem != "ok":
                return answer(SCRATCH, Status.FAIL, "backups.unsound", problem=problem)
            rows = _rows(database)
    # The service goes on writing, so the copy's rows must lie between the counts before and after the copy.
    if not min(before, after) <= rows <= max(before, after):
        return answer(SCRATCH, Status.FAIL, "backups.miscounted", rows=rows, before=before, after=after)
    return answer(SCRATCH, Status.PASS, "backups.round_trip", rows=rows, ms=_since(began))


def _copy(live: Path, copy: Path) -> tuple[int, int]:
    """Copy a database in use through SQLite itself. Returns its number of rows before and after."""
    with closing(sqlite3.connect(f"{live.as_uri()}?mode=ro", uri=True)) as source:
        before = _rows(source)
        with closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        return before, _rows(source)


def _round_trip(subject: Subject, release: Release, copy: Path, place: Path) -> Path:
    """Put the copy into an archive and unpack it, with the code of backup and restore. Returns the unpacked file."""
    now = datetime.now(UTC)
    blank = archive.Manifest(
        snapshot=new_id(now),
        deployment=subject.tools.loaded.deployment,
        tool=decodeat_ops.__version__,
        created_at=now.isoformat(timespec="seconds"),
        release=release.as_json(),
        settings={},
        parts={part: () for part in archive.PARTS},
    )
    name = "database/copy.sqlite3"
    archive.write(place / "copy.tar.zst", blank, (archive.Member(name, copy),))
    archive.extract(place / "copy.tar.zst", place / "back")
    return place / "back" / name


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _rows(database: sqlite3.Connection) -> int:
    """Return the number of rows of all tables together."""
    names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    quoted = ['"' + str(name).replace('"', '""') + '"' for (name,) in names.fetchall()]
    return sum(int(database.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0]) for name in quoted)  # noqa: S608


CHECKS = (
    Check(RECENT, recent),
    Check(RESTORABLE, restorable, active=True),
    Check(SCRATCH, scratch, active=True),
)
