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


class _Leaping(selectors.DefaultSelector):
    """Advance the clock instead of waiting; nothing outside the process can end a wait."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0 if timeout is not None else None)
        if timeout is not None and timeout > 0 and not ready:
            self._clock.now += timeout
        return ready
