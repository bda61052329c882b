"""How releases stored results before the database had steps; put into a copy of the service as `stores/results.py`."""

import json
import logging
import sqlite3
import uuid
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from decodeat import metrics
from decodeat.condition import Condition

log = logging.getLogger(__name__)
FORMAT = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS analysis_results (
    id TEXT PRIMARY KEY, product_id INTEGER, image_url TEXT NOT NULL, product_name TEXT, nutrition_info TEXT,
    ingredients TEXT, decode_status TEXT NOT NULL, engine TEXT NOT NULL, release_id TEXT NOT NULL,
    duration_ms INTEGER NOT NULL, created_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS analysis_results_created_at ON analysis_results (created_at);
"""


@dataclass(frozen=True)
class Result:
    product_id: int | None
    image_urls: Sequence[str]
    product_name: str | None
    nutrition: Mapping[str, str | None] | None
    ingredients: Sequence[str]
    status: str
    engine: str
    release: str
    duration_ms: int
    input_tokens: int = 0
    output_tokens: int = 0


class Results(Protocol):
    def keep(self, result: Result) -> None: ...

    def can_exit_without_loss(self) -> bool: ...

    async def condition(self) -> Condition: ...

    async def close(self) -> None: ...


class SqliteResults:
    def __init__(self, path: str) -> None:
        self._path = path

    def keep(self, result: Result) -> None:
        try:
            self._insert(result)
        except sqlite3.Error as error:
            metrics.results_lost.inc()
            log.error("a result could not be written down; the answer was sent without it: %s", error)

    def can_exit_without_loss(self) -> bool:
        return True

    async def condition(self) -> Condition:
        try:
            with closing(self._open()):
                return Condition(True, "sqlite, writable")
        except sqlite3.Error as error:
            return Condition(False, f"the database can't be written: {error}")

    async def close(self) -> None:
        """Nothing stays open."""

    def _insert(self, result: Result) -> None:
        with closing(self._open()) as connection, connection:
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
        connection = sqlite3.connect(self._path, timeout=60)
        connection.execute("PRAGMA journal_mode = WAL")
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version > FORMAT:
            raise sqlite3.DatabaseError(f"its format is {version}, and this release knows {FORMAT}")
        if version < FORMAT:
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT;")
        return connection


def open_results(url: str) -> Results:
    return SqliteResults(url.removeprefix("sqlite:///"))
