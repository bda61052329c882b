"""Buffer rows for the database: store those of concurrent requests together, and keep them while it is down."""

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice

from decodeat import metrics
from decodeat.breaker import Breaker, State
from decodeat.condition import CachedHealthCheck, Condition
from decodeat.stores.database import Row, reason, refused
from decodeat.stores.result_writer import ResultWriter

log = logging.getLogger(__name__)

GATHER_SECONDS = 0.25  # that a row waits for others; a killed worker loses the rows of so long
RECENTLY_STORED_SECONDS = 1.0  # after rows were stored, in which those that wait now are expected to be stored soon
FLUSH_SECONDS = 5.0  # that the end of the process waits for the last rows
HEALTH_CACHED_SECONDS = 5.0  # that a health check's result is cached
ROOM = 10_000  # rows, about 20 MB; a row that comes when it is full is lost
AT_ONCE = 500  # rows in a transaction


class WriteBehindBuffer:
    """Store waiting rows in one task per process, up to `AT_ONCE` in a transaction; meanwhile new ones gather."""

    def __init__(self, result_writer: ResultWriter) -> None:
        self._result_writer = result_writer
        self._rows: deque[Row] = deque()
        self._arrived = asyncio.Event()
        self._drained = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        # The first failure may be a connection that died long ago: the next try, on a new one, is made at once.
        self._breaker = Breaker(failures=2, seconds=0.1, longest=2.0)
        self._health = CachedHealthCheck(result_writer.condition, HEALTH_CACHED_SECONDS)
        self._stored = -math.inf  # when rows were last stored, by the monotonic clock
        self._down = False
        self._full = False

    def put(self, row: Row) -> None:
        """Add a row, which is stored soon. Never waits: no answer takes longer because of the database."""
        if len(self._rows) >= ROOM:
            if not self._full:
                log.error("%d results wait, and there is room for no more: what comes now is lost", ROOM)
            self._full = True
            metrics.results_lost.inc()
            return
        self._rows.append(row)
        metrics.results_waiting.set(len(self._rows))
        self._arrived.set()
        self._drained.clear()
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())

    def can_exit_without_loss(self) -> bool:
        """Return whether no row would be lost if this process began to end now."""
        return not self._rows or time.monotonic() - self._stored < RECENTLY_STORED_SECONDS

    async def condition(self) -> Condition:
        return await self._health.condition()

    async def close(self) -> None:
        """Store what still waits, for at most `FLUSH_SECONDS`; what is left then is lost, and logged as lost."""
        if self._rows:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._drained.wait(), FLUSH_SECONDS)
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.wait((self._writer,))
        if self._rows:
            metrics.results_lost.inc(len(self._rows))
            log.error("%d results are lost: this process ends, and they could not be stored", len(self._rows))
        self._rows.clear()
        metrics.results_waiting.set(0)
        await self._result_writer.close()

    async def _write(self) -> None:
        while True:
            await self._arrived.wait()
            # A transaction costs as much as thirty rows, and workers that share a file take turns.
            if len(self._rows) < AT_ONCE:
                await asyncio.sleep(GATHER_SECONDS)
            await asyncio.sleep(self._breaker.try_acquire())
            try:
                await self._store(list(islice(self._rows, AT_ONCE)))
            except Exception as error:
                self._failed(error)
            else:
                self._succeeded()

    async def _store(self, batch: Sequence[Row]) -> None:
        try:
            await self._result_writer.store(batch)
        except Exception as error:
            if not refused(error):
                raise
            if len(batch) > 1:  # the one that can't be taken must not hold up all the others
                for row in batch:
                    await self._store([row])
                return
            metrics.results_lost.inc()
            log.error("a result is lost, for the database refuses it: %s", reason(error))
        for _ in batch:
            self._rows.popleft()
        metrics.results_waiting.set(len(self._rows))
        if not self._rows:
            self._arrived.clear()
            self._drained.set()

    def _failed(self, error: Exception) -> None:
        self._breaker.failed()
        if self._breaker.state is State.CLOSED and not isinstance(error, TimeoutError):
            return
        condition = self._result_writer.failing(error)
        self._health.update(condition)
        if not self._down:
            log.error("%s; results wait until it is over", condition.detail)
        self._down = True

    def _succeeded(self) -> None:
        self._breaker.succeeded()
        self._stored = time.monotonic()
        self._full = False
        if self._down:
            self._health.update(self._result_writer.working())
            log.info("the database can be written again; %d results still wait", len(self._rows))
        self._down = False
