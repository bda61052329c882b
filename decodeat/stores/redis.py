"""Cache values in Redis. While Redis is down everything takes longer, but nothing fails."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, LockError, RedisError, ResponseError

from decodeat import metrics
from decodeat.breaker import Breaker
from decodeat.condition import CachedHealthCheck, Condition
from decodeat.stores.cache import NO_CLAIM, Claim

log = logging.getLogger(__name__)

T = TypeVar("T")

ANSWER_SECONDS = 0.5  # in which Redis answers, or counts as down
CLAIM_SECONDS = 10.0  # after which the claim of a worker that died ends
HEALTH_CACHED_SECONDS = 5.0  # that a health check's result is cached
_PREFIX = "decodeat:"
_CONNECTIONS = 64  # per worker


class RedisCache:
    """Cache values in Redis; one per worker process, which connects when it is first used."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(
            url,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            max_connections=_CONNECTIONS,
            # Try once more at once: after a restart of the server every kept connection is dead.
            retry=Retry(NoBackoff(), 1),
        )
        self._breaker = Breaker(failures=1, seconds=0.5, longest=5.0)
        self._health = CachedHealthCheck(self._probe, HEALTH_CACHED_SECONDS)
        metrics.cache_errors.labels("redis")

    async def get(self, key: str) -> bytes | None:
        value = await self.ask(lambda: self._redis.get(_PREFIX + key), None)
        return value if isinstance(value, bytes) else None

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        await self.ask(lambda: self._redis.set(_PREFIX + key, value, px=max(1, round(seconds * 1000))), None)

    async def claim(self, key: str) -> Claim | None:
        # A claim cancelled between the server's yes and its arrival here is never renewed, and expires.
        lock = self._redis.lock(f"{_PREFIX}claim:{key}", timeout=CLAIM_SECONDS, thread_local=False)
        taken = await self.ask(lambda: lock.acquire(blocking=False), None)
        if taken is None:
            return NO_CLAIM
        return _RedisClaim(self, lock) if taken else None

    async def ask(self, call: Callable[[], Awaitable[T]], otherwise: T) -> T:
        """Return what Redis answers, or `otherwise` when it can't be asked."""
        if self._breaker.try_acquire() > 0:
            return otherwise
        told = False
        try:
            async with asyncio.timeout(2 * ANSWER_SECONDS):
                answer = await call()
            told = True
            self._breaker.succeeded()
            return answer
        except (RedisError, OSError, TimeoutError) as error:
            told = True
            self._breaker.failed()
            metrics.cache_errors.labels("redis").inc()
            log.warning("redis could not be asked: %s", _reason(error))
            return otherwise
        finally:
            if not told:
                self._breaker.release_trial()

    async def condition(self) -> Condition:
        return await self._health.condition()

    async def _probe(self) -> Condition:
        try:
            async with asyncio.timeout(2 * ANSWER_SECONDS):
                await self._redis.ping()
        except (RedisError, OSError, TimeoutError) as error:
            return Condition(False, f"redis {_reason(error)}; answers take longer", needed=False)
        return Condition(True, "redis", needed=False)

    async def close(self) -> None:
        with suppress(RedisError, OSError):
            await self._redis.aclose()


class _RedisClaim:
    """Hold a claim in Redis, and renew it as long as it is held."""

    def __init__(self, cache: RedisCache, lock: Lock) -> None:
        self._lock = lock
        self._cache = cache
        self._renewal = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(CLAIM_SECONDS / 3)
            with suppress(RedisError, OSError):  # Redis may come back; until then no other can take the claim either
                await self._lock.reacquire()

    async def release(self) -> None:
        self._renewal.cancel()
        await self._cache.ask(self._let_go, None)

    async def _let_go(self) -> None:
        with suppress(LockError):  # it had expired meanwhile, and may be another worker's
            await self._lock.release()


def _reason(error: Exception) -> str:
    """Return words for operators, without address or password."""
    if isinstance(error, AuthenticationError):
        return "refuses the password"
    if isinstance(error, ResponseError):
        return f"refuses ({str(error).split(' ', 1)[0]})"
    return "does not answer" if isinstance(error, TimeoutError) or "Timeout" in str(error) else "can't be reached"
