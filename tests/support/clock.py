"""Replace the clock in tests about time: it advances when a test says so, or when an event loop would only wait."""

import asyncio
import selectors
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

T = TypeVar("T")


class Clock:
    """Replace `time.monotonic` and `time.time`."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0  # small, so that a sum of seconds is exact enough for an event loop
        began = int(time.time()) - self.now
        patch.setattr("time.monotonic", lambda: self.now)
        patch.setattr("time.time", lambda: began + self.now)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine that waits for time alone. Each wait ends at once, with the clock advanced by its length."""
        with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(_Leaping(self))) as runner:
            return runner.run(work)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run like `asyncio.run`, by a clock of its own: hours pass at once, in a reproducible order."""
    with pytest.MonkeyPatch.context() as patch:
        return Clock(patch).run(work)


class Standing:
    """Take the place of the module `time` in one module of ours, while event loops and servers go on.

    `monkeypatch.setattr("decodeat.breaker.time", Standing())`
    """

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class _Leaping(selectors.DefaultSelector):
    """Advance the clock instead of waiting; nothing outside the process can end a wait."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "everybody waits, and nothing will ever happen"
            self._clock.now += max(0.0, timeout)
        return ready
