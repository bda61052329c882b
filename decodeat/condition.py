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


class CachedHealthCheck:
    """Cache the result of a health check for `seconds`, so that frequent questions cost nothing.

    One check runs at a time. A bad result is checked again after `RECOVERED` seconds at the latest.
    """

    def __init__(self, probe: Callable[[], Awaitable[Condition]], seconds: float) -> None:
        self._probe = probe
        self._seconds = seconds
        self._lock = asyncio.Lock()
        self._cached: Condition | None = None
        self._cached_at = 0.0

    async def condition(self) -> Condition:
        async with self._lock:
            cached = self._cached
            if cached is not None:
                seconds = self._seconds if cached.ok else min(self._seconds, RECOVERED)
                if time.monotonic() - self._cached_at <= seconds:
                    return cached
            before = self._cached_at
            found = await self._probe()
            if self._cached is not None and self._cached_at != before:
                return self._cached  # ordinary work has shown something newer meanwhile
            self.update(found)
            return found

    def update(self, condition: Condition) -> None:
        """Store a condition that ordinary work has shown; it counts like the result of a check."""
        self._cached, self._cached_at = condition, time.monotonic()
