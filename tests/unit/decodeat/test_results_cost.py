"""What storing a result costs under load, against a transaction of its own for each: a ratio of the same run."""

import asyncio
import resource
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop

from decodeat.stores.ledger import Ledger
from decodeat.stores.queue import Queue
from decodeat.stores.results import row_of
from tests.unit.decodeat.stored import RESULT

ROWS, AT_ONCE = 3000, 32


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def measured(keep: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    """Rows a second, and microseconds of CPU a row, with so many requests under way."""

    async def requests() -> None:
        for _ in range(ROWS // AT_ONCE):
            await keep()

    began, used = time.perf_counter(), cpu()
    await asyncio.gather(*(requests() for _ in range(AT_ONCE)))
    count = ROWS // AT_ONCE * AT_ONCE
    return count / (time.perf_counter() - began), (cpu() - used) / count * 1e6


def test_rows_that_travel_together_cost_a_fraction(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    async def story() -> tuple[tuple[float, float], tuple[float, float]]:
        ledger = Ledger(f"sqlite:///{tmp_path}/results.sqlite3")
        queue = Queue(ledger)
        one = asyncio.Lock()

        async def alone() -> None:
            async with one:
                await ledger.store([row_of(RESULT)])

        async def together() -> None:
            await queue.put(row_of(RESULT))

        await together()
        first = await measured(alone)
        second = await measured(together)
        await queue.close()
        return first, second

    alone, together = uvloop.run(story())
    told = f"{AT_ONCE} at once: {together[0]:.0f} rows/s and {together[1]:.0f} us CPU a row"
    told += f", one transaction each: {alone[0]:.0f} rows/s and {alone[1]:.0f} us"
    record_property("measured", f"results, {told}; ratio of CPU {together[1] / alone[1]:.2f}")
    assert together[1] < 0.5 * alone[1]
    assert together[0] > 2 * alone[0]
