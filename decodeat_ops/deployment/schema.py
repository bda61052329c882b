"""Compare the revision of the data with those that a copy of the service's code knows, and name the migrations between.

Only the code that brings a migration knows what it promises, so the code is asked, in its own Python environment. The
names of its files tell which revisions it knows, also where it can't run: in an archive, or without that environment.
"""

import json
import re
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from decodeat_ops.core.errors import Configuration, StepFailed, Unreachable
from decodeat_ops.core.layout import Layout
from decodeat_ops.core.release import Release
from decodeat_ops.deployment import inputs, source
from decodeat_ops.deployment.observed import Observed
from decodeat_ops.deployment.tools import Tools

FIRST = "0001"  # the revision that releases made before migrations know
_FILE = re.compile(r"(?:^|/)decodeat/migrations/versions/r(\d+)_[^/]*\.py$")
_FROM_THEN = 1  # PRAGMA user_version of the databases of those releases
_MINUTES = 30 * 60.0  # seconds that a migration may take, since it may have to write every row anew


@dataclass(frozen=True)
class Revision:
    """Describe one migration.

    `reversible`: every release made before it works on the migrated data as well. `lossless`: it can be taken back
    without losing data that such a release knew.
    """

    id: str
    title: str
    reversible: bool
    lossless: bool


@dataclass(frozen=True)
class Migration:
    """Describe what a release that takes over data has to do first: the migrations in `lacks`, from revision `at`.

    `at` is "" when there is no data yet. `snapshot` names the backup that is made before, "" when the way back needs
    none.
    """

    at: str = ""
    lacks: tuple[Revision, ...] = ()
    snapshot: str = ""


NO_DATA = Migration()


@dataclass(frozen=True)
class Code:
    """Name a copy of the service: its package directory `decodeat/`, and the digest of its dependency lock."""

    package: Path
    lock: str

    @classmethod
    def of(cls, release: Release, layout: Layout) -> "Code":
        return cls(layout.code(release.id) / "decodeat", release.lock)

    @property
    def knows(self) -> frozenset[str]:
        return known(path.as_posix() for path in source.files(self.package))


def known(names: Iterable[str]) -> frozenset[str]:
    """Return the revisions that a package with these files knows; the names include `decodeat/`."""
    found = {match.group(1) for name in names if (match := _FILE.search(name))}
    return frozenset(found or {FIRST})


def revision_of(database: Path) -> str:
    """Return the revision that a database has, "" when it is empty or missing. Raises `Configuration` if unreadable."""
    if not database.exists():
        return ""
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if "alembic_version" in tables:
                (row,) = connection.execute("SELECT version_num FROM alembic_version").fetchall() or [("",)]
                return str(row[0])
            made = connection.execute("PRAGMA user_version").fetchone()[0] == _FROM_THEN
            return FIRST if made and "analysis_results" in tables else ""
    except sqlite3.Error as error:
        raise Configuration(
            f"The database can't be read: {error}.",
            hint="`decodeat-ops restore` brings back the last good one.",
            where=str(database),
        ) from error


def migration(tools: Tools, code: Code, at: str) -> Migration:
    """Return what the code has to do to data of revision `at`. The code is run only when it knows a newer revision."""
    missing = {one for one in code.knows if one > at} if at else set()
    lacks = tuple(step for step in ask(tools, code) if step.id in missing) if missing else ()
    return Migration(at, lacks)


def ask(tools: Tools, code: Code) -> tuple[Revision, ...]:
    """Return every migration that the code knows, oldest first, as its own `--schema` describes them.

    Code gives no answer before its environment is built, or when it is older than `--schema`: then all are `unknown`.
    """
    try:
        told = run(tools, code, "none", "--schema")["revisions"]
        return tuple(Revision(one["id"], one["title"], one["reversible"], one["lossless"]) for one in told)
    except (StepFailed, KeyError, TypeError):
        return unknown(code.knows)


def unknown(ids: Iterable[str]) -> tuple[Revision, ...]:
    """Describe migrations of which only the ids are known: assume that they are neither reversible nor lossless."""
    return tuple(Revision(one, "", reversible=False, lossless=False) for one in sorted(ids))


def run(tools: Tools, code: Code, url: str, *words: str) -> dict[str, Any]:
    """Run `python -m decodeat` with these words and return its JSON answer. Raises `StepFailed` when there is none."""
    python = inputs.python(tools.environments, code.lock)
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": str(code.package.parent),
        "PYTHONDONTWRITEBYTECODE": "1",  # a cache file would not belong to the release
        "DATABASE_URL": url,
    }
    argv = (str(python), "-m", "decodeat", *words, "--json")
    try:
        done = tools.host.run(argv, env=environment, cwd=code.package.parent, timeout=_MINUTES)
        told: Mapping[str, Any] = json.loads(done.stdout)
        return dict(told)
    except Unreachable as error:
        raise StepFailed(error.advice.what) from error
    except (ValueError, TypeError) as error:
        lines = tuple(done.stderr.strip().splitlines()[-12:])
        raise StepFailed(
            f"`python -m decodeat {' '.join(words)}` gave no answer (exit {done.status}).", lines=lines
        ) from error


def crossed(tools: Tools, at: str, knows: frozenset[str], witnesses: Iterable[Code]) -> tuple[Revision, ...]:
    """Return the migrations that keep code which `knows` these revisions from working with data of revision `at`.

    `witnesses` are copies of the code; the first that knows `at` is asked to describe them.
    """
    if not at or at in knows:
        return ()
    witness = next((code for code in witnesses if at in code.knows), None)
    steps = unknown({at}) if witness is None else ask(tools, witness)
    return tuple(step for step in steps if step.id <= at and step.id not in knows and not step.reversible)


def barred(tools: Tools, release: Release, observed: Observed) -> tuple[Revision, ...]:
    """Return the migrations that keep a release from working with today's data, so that a rollback to it is refused.

    Raises `Configuration` when the data can't be read.
    """
    if observed.current is None:
        return ()
    at = revision_of(tools.layout.database(observed.current.data))
    kept = [Code.of(one, tools.layout) for one in (observed.current, *observed.releases)]
    return crossed(tools, at, Code.of(release, tools.layout).knows, kept)
