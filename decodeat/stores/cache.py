"""Cache values for a while: in this worker's memory, or in Redis for all workers and machines."""

from typing import Protocol

from cachetools import TLRUCache

from decodeat.condition import Condition

MOST_BYTES = 32 * 1024 * 1024  # in one worker's memory; some eight thousand labels
_OVERHEAD = 200  # bytes that Python needs for an entry beside its value


class Claim(Protocol):
    """Hold one worker's claim to compute a value that is not cached yet; it expires if the worker dies."""

    async def release(self) -> None:
        """Release the claim, in two seconds at most. If this is cancelled, the claim is not renewed and expires."""


class Cache(Protocol):
    """Keep values by key, each for a number of seconds. No method raises: a cache that can't be asked acts as empty."""

    async def get(self, key: str) -> bytes | None: ...

    async def put(self, key: str, value: bytes, seconds: float) -> None: ...

    async def claim(self, key: str) -> Claim | None:
        """Return a claim on the key, None when another worker has it."""

    async def condition(self) -> Condition: ...

    async def close(self) -> None: ...


class _NoClaim:
    """Stand in for a claim where no other worker can be asked, or where there is none."""

    async def release(self) -> None:
        """Do nothing."""


NO_CLAIM = _NoClaim()


class MemoryCache:
    """Cache in this worker's memory, at most `most` bytes; the least recently used value goes first."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._entries: TLRUCache[str, tuple[bytes, float]] = TLRUCache(
            most,
            ttu=lambda _, entry, now: now + entry[1],
            getsizeof=lambda entry: len(entry[0]) + _OVERHEAD,
        )

    async def get(self, key: str) -> bytes | None:
        entry = self._entries.get(key)
        return None if entry is None else entry[0]

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        if len(value) + _OVERHEAD <= self._entries.maxsize:
            self._entries[key] = (value, seconds)

    async def claim(self, key: str) -> Claim | None:
        return NO_CLAIM

    async def condition(self) -> Condition:
        return Condition(True, "in each worker's memory")

    async def close(self) -> None:
        self._entries.clear()
