"""Describe whether a part of the service can work, and cache the result of its health check."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

RECOVERED = 5.0


@dataclass(frozen=True)
class Condition:
    """Describe whether a part can work. `detail` is for operators; it holds no path, address or secret.

    `needed` parts are this instance's own: without one it can't answer, but another instance may. A failure of what all
    instances share (a cache, a database server, Google) takes none of them out of traffic: that would stop the whole
    service.
    """

    ok: bool
    detail: str
    needed: bool = True


class Known:
    """Cache the result of a health check for `seconds`, so that frequent questions cost nothing.

    One check runs at a time. A bad result is checked again after `RECOVERED` seconds at the latest.
    """

    def __init__(self, probe: Callable[[], Awaitable[Condition]], seconds: float) -> None:
        self._probe = probe
        self._seconds = seconds
        self._turn = asyncio.Lock()
        self._found: Condition | None = None
        self._at = 0.0

    async def condition(self) -> Condition:
        async with self._turn:
            seconds = self._seconds if self._found is not None and self._found.ok else min(self._seconds, RECOVERED)
            if self._found is None or time.monotonic() - self._at > seconds:
                before = self._at
                found = await self._probe()
                if self._at == before:  # else ordinary work has shown something newer meanwhile
                    self._found, self._at = found, time.monotonic()
            return self._found

    def learned(self, condition: Condition) -> None:
        """Store a condition that ordinary work has shown; it counts like the result of a check."""
        self._found, self._at = condition, time.monotonic()
