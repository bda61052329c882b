"""Run an event loop whose clock jumps to the next event: hours pass at once, in a reproducible order."""

import asyncio
import selectors
import time
from collections.abc import Coroutine
from typing import Any, TypeVar
from unittest.mock import patch

T = TypeVar("T")


class _Clock(selectors.SelectSelector):
    """Advance the clock by the requested time at once, without waiting for anything outside."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "everybody waits, and nothing will ever happen"
            self.now += timeout
        return ready


def run(story: Coroutine[Any, Any, T]) -> T:
    """Run like `asyncio.run`, with `time.monotonic` on the same clock. For code that starts no thread or process."""
    clock = _Clock()
    runner = asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(clock))
    with patch.object(time, "monotonic", lambda: clock.now), runner:
        return runner.run(story)
