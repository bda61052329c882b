"""What storing a result costs under load, against a transaction of its own for each: a ratio of the same run."""

import asyncio
import resource
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from decodeat.stores import queue
from decodeat.stores.ledger import Ledger
from decodeat.stores.queue import Queue
from decodeat.stores.results import row_of
from tests.unit.decodeat.stored import RESULT, WAITING, counted

ROWS, AT_ONCE = 1600, 80


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def measured(work: Awaitable[None]) -> tuple[float, float]:
    """Rows a second, and microseconds of CPU a row."""
    began, used = time.perf_counter(), cpu()
    await work
    return ROWS / (time.perf_counter() - began), (cpu() - used) / ROWS * 1e6


def test_rows_that_travel_together_cost_a_fraction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    monkeypatch.setattr(queue, "GATHER_SECONDS", 0.0)  # here they come together all the same

    async def story() -> tuple[tuple[float, float], tuple[float, float]]:
        ledger = Ledger(f"sqlite:///{tmp_path}/results.sqlite3")
        waiting = Queue(ledger)

        async def alone() -> None:
            for _ in range(ROWS):
                await ledger.store([row_of(RESULT)])

        async def together() -> None:
            """As many at once as come in a tenth of a second when the service has much to do."""
            for _ in range(ROWS // AT_ONCE):
                for _ in range(AT_ONCE):
                    waiting.put(row_of(RESULT))
                while counted(WAITING):
                    await asyncio.sleep(0.001)

        await ledger.store([row_of(RESULT)])
        first = await measured(alone())
        second = await measured(together())
        await waiting.close()
        return first, second

    alone, together = uvloop.run(story())
    told = f"{AT_ONCE} at once: {together[1]:.0f} us CPU a row, one transaction each: {alone[1]:.0f} us"
    record_property("measured", f"results, {told}; ratio of CPU {together[1] / alone[1]:.2f}")
    assert together[1] < 0.5 * alone[1]
