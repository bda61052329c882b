"""Queue work that takes seconds in order of arrival, and refuse at once what can't be finished in time."""

import asyncio
import random
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from decodeat.cores import Cores
from decodeat.deadline import Deadline
from decodeat.failure import Failure

RECENT = 16  # pieces of work from which the time of the next ones is estimated
FRESH_SECONDS = 120.0  # for which a measurement counts; the machine's load may have changed since
LOOK_SECONDS = 0.04  # between two looks at whether another worker has given up a processor
LEAST = 0.5  # seconds; with less left no work is begun, and there is time to answer why
FEW = 3  # fewest measurements for an estimate: the first piece of work may be the slowest of all


class Overloaded(Failure):
    """Report that work can't be done in time because too much other work is queued before it."""

    def __init__(self) -> None:
        super().__init__("overload", "The service is busy at the moment. Please try again later.", transient=True)


@dataclass(eq=False)
class _Place:
    """Hold one request's place in the queue; `moved` is set when the queue gets shorter, or a request in it begins."""

    deadline: Deadline
    begun: bool = False
    moved: asyncio.Event = field(default_factory=asyncio.Event)


class WorkQueue:
    """Serve requests in order, as many at once as there are free processors; one queue per worker process.

    A waiting request is refused when, even at the speed of the quickest recent work, the requests before it would take
    too long. The next request is refused when others wait behind it and a quarter of the recent work took at least as
    long as it has left: begun but not finished in time, it would cost the others' time too.
    """

    def __init__(self, cores: Cores) -> None:
        self._cores = cores
        self._line: list[_Place] = []
        self._measured: deque[tuple[float, float]] = deque(maxlen=RECENT)  # when it ended, and the seconds it took

    @asynccontextmanager
    async def turn(self, deadline: Deadline) -> AsyncIterator[None]:
        """Wait for a turn, then run the block; a block that raises is not measured. Raises `Overloaded`."""
        place = _Place(deadline)
        self._line.append(place)
        try:
            core = await self._wait_for_core(place)
            place.begun = True
            self._notify()
            try:
                began = time.monotonic()
                yield
                ended = time.monotonic()
                self._measured.append((ended, ended - began))
            finally:
                self._cores.give(core)
        finally:
            self._line.remove(place)
            self._notify()

    def _notify(self) -> None:
        for place in self._line:
            place.moved.set()

    async def _wait_for_core(self, place: _Place) -> int:
        """Wait for a processor and return its number. Raises `Overloaded`."""
        while True:
            ahead = self._line.index(place)
            is_next = all(one.begun for one in self._line[:ahead])
            others_wait = ahead < len(self._line) - 1
            wanted = (
                max(LEAST, self._usual_seconds() if others_wait else 0.0) if is_next else self._shortest_wait(ahead)
            )
            spare = place.deadline.left - wanted
            if spare <= 0:
                raise Overloaded
            core = self._cores.take() if is_next else None
            if core is not None:
                return core
            place.moved.clear()
            # Workers look at random moments, so that none is always the first to see a free processor.
            looks = LOOK_SECONDS * random.uniform(0.5, 1.5) if is_next else spare  # noqa: S311
            with suppress(TimeoutError):
                async with asyncio.timeout(min(spare, looks)):
                    await place.moved.wait()

    def _shortest_wait(self, ahead: int) -> float:
        """Return the seconds until a request with `ahead` others before it is done, at the quickest recent speed."""
        rounds = max(1, ahead // self._cores.count)  # requests being worked on may end at any moment
        return max(LEAST, rounds * min(self._recent(), default=0.0))

    def _usual_seconds(self) -> float:
        """Return the seconds within which three of four recent pieces of work ended; 0 without enough measurements."""
        seconds = sorted(self._recent())
        return seconds[len(seconds) * 3 // 4] if seconds else 0.0

    def _recent(self) -> list[float]:
        """Return recent durations in seconds; none while there are fewer than `FEW`."""
        since = time.monotonic() - FRESH_SECONDS
        seconds = [took for ended, took in self._measured if ended >= since]
        return seconds if len(seconds) >= FEW else []
