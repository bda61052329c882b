"""The C library's heap, told to give back what is free: a worker takes what it uses, not what it once used."""

import ctypes

# From glibc's malloc.h
_MMAP_THRESHOLD, _ARENA_MAX = -3, -8

LARGE = 128 * 1024  # bytes; where glibc begins too, but it goes up to 32 MiB with every larger block that is freed


def settle() -> bool:
    """One heap for all threads, and blocks from `LARGE` on mapped alone, so that they go back to the system when freed.

    Without it each thread that allocates may open a heap of its own, and blocks of a picture's size end up among small
    ones that keep them from being given back. False where the C library has no such choice (musl).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_ARENA_MAX, 1)) and bool(mallopt(_MMAP_THRESHOLD, LARGE))
