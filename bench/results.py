"""Compare the CPU cost of storing results together and in a transaction each. Exit 1 over the limit.

Run it as `python -m bench.results` (part of `make bench`).
"""

import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable

import uvloop

from decodeat.stores import write_behind
from decodeat.stores.result_writer import ResultWriter
from decodeat.stores.results import row_of
from decodeat.stores.write_behind import WriteBehindBuffer
from tests.unit.decodeat.stored import RESULT, WAITING, counted

ROWS, AT_ONCE = 1600, 80
LIMIT = 0.5  # of the CPU that a transaction for each row takes


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def measured(work: Awaitable[None]) -> tuple[float, float]:
    """Return rows a second, and microseconds of CPU a row."""
    began, used = time.perf_counter(), cpu()
    await work
    return ROWS / (time.perf_counter() - began), (cpu() - used) / ROWS * 1e6


async def both(directory: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """Measure rows stored one by one, then as many together as arrive in a tenth of a second under load."""
    result_writer = ResultWriter(f"sqlite:///{directory}/results.sqlite3")
    buffer = WriteBehindBuffer(result_writer)

    async def alone() -> None:
        for _ in range(ROWS):
            await result_writer.store([row_of(RESULT)])

    async def together() -> None:
        for _ in range(ROWS // AT_ONCE):
            for _ in range(AT_ONCE):
                buffer.put(row_of(RESULT))
            while counted(WAITING):
                await asyncio.sleep(0.001)

    await result_writer.store([row_of(RESULT)])
    found = await measured(alone()), await measured(together())
    await buffer.close()
    return found


def main() -> int:
    write_behind.GATHER_SECONDS = 0.0  # here they come together all the same
    with tempfile.TemporaryDirectory() as scratch:
        alone, together = uvloop.run(both(scratch))
    ratio = together[1] / alone[1]
    told = f"{together[1]:.0f} us CPU a row, {alone[1]:.0f} with a transaction for each: {ratio:.2f}x"
    print(f"{AT_ONCE} results at once: {told}  (limit {LIMIT:g}x)  {'over' if ratio > LIMIT else 'ok'}")
    return int(ratio > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
