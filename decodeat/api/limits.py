"""Limit how often each client may ask: count in Redis for all workers and machines, in this worker without Redis."""

import asyncio
import hashlib
import hmac
import logging
import math
import time

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from decodeat import metrics
from decodeat.breaker import Breaker, State

log = logging.getLogger(__name__)

PATIENCE = 0.25  # seconds that a request waits for Redis
_CONNECTIONS = 8  # at once, per worker; a count takes a fraction of a millisecond
_PREFIX = "decodeat:limit"


class Limiter:
    """Count what clients ask for; one per worker process.

    The window moves: at most `per_minute` in any 60 seconds, where fixed minutes would let twice as many through at
    their border. It keeps the moments of the requests that passed, so that it knows exactly when the next one may, for
    one call to Redis per request that passes and two per refused one. A refused request does not count: a client that
    keeps trying is not refused for longer.

    Without Redis each worker counts by itself, so that a client gets the limit once from each of them.
    """

    def __init__(self, per_minute: int, redis_url: str = "", secret: bytes = b"") -> None:
        """Take the limit. Without a `secret`, clients' addresses in Redis can be found by trying all."""
        self.per_minute = per_minute
        self._item = RateLimitItemPerMinute(per_minute, namespace="analyze")
        self._secret = secret
        self._memory = MovingWindowRateLimiter(MemoryStorage())
        self._pool = None
        if redis_url:
            self._pool = BlockingConnectionPool.from_url(
                redis_url,
                max_connections=_CONNECTIONS,
                timeout=PATIENCE,
                socket_connect_timeout=PATIENCE,
                retry=Retry(NoBackoff(), 1),  # an idle connection may have died with an earlier Redis
            )
            storage = RedisStorage(
                "async+redis://",  # the pool says where; `limits` reads rediss:// and unix:// differently
                implementation="redispy",
                key_prefix=_PREFIX,
                connection_pool=self._pool,  # type: ignore[arg-type]  # documented, and missing from its annotation
            )
            self._shared = MovingWindowRateLimiter(storage)
        self._breaker = Breaker(failures=1, seconds=0.5, longest=5.0)

    async def hit(self, identity: str) -> int:
        """Count one request. Return 0 when it may pass, else the whole seconds until the next one may. Never raises."""
        name = hmac.new(self._secret, identity.encode(), hashlib.sha256).hexdigest()[:32]
        seconds = await self._ask(name) if self._pool is not None and not self._breaker.try_acquire() else None
        return await self._count(self._memory, name) if seconds is None else seconds

    async def _ask(self, name: str) -> int | None:
        """Count one request in Redis and return what `hit` does, None when Redis can't be asked."""
        try:
            async with asyncio.timeout(PATIENCE):
                seconds = await self._count(self._shared, name)
        except (RedisError, OSError, TimeoutError) as error:
            if self._breaker.state is not State.OPEN:  # else another request met the same failure a moment ago
                self._breaker.failed()
                metrics.limits_alone.inc()
                log.warning("redis can't count requests, each worker counts alone: %s", type(error).__name__)
            return None
        except BaseException:
            self._breaker.release_trial()
            raise
        self._breaker.succeeded()
        return seconds

    async def _count(self, window: MovingWindowRateLimiter, name: str) -> int:
        if await window.hit(self._item, name):
            return 0
        free_at, _ = await window.get_window_stats(self._item, name)
        return max(1, math.ceil(free_at - time.time()))

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.aclose()
