"""Do backups work? How old the newest is, whether it restores into a scratch place, and whether today's data would."""

import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from decodeat_ops.checks.answer import answer, first_deploy, nothing_serves
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.core.errors import Configuration
from decodeat_ops.deployment.tools import Subject

if TYPE_CHECKING:
    from decodeat_ops.deployment.snapshots import Snapshot

RECENT = "backups.recent"
RESTORABLE = "backups.restorable"
SCRATCH = "backups.scratch"
HOUR = 3600


def recent(subject: Subject) -> Finding:
    newest = _newest(subject)
    if newest is None:
        return _without(RECENT, subject)
    hours = round((time.time() - newest.mtime) / HOUR, 1)
    limit = subject.tools.loaded.settings.backup.max_age_hours
    if hours > limit:
        return answer(RECENT, Status.FAIL, "backups.old", snapshot=newest.id, hours=hours, limit=limit)
    return answer(RECENT, Status.PASS, "backups.fresh", snapshot=newest.id, hours=max(0.0, hours))


def _newest(subject: Subject) -> "Snapshot | None":
    from decodeat_ops.deployment.snapshots import snapshots

    return max(snapshots(subject.tools.backups), key=lambda snapshot: snapshot.id, default=None)


def _without(check: str, subject: Subject) -> Finding:
    if first_deploy(subject):
        return answer(check, Status.SKIP, "backups.first")
    return answer(check, Status.FAIL, "backups.none")


def restorable(subject: Subject) -> Finding:
    """Every hash of the newest archive, and its database's own integrity check, in a place removed afterwards."""
    from decodeat_ops import archive

    newest = _newest(subject)
    if newest is None:
        return _without(RESTORABLE, subject)
    began = time.monotonic()
    with _scratch(subject) as place:
        try:
            manifest = archive.verify(newest.path, place)
        except Configuration as error:
            return answer(RESTORABLE, Status.FAIL, "backups.damaged", snapshot=newest.id, problem=error.advice.what)
    if manifest.partial:
        return answer(RESTORABLE, Status.WARN, "backups.partial", snapshot=newest.id, missing=list(manifest.partial))
    count = sum(len(files) for files in manifest.parts.values())
    ms = int((time.monotonic() - began) * 1000)
    return answer(RESTORABLE, Status.PASS, "backups.verified", snapshot=newest.id, files=count, ms=ms)


@contextmanager
def _scratch(subject: Subject) -> Iterator[Path]:
    """A place beside the state, so that there is as much room as a restore would find; gone afterwards."""
    staging = subject.tools.layout.staging
    staging.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix="check-", dir=staging) as name:
        yield Path(name)


def scratch(subject: Subject) -> Finding:
    """Copy the live database as a backup does, and see that what comes back is what went in."""
    if subject.release is None:
        return nothing_serves(SCRATCH)
    live = subject.tools.layout.database(subject.release.data)
    if not live.exists():
        return answer(SCRATCH, Status.SKIP, "backups.no_data")
    began = time.monotonic()
    with _scratch(subject) as place:
        copy = place / "copy.sqlite3"
        with closing(sqlite3.connect(f"{live.as_uri()}?mode=ro", uri=True)) as source:
            before = _rows(source)
            with closing(sqlite3.connect(copy)) as target:
                source.backup(target)
            after = _rows(source)
        with closing(sqlite3.connect(copy)) as back:
            problem = str(back.execute("PRAGMA integrity_check").fetchone()[0])
            rows = _rows(back)
        if problem != "ok":
            return answer(SCRATCH, Status.FAIL, "backups.unsound", problem=problem.splitlines()[0])
        if not min(before, after) <= rows <= max(before, after):
            return answer(SCRATCH, Status.FAIL, "backups.miscounted", rows=rows, before=before, after=after)
    return answer(SCRATCH, Status.PASS, "backups.round_trip", rows=rows, ms=int((time.monotonic() - began) * 1000))


def _rows(database: sqlite3.Connection) -> int:
    """Rows of all tables together."""
    names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    quoted = ['"' + str(name).replace('"', '""') + '"' for (name,) in names.fetchall()]
    return sum(int(database.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0]) for name in quoted)  # noqa: S608


CHECKS = (
    Check(RECENT, recent),
    Check(RESTORABLE, restorable, active=True),
    Check(SCRATCH, scratch, active=True),
)
