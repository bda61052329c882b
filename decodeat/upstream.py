"""Call something outside: try again while there is time, but don't call while it is known to be down."""

import asyncio
import itertools
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from decodeat import metrics
from decodeat.breaker import Breaker
from decodeat.deadline import Deadline
from decodeat.failure import Failure

log = logging.getLogger(__name__)

T = TypeVar("T")

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0  # seconds between tries: doubled each time, up to a half taken off at random
LEAST = 0.05  # seconds; with less left a call can't be answered any more
GARBLED = "malformed"  # the reason of a failure whose upstream is up: one more try may help, endless tries won't


@dataclass(frozen=True)
class RetryPolicy:
    """Describe how long one try may take, how many there are at most, and whether to wait for an open breaker.

    A try never gets more than `share` of the time left, so that one that hangs leaves time for another.
    """

    seconds: float
    tries: int = 100
    share: float = 0.6
    wait_for_breaker: bool = True


class Upstream:
    """Call one service that requests depend on; one per worker process."""

    def __init__(
        self, name: str, title: str, failure: type[Failure], retry_policy: RetryPolicy, breaker: Breaker
    ) -> None:
        """Take a `name` for counters, and a `title` that begins a sentence for users.

        `failure` is the class raised for what is found out here: the reasons `timeout` and `down`.
        """
        self._name = name
        self._title = title
        self._failure = failure
        self._retry_policy = retry_policy
        self._breaker = breaker
        for outcome in ("ok", "abandoned", "down", "timeout"):
            metrics.upstream_calls.labels(name, outcome)
        metrics.breaker.labels(name).set(breaker.state.value)

    async def call(self, attempt: Callable[[float], Awaitable[T]], deadline: Deadline) -> T:
        """Return what `attempt` returns; it gets the seconds it may take, and raises a `Failure` or what is a bug.

        Raises the last failure when it isn't transient, or when no try or no time is left for another.
        """
        for number in itertools.count(1):
            await self._wait_for_breaker(deadline)
            try:
                return await self._once(attempt, deadline)
            except Failure as error:
                pause = self._pause(number, error)
                tries = min(2, self._retry_policy.tries) if error.reason == GARBLED else self._retry_policy.tries
                again = error.transient and number < tries and pause + LEAST < deadline.left
                fields = {"upstream": self._name, "reason": error.reason, "try": number}
                log.warning("an upstream call failed", extra=fields | ({"again_in": round(pause, 2)} if again else {}))
                if not again:
                    raise
            await asyncio.sleep(pause)
        raise AssertionError("counting never ends")

    async def _wait_for_breaker(self, deadline: Deadline) -> None:
        """Wait until the breaker allows a call. Raises the failure `down` when that is too late, or waiting is off."""
        while (wait := self._breaker.try_acquire()) > 0:
            if not self._retry_policy.wait_for_breaker or wait + LEAST >= deadline.left:
                self._count("down")
                raise self._failure("down", f"{self._title} is not available at the moment. Please try again later.")
            await asyncio.sleep(wait + random.uniform(0, LEAST))  # noqa: S311 spreads calls, hides nothing

    async def _once(self, attempt: Callable[[float], Awaitable[T]], deadline: Deadline) -> T:
        seconds = min(self._retry_policy.seconds, max(LEAST, deadline.left * self._retry_policy.share))
        with self._measured():
            try:
                async with asyncio.timeout(seconds):
                    return await attempt(seconds)
            except TimeoutError as error:
                text = f"{self._title} did not answer in time. Please try again later."
                raise self._failure("timeout", text, transient=True) from error

    @contextmanager
    def _measured(self) -> Iterator[None]:
        """Count and time the call, and report to the breaker, however the call ends."""
        began = time.monotonic()
        outcome, tell = "abandoned", self._breaker.release_trial
        try:
            yield
            outcome, tell = "ok", self._breaker.succeeded
        except Failure as error:
            outcome = error.reason
            down = error.transient and error.reason != GARBLED
            tell = partial(self._breaker.failed, error.retry_after or 0.0) if down else self._breaker.succeeded
            raise
        finally:
            tell()
            self._count(outcome)
            metrics.upstream_seconds.labels(self._name).observe(time.monotonic() - began)
            metrics.breaker.labels(self._name).set(self._breaker.state.value)

    def _pause(self, number: int, error: Failure) -> float:
        if error.retry_after is not None:
            return error.retry_after + random.uniform(0, FIRST_PAUSE)  # noqa: S311
        return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (number - 1)) * random.uniform(0.5, 1.0)  # noqa: S311

    def _count(self, outcome: str) -> None:
        metrics.upstream_calls.labels(self._name, outcome).inc()
