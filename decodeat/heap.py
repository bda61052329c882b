"""Make the C library return freed memory, so that a worker occupies what it uses, not what it once used."""

import ctypes

# From glibc's malloc.h
_MMAP_THRESHOLD, _ARENA_MAX = -3, -8

LARGE = 128 * 1024  # bytes; glibc begins here too, but raises it, up to 32 MiB, with every larger block that is freed


def configure_malloc() -> bool:
    """Use one heap for all threads, and map blocks of `LARGE` bytes or more alone: freed, they return to the system.

    Otherwise each thread that allocates may open a heap of its own, and blocks of a picture's size lie among small
    ones that keep them from being returned. Returns False where the C library has no such settings (musl).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_ARENA_MAX, 1)) and bool(mallopt(_MMAP_THRESHOLD, LARGE))
