"""Compare the revision of the data with those that a copy of the service's code knows, and name the migrations between.

Only the code that brings a migration knows what it promises, so the code is asked, in its own Python environment. The
names of its files tell which revisions it knows, also where it can't run: in an archive, or without that environment.
"""

import ast
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
from decodeat_ops.core.migration import Revision, unknown
from decodeat_ops.core.release import Release
from decodeat_ops.deployment import inputs, source
from decodeat_ops.deployment.machine import Machine

FIRST = "0001"  # the revision that releases made before migrations know
_FILE = re.compile(r"(?:^|/)decodeat/migrations/versions/r(\d+)_[^/]*\.py$")
_FROM_THEN = 1  # PRAGMA user_version of the databases of those releases
_MINUTES = 30 * 60.0  # seconds that a migration may take, since it may have to write every row anew


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


def describe(package: Path) -> tuple[Revision, ...]:
    """Return every migration of a package, oldest first, as its files describe themselves; none of them is run.

    Raises `Configuration` when a file does not say what it promises.
    """
    files = [path for path in source.files(package) if _FILE.search(path.as_posix())]
    found = [_described(path) for path in files]
    return tuple(sorted(found, key=lambda one: one.id)) if found else unknown({FIRST})


def _described(path: Path) -> Revision:
    try:
        tree = ast.parse(path.read_bytes())
        names = {
            target.id: ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name) and target.id in {"revision", "reversible", "lossless"}
        }
        title = (ast.get_docstring(tree) or "").partition("\n")[0].rstrip(".")
        return Revision(str(names["revision"]), title, bool(names["reversible"]), bool(names["lossless"]))
    except (OSError, SyntaxError, ValueError, KeyError) as error:
        raise Configuration(
            f"The migration {path.name} can't be read: {error}.",
            hint="It has to set revision, reversible and lossless to plain values.",
            where=str(path),
        ) from error


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


def ask(machine: Machine, code: Code) -> tuple[Revision, ...]:
    """Return every migration that the code knows, oldest first, as its own `--schema` describes them.

    Code gives no answer before its environment is built, or when it is older than `--schema`: then all are `unknown`.
    """
    try:
        told = run(machine, code, "none", "--schema")["revisions"]
        return tuple(Revision(one["id"], one["title"], one["reversible"], one["lossless"]) for one in told)
    except (StepFailed, KeyError, TypeError):
        return unknown(code.knows)


def run(machine: Machine, code: Code, url: str, *words: str) -> dict[str, Any]:
    """Run `python -m decodeat` with these words and return its JSON answer. Raises `StepFailed` when there is none."""
    python = inputs.python(machine.environments, code.lock)
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": str(code.package.parent),
        "PYTHONDONTWRITEBYTECODE": "1",  # a cache file would not belong to the release
        "DATABASE_URL": url,
    }
    argv = (str(python), "-m", "decodeat", *words, "--json")
    try:
        done = machine.host.run(argv, env=environment, cwd=code.package.parent, timeout=_MINUTES)
        told: Mapping[str, Any] = json.loads(done.stdout)
        return dict(told)
    except Unreachable as error:
        raise StepFailed(error.advice.what) from error
    except (ValueError, TypeError) as error:
        lines = tuple(done.stderr.strip().splitlines()[-12:])
        raise StepFailed(
            f"`python -m decodeat {' '.join(words)}` gave no answer (exit {done.status}).", lines=lines
        ) from error
