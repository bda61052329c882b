"""Keep results in a database, or not at all. An answer never depends on it."""

import json
import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from decodeat import metrics
from decodeat.condition import Condition
from decodeat.stores.database import Row
from decodeat.stores.result_writer import ResultWriter
from decodeat.stores.write_behind import WriteBehindBuffer

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Result:
    """Hold one finished analysis. `image_urls` without query strings; `duration_ms` of the whole analysis.

    The tokens are those that were paid for this analysis: none when it was cached.
    """

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
    """Take results to be kept. No method raises, and `keep` never waits."""

    def keep(self, result: Result) -> None:
        """Store a result within a moment, or keep it in memory as long as the database is down."""

    def can_exit_without_loss(self) -> bool:
        """Return whether nothing would be lost if this process began to end now."""

    async def condition(self) -> Condition: ...

    async def close(self) -> None:
        """Store what still waits, as far as a few seconds allow."""


class NoResults:
    """Keep nothing: no database was named."""

    def keep(self, result: Result) -> None:
        """Do nothing."""

    def can_exit_without_loss(self) -> bool:
        return True

    async def condition(self) -> Condition:
        return Condition(True, "results are not kept (DATABASE_URL is none)", needed=False)

    async def close(self) -> None:
        """Do nothing."""


class StoredResults:
    """Turn results into rows for a database, and give them to the buffer that stores them together."""

    def __init__(self, url: str) -> None:
        self._buffer = WriteBehindBuffer(ResultWriter(url))

    def keep(self, result: Result) -> None:
        try:
            row = row_of(result)
        except Exception:
            metrics.results_lost.inc()
            log.exception("a result can't be made a row; it is lost")
        else:
            self._buffer.put(row)

    def can_exit_without_loss(self) -> bool:
        return self._buffer.can_exit_without_loss()

    async def condition(self) -> Condition:
        return await self._buffer.condition()

    async def close(self) -> None:
        await self._buffer.close()


def open_results(url: str) -> Results:
    """Return where results go for a DATABASE_URL, "" for nowhere; nothing connects yet."""
    return StoredResults(url) if url else NoResults()


def row_of(result: Result) -> Row:
    """Return the row, with an id of its own from now on: however often it is sent, it is stored once."""
    return {
        "id": str(uuid.uuid4()),
        "product_id": result.product_id,
        "image_url": _storable("\n".join(result.image_urls)),
        "product_name": None if result.product_name is None else _storable(result.product_name),
        "nutrition_info": None if result.nutrition is None else _json(dict(result.nutrition)),
        "ingredients": _json(list(result.ingredients)),
        "decode_status": str(result.status),
        "engine": result.engine,
        "release_id": result.release,
        "duration_ms": result.duration_ms,
        "created_at": (now := datetime.now(UTC)).replace(microsecond=now.microsecond // 1000 * 1000),
        "input_tokens": result.input_tokens,
        "output_tokens": result.output_tokens,
    }


def _json(value: object) -> str:
    return _storable(json.dumps(value, ensure_ascii=False))


def _storable(text: str) -> str:
    """Replace what neither database takes in a text: NUL, and halves of surrogate pairs."""
    return text.encode(errors="replace").decode().replace("\0", "\ufffd")
