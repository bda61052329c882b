"""Results in SQLite: one row an analysis, written in a thread, by several worker processes at once."""

import asyncio
import json
import logging
import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from decodeat import metrics
from decodeat.condition import Condition

log = logging.getLogger(__name__)

FORMAT = 1  # PRAGMA user_version
KNOWN_FOR = 5.0  # seconds that a condition is believed
LEAST_FREE = 1024 * 1024  # bytes on the disk below which nothing can be counted on
_WAIT = 5.0  # seconds for another process's transaction
_SCHEMA = """
CREATE TABLE IF NOT EXISTS analysis_results (
    id TEXT PRIMARY KEY,
    product_id INTEGER,
    image_url TEXT NOT NULL,
    product_name TEXT,
    nutrition_info TEXT,
    ingredients TEXT,
    decode_status TEXT NOT NULL,
    engine TEXT NOT NULL,
    release_id TEXT NOT NULL,
    duration_ms INTEGER NOT NULL,
    created_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS analysis_results_created_at ON analysis_results (created_at);
"""


@dataclass(frozen=True)
class Result:
    """One finished analysis. `image_urls` without query strings; `duration_ms` of the whole analysis."""

    product_id: int | None
    image_urls: Sequence[str]
    product_name: str | None
    nutrition: Mapping[str, str | None] | None
    ingredients: Sequence[str]
    status: str
    engine: str
    release: str
    duration_ms: int


class Results(Protocol):
    """Where results go. Neither method raises: an answer never depends on them."""

    async def keep(self, result: Result) -> None: ...

    async def condition(self) -> Condition: ...

    def close(self) -> None: ...


class NoResults:
    """Nothing is kept: no database was named."""

    async def keep(self, result: Result) -> None:
        """Forget it."""

    async def condition(self) -> Condition:
        return Condition(True, "results are not kept (DATABASE_URL is empty)")

    def close(self) -> None:
        """Nothing is open."""


class SqliteResults:
    """One connection per worker process, opened at first use and again after an error."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.Lock()
        self._known: tuple[float, Condition] | None = None

    async def keep(self, result: Result) -> None:
        await asyncio.to_thread(self._keep, result)

    async def condition(self) -> Condition:
        known = self._known
        if known is None or time.monotonic() - known[0] > KNOWN_FOR:
            known = (time.monotonic(), await asyncio.to_thread(self._probe))
            self._known = known
        return known[1]

    def close(self) -> None:
        with self._lock:
            self._drop()

    def _keep(self, result: Result) -> None:
        try:
            with self._lock:
                self._insert(result)
        except (sqlite3.Error, OSError) as error:
            self.close()
            metrics.results_lost.inc()
            log.error("a result could not be written down; the answer was sent without it: %s", error)

    def _insert(self, result: Result) -> None:
        with self._open() as connection:
            connection.execute(
                "INSERT INTO analysis_results VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    str(uuid.uuid4()),
                    result.product_id,
                    "\n".join(result.image_urls),
                    result.product_name,
                    None if result.nutrition is None else json.dumps(dict(result.nutrition)),
                    json.dumps(list(result.ingredients), ensure_ascii=False),
                    result.status,
                    result.engine,
                    result.release,
                    result.duration_ms,
                    datetime.now(UTC).isoformat(timespec="milliseconds"),
                ),
            )

    def _open(self) -> sqlite3.Connection:
        """The connection, made ready if need be. Raises sqlite3.Error or OSError."""
        if self._connection is None:
            # Made by us, so that nobody but the service's user can read what people had analysed.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            connection = sqlite3.connect(self._path, timeout=_WAIT, check_same_thread=False)
            try:
                _prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _probe(self) -> Condition:
        """Take the write lock and let it go; and look whether the disk has room."""
        try:
            free = os.statvfs(self._path.parent)
            with self._lock:
                connection = self._open()
                connection.execute("BEGIN IMMEDIATE")
                connection.rollback()
        except (sqlite3.Error, OSError) as error:
            self.close()
            return Condition(False, f"the database can't be written: {_reason(error)}")
        if free.f_bavail * free.f_frsize < LEAST_FREE:
            return Condition(False, "the disk of the database is full")
        return Condition(True, "sqlite, writable")


def _prepare(connection: sqlite3.Connection) -> None:
    """Write-ahead log, and the tables of this format. Raises sqlite3.Error, also for a newer format."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > FORMAT:
        raise sqlite3.DatabaseError(f"its format is {version}, and this release knows {FORMAT}")
    if version < FORMAT:
        connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT;")


def _reason(error: Exception) -> str:
    """The system's words without the path, which is nobody's business outside."""
    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else str(error)
