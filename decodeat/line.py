"""A queue in front of work that takes seconds: first come, first served, and nobody waits for what can't be in time."""

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

RECENT = 16  # pieces of work by which the next ones are judged
FRESH_SECONDS = 120.0  # that a measurement says something; the machine may have been busier before
LOOK_SECONDS = 0.04  # between two looks at whether another worker has given up a processor
LEAST = 0.5  # seconds; with less left nothing is begun, and there is time to say why
FEW = 3  # measurements that say nothing yet: the first piece of work may be the slowest of all


class Overloaded(Failure):
    """It could not be done in time: too many came before."""

    def __init__(self) -> None:
        super().__init__("overload", "The service is busy at the moment. Please try again later.", transient=True)


@dataclass(eq=False)
class _Place:
    """Where somebody stands; `moved` is set whenever the line got shorter, or somebody in it began."""

    deadline: Deadline
    begun: bool = False
    moved: asyncio.Event = field(default_factory=asyncio.Event)


class Line:
    """The first in the line are served, as many as there are processors free; one line per worker process.

    Who waits is turned away when even the quickest work of late, done for all who come before, would take too long. Who
    is next is passed over when most work of late took longer than it has left and others wait behind: begun and not
    finished, it would take their time too.
    """

    def __init__(self, cores: Cores) -> None:
        self._cores = cores
        self._line: list[_Place] = []
        self._measured: deque[tuple[float, float]] = deque(maxlen=RECENT)  # when it ended, and the seconds it took

    @asynccontextmanager
    async def turn(self, deadline: Deadline) -> AsyncIterator[None]:
        """Wait, then work in the block; work that raises is not measured. Raises `Overloaded`."""
        place = _Place(deadline)
        self._line.append(place)
        try:
            core = await self._served(place)
            place.begun = True
            self._tell()
            try:
                began = time.monotonic()
                yield
                ended = time.monotonic()
                self._measured.append((ended, ended - began))
            finally:
                self._cores.give(core)
        finally:
            self._line.remove(place)
            self._tell()

    def _tell(self) -> None:
        for place in self._line:
            place.moved.set()

    async def _served(self, place: _Place) -> int:
        """The processor to work on."""
        while True:
            ahead = self._line.index(place)
            is_next = all(one.begun for one in self._line[:ahead])
            others_wait = ahead < len(self._line) - 1
            wanted = max(LEAST, self._mostly() if others_wait else 0.0) if is_next else self._at_least(ahead)
            spare = place.deadline.left - wanted
            if spare <= 0:
                raise Overloaded
            core = self._cores.take() if is_next else None
            if core is not None:
                return core
            place.moved.clear()
            # All workers look at different moments, so that none of them is always the first to see what is free.
            looks = LOOK_SECONDS * random.uniform(0.5, 1.5) if is_next else spare  # noqa: S311
            with suppress(TimeoutError):
                async with asyncio.timeout(min(spare, looks)):
                    await place.moved.wait()

    def _at_least(self, ahead: int) -> float:
        """Seconds until the end of the work of whoever has so many before them, if all are as quick as any of late."""
        rounds = max(
            1, ahead // self._cores.count
        )  # of those that are worked on nothing is known: they may end at once
        return max(LEAST, rounds * min(self._recent(), default=0.0))

    def _mostly(self) -> float:
        """Seconds that three of four pieces of work took at most."""
        seconds = sorted(self._recent())
        return seconds[len(seconds) * 3 // 4] if seconds else 0.0

    def _recent(self) -> list[float]:
        """Nothing while there is too little to judge by."""
        since = time.monotonic() - FRESH_SECONDS
        seconds = [took for ended, took in self._measured if ended >= since]
        return seconds if len(seconds) >= FEW else []
