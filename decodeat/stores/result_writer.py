"""Write rows to the database: several in one transaction, each once, in a schema that is known to fit."""

import asyncio
import logging
import os
import uuid
from datetime import UTC, datetime

from sqlalchemy.dialects import postgresql, sqlite

from decodeat.condition import Condition
from decodeat.stores import database, schema
from decodeat.stores.database import Row, Rows, reason
from decodeat.stores.tables import REVISION, results

log = logging.getLogger(__name__)

ANSWER_SECONDS = 3.0  # in which the database answers, or counts as down
FILL_SECONDS = 60.0  # in which an empty database gets its table: another worker may have begun, and goes first
LEAST_FREE = 1024 * 1024  # bytes; a disk with less counts as full


class ResultWriter:
    """Write to the table of results in one database. Each worker process has its own; all write side by side."""

    def __init__(self, url: str) -> None:
        self._path = database.file_of(url)
        self._engine = database.open_engine(url)
        self._kind = self._engine.dialect.name
        self._needed = self._path is not None  # all instances share a server: without it no other does better
        self._seconds = ANSWER_SECONDS + (0 if self._path is None else database.LOCKED_SECONDS)
        insert = postgresql.insert if self._path is None else sqlite.insert
        # A commit whose end was not seen is tried again: rows that were stored then stay as they are.
        self._insert = insert(results).on_conflict_do_nothing(index_elements=[results.c.id])
        self._ready = False

    async def store(self, rows: Rows) -> None:
        """Store all rows in one transaction, durable when it returns. Raises any error that `reason` explains."""
        ready, self._ready = self._ready, False
        async with asyncio.timeout(self._seconds) as limit:
            if not ready:
                await self._prepare(limit)
            async with self._engine.begin() as connection:
                await connection.execute(self._insert, rows)
        self._ready = True

    async def condition(self) -> Condition:
        """Return whether a row can be stored: one is inserted, and rolled back."""
        try:
            async with asyncio.timeout(self._seconds) as limit:
                revision = await self._prepare(limit)
                async with self._engine.connect() as connection, connection.begin() as transaction:
                    await connection.execute(self._insert, [_sample()])
                    await transaction.rollback()
            free = LEAST_FREE if self._path is None else _free(self._path.parent)
        except Exception as error:
            return self.failing(error)
        if free < LEAST_FREE:
            return Condition(False, "the disk of the database is full", self._needed)
        return self.working(revision)

    def working(self, revision: str = REVISION) -> Condition:
        newer = f"; its schema {revision} is newer than this release's {REVISION}" if revision > REVISION else ""
        return Condition(True, f"{self._kind}, writable{newer}", self._needed)

    def failing(self, error: Exception) -> Condition:
        """Return the condition that an error of `store` means."""
        return Condition(False, f"the database can't be written: {reason(error)}", self._needed)

    async def _prepare(self, limit: asyncio.Timeout) -> str:
        """Return the database's revision. An empty one gets its table first, and the time limit is moved for that."""
        async with self._engine.begin() as connection:
            revision = await connection.run_sync(schema.current_revision)
        if revision is None:
            now = asyncio.get_running_loop().time
            limit.reschedule(now() + FILL_SECONDS)
            async with self._engine.begin() as connection:
                revision = await connection.run_sync(schema.fill)
            limit.reschedule(now() + self._seconds)
        return schema.require_revision(revision)

    async def close(self) -> None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._engine.dispose()
        except Exception as error:
            log.warning("the connections to the database could not be closed: %s", reason(error))


def _free(directory: os.PathLike[str]) -> int:
    found = os.statvfs(directory)
    return found.f_bavail * found.f_frsize


def _sample() -> Row:
    return {
        "id": str(uuid.uuid4()),
        "product_id": None,
        "image_url": "",
        "product_name": None,
        "nutrition_info": None,
        "ingredients": None,
        "decode_status": "PROBE",
        "engine": "",
        "release_id": "",
        "duration_ms": 0,
        "created_at": datetime.now(UTC),
        "input_tokens": 0,
        "output_tokens": 0,
    }
