"""Rows in and out of reach: they are stored together, once each, in a schema that is known to take them."""

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

ANSWER_SECONDS = 3.0  # in which the database answers, or is taken for gone
FILL_SECONDS = 60.0  # in which an empty database gets its table: another worker may have begun, and has its turn first
LEAST_FREE = 1024 * 1024  # bytes on the disk below which nothing can be counted on


class Ledger:
    """The table of results in one database. Each worker process has its own, and they write side by side."""

    def __init__(self, url: str) -> None:
        self._path = database.file_of(url)
        self._engine = database.opened(url)
        self._kind = self._engine.dialect.name
        self._needed = self._path is not None  # a server is everybody's: without it other instances do no better
        self._seconds = ANSWER_SECONDS + (0 if self._path is None else database.LOCKED_SECONDS)
        insert = postgresql.insert if self._path is None else sqlite.insert
        # A commit whose end was not seen is done again: what was stored then stays as it is.
        self._insert = insert(results).on_conflict_do_nothing(index_elements=[results.c.id])
        self._ready = False

    async def store(self, rows: Rows) -> None:
        """All of them in one transaction, durable when it returns. Raises whatever `reason` has words for."""
        ready, self._ready = self._ready, False
        if not ready:
            await self._prepare()
        async with asyncio.timeout(self._seconds), self._engine.begin() as connection:
            await connection.execute(self._insert, rows)
        self._ready = True

    async def condition(self) -> Condition:
        """Whether a row would be taken: one is inserted, and taken back."""
        try:
            revision = await self._prepare()
            async with (
                asyncio.timeout(self._seconds),
                self._engine.connect() as connection,
                connection.begin() as transaction,
            ):
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
        """What an error of `store` means."""
        return Condition(False, f"the database can't be written: {reason(error)}", self._needed)

    async def _prepare(self) -> str:
        """Return the revision of what is there; an empty database gets its table first, in a time of its own."""
        async with asyncio.timeout(self._seconds), self._engine.begin() as connection:
            revision = await connection.run_sync(schema.found)
        if revision is None:
            async with asyncio.timeout(FILL_SECONDS), self._engine.begin() as connection:
                revision = await connection.run_sync(schema.fill)
        return schema.fitting(revision)

    async def close(self) -> None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._engine.dispose()
        except Exception as error:
            log.warning("the database could not be taken leave of: %s", reason(error))


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
