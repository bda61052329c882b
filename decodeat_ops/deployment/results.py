"""Count the clients' results that only one data generation holds, and copy them into another."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from decodeat_ops.core.errors import StepFailed
from decodeat_ops.core.layout import Layout
from decodeat_ops.deployment import files
from decodeat_ops.deployment.snapshots import SUFFIX

TABLE = "analysis_results"
_SAVED = "saved.json"  # in a generation: the archive that has its results, and the last row of them
_WAIT = 30.0  # seconds for another writer to finish


def last_row(database: Path) -> int:
    """Return the row number of the last result, 0 for none. Raises `StepFailed` when the database can't be read."""
    with _opened(database) as connection:
        if not _columns(connection, "main"):
            return 0
        return int(connection.execute(f"SELECT coalesce(max(rowid), 0) FROM {TABLE}").fetchone()[0])  # noqa: S608


def alone(database: Path, others: Sequence[Path], after: int = 0) -> int:
    """Return how many results later than row `after` are in none of the other databases. Raises `StepFailed`."""
    with _opened(database) as connection:
        if not _columns(connection, "main"):
            return 0
        connection.execute("CREATE TEMP TABLE left_over (id TEXT PRIMARY KEY)")
        connection.execute(f"INSERT INTO left_over SELECT id FROM main.{TABLE} WHERE rowid > ?", (after,))  # noqa: S608
        connection.commit()
        for other in (path for path in others if path.exists()):
            _attach(connection, other, "other")  # one at a time: SQLite takes ten, and more releases may be kept
            if _columns(connection, "other"):
                connection.execute(f"DELETE FROM left_over WHERE id IN (SELECT id FROM other.{TABLE})")  # noqa: S608
            connection.commit()
            connection.execute("DETACH DATABASE other")
        return int(connection.execute("SELECT count(*) FROM left_over").fetchone()[0])


def carry(origin: Path, to: Path, *, after: int = 0, known: Path | None = None) -> int:
    """Copy the results later than row `after` that are neither in `to` nor in `known`, and return how many.

    Raises `StepFailed` when not all of them can be copied; then none is.
    """
    with _opened(to, "rw") as connection:
        _attach(connection, origin, "origin")
        columns = _columns(connection, "origin")
        missing = [name for name in columns if name not in _columns(connection, "main")]
        if missing:
            raise StepFailed(f"{to} has no place for {', '.join(missing)}")
        names = ", ".join(f'"{name}"' for name in columns)
        new = f"NOT EXISTS (SELECT 1 FROM main.{TABLE} WHERE id = one.id)"  # noqa: S608
        if known is not None:
            _attach(connection, known, "known")
            if _columns(connection, "known"):
                new += f" AND NOT EXISTS (SELECT 1 FROM known.{TABLE} WHERE id = one.id)"  # noqa: S608
        copied = connection.execute(
            f"INSERT INTO main.{TABLE} ({names}) SELECT {names} FROM origin.{TABLE} AS one "  # noqa: S608
            f"WHERE one.rowid > ? AND {new}",
            (after,),
        ).rowcount
        connection.commit()
        return copied


def mark_saved(layout: Layout, generation: str, snapshot: str, last: int) -> None:
    """Record that a generation's results up to row `last` are in that archive, or were carried over."""
    noted = {"snapshot": snapshot, "last": last}
    files.write(layout.generation(generation) / _SAVED, json.dumps(noted) + "\n")


def unsaved(layout: Layout, generation: str, kept: Sequence[str], archives: Path) -> int:
    """Return how many results of a generation are, as far as is known, nowhere else. Raises `StepFailed`."""
    database = layout.database(generation)
    if not database.exists() or not last_row(database):
        return 0
    try:
        noted = json.loads((layout.generation(generation) / _SAVED).read_bytes())
        if (archives / f"{noted['snapshot']}{SUFFIX}").is_file() and last_row(database) <= noted["last"]:
            return 0
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        pass  # made by a version without such records, or damaged: its rows are looked up one by one
    return alone(database, [layout.database(name) for name in kept])


@contextmanager
def _opened(database: Path, mode: str = "ro") -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode={mode}", uri=True, timeout=_WAIT)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise StepFailed(f"{database}: {error}") from error


def _attach(connection: sqlite3.Connection, database: Path, name: str) -> None:
    connection.execute(f"ATTACH DATABASE ? AS {name}", (f"{database.as_uri()}?mode=ro",))


def _columns(connection: sqlite3.Connection, schema: str) -> list[str]:
    return [str(row[1]) for row in connection.execute(f"PRAGMA {schema}.table_info({TABLE})")]
