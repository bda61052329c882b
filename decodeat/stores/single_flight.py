"""Compute each value once: cache it for a while, and share one computation among all calls that wait for it."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Generic, TypeVar

from decodeat import metrics
from decodeat.deadline import Deadline
from decodeat.failure import Failure
from decodeat.stores.cache import Cache

log = logging.getLogger(__name__)

T = TypeVar("T")

POLL_SECONDS = 0.05  # between two looks for a value that another worker is computing

Make = Callable[[Sequence[str]], Awaitable[Sequence[T | Failure]]]


class SingleFlightCache(Generic[T]):
    """Cache one kind of value by key. Failures go to all calls that wait for the value, and are never cached."""

    def __init__(
        self, name: str, cache: Cache, seconds: float, *, encode: Callable[[T], bytes], decode: Callable[[bytes], T]
    ) -> None:
        """Cache each value for `seconds`, 0 for not at all. `decode` raises ValueError for bytes that are no value."""
        self._name = name
        self._cache = cache
        self._seconds = seconds
        self._encode = encode
        self._decode = decode
        self._counted = {result: metrics.lookups.labels(name, result) for result in ("hit", "miss", "joined")}
        self._flights: dict[str, asyncio.Future[T | Failure]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def get(self, key: str) -> T | None:
        """Return the cached value, None when there is none."""
        thing = await self._remembered(key)
        if self._seconds:
            self._count("miss" if thing is None else "hit")
        return thing

    async def _remembered(self, key: str) -> T | None:
        value = await self._cache.get(key) if self._seconds else None
        if value is None:
            return None
        try:
            return self._decode(value)
        except ValueError:
            log.warning("something unreadable was remembered and is made anew", extra={"cache": self._name})
            return None

    async def put(self, key: str, thing: T) -> None:
        if self._seconds:
            await self._cache.put(key, self._encode(thing), self._seconds)

    async def fetch(self, keys: Sequence[str], make: Make[T], deadline: Deadline) -> list[T | Failure]:
        """Return cached values; compute the missing keys once, together where possible, sharing calls in flight.

        `make` gets keys and returns as many values or failures, or raises one failure for all.
        """
        found: dict[str, T | Failure] = {}
        for key in dict.fromkeys(keys):
            thing = await self.get(key)
            if thing is not None:
                found[key] = thing
        leading: set[str] = set()
        while missing := [key for key in dict.fromkeys(keys) if key not in found]:
            flights = self._join(missing, leading, make, deadline)
            for key, flight in flights.items():
                outcome = await asyncio.shield(flight)
                # The call that started this may have had less time left than this one: then this one tries itself.
                if not (isinstance(outcome, Failure) and outcome.transient and key not in leading and deadline.left):
                    found[key] = outcome
        return [found[key] for key in keys]

    def _join(
        self, missing: Sequence[str], leading: set[str], make: Make[T], deadline: Deadline
    ) -> dict[str, asyncio.Future[T | Failure]]:
        """Return the flight of each key; start those that are not under way, and add their keys to `leading`."""
        mine = [key for key in missing if key not in self._flights]
        if mine:
            loop = asyncio.get_running_loop()
            started: dict[str, asyncio.Future[T | Failure]] = {key: loop.create_future() for key in mine}
            self._flights |= started
            task = asyncio.create_task(self._run(mine, make, deadline))
            self._tasks.add(task)
            task.add_done_callback(lambda task: self._ended(task, started))
            leading.update(mine)
        self._count("joined", len(missing) - len(mine))
        return {key: self._flights[key] for key in missing}

    def _ended(self, task: asyncio.Task[None], started: dict[str, asyncio.Future[T | Failure]]) -> None:
        """Wake the waiters of a task that is over: one that is cancelled before its first step sets no result."""
        self._tasks.discard(task)
        for key, flight in started.items():
            if not flight.done():
                self._flights.pop(key, None)
                flight.cancel()

    async def _run(self, keys: Sequence[str], make: Make[T], deadline: Deadline) -> None:
        """Compute values in a task of its own: a waiting call may be cancelled, and the others still get theirs."""
        try:
            async with asyncio.timeout(deadline.left):
                await self._compute(list(keys), make)
        except TimeoutError:
            failure = Failure("timeout", "The analysis took too long. Please try again later.", transient=True)
            self._resolve({key: failure for key in keys if key in self._flights})
        except Failure as failure:
            self._resolve({key: failure for key in keys if key in self._flights})
        except BaseException as error:
            for key in keys:
                if (flight := self._flights.pop(key, None)) is not None:
                    flight.set_exception(error if isinstance(error, Exception) else asyncio.CancelledError())
            if not isinstance(error, Exception):
                raise

    async def _compute(self, keys: list[str], make: Make[T]) -> None:
        """Compute the keys that this worker gets the claim for; wait for those that other workers compute."""
        while keys:
            # Each claim is in the stack as soon as it is ours: however this ends, during the next `await` too, all are
            # released, and a failure to release one doesn't keep the others.
            async with AsyncExitStack() as held:
                claimed = [key for key in keys if await self._claimed(key, held)]
                if claimed:
                    things = await make(claimed)
                    made = dict(zip(claimed, things, strict=True))
                    for key, thing in made.items():
                        if not isinstance(thing, Failure):
                            await self.put(key, thing)
                    self._resolve(made)
            keys = [key for key in keys if key in self._flights]
            if keys and not claimed:
                await asyncio.sleep(POLL_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311 spreads looks
            for key in keys:
                remembered = await self._remembered(key)
                if remembered is not None:
                    self._resolve({key: remembered})
            keys = [key for key in keys if key in self._flights]

    async def _claimed(self, key: str, held: AsyncExitStack) -> bool:
        """Return whether we must compute the value: then `held` has the claim, and no value is stored yet."""
        if not self._seconds:
            return True
        claim = await self._cache.claim(key)
        if claim is None:
            return False
        held.push_async_callback(claim.release)
        thing = await self._remembered(key)  # another worker may have finished between our read and our claim
        if thing is not None:
            self._resolve({key: thing})
        return thing is None

    def _resolve(self, things: dict[str, T | Failure]) -> None:
        for key, thing in things.items():
            flight = self._flights.pop(key)
            if not flight.done():
                flight.set_result(thing)

    def _count(self, result: str, times: int = 1) -> None:
        if times:
            self._counted[result].inc(times)

    async def close(self) -> None:
        """Cancel what is still being computed."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
