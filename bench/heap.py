"""Measure what stays in memory after fifty pictures with the service's malloc settings. Exit 1 when it is too much.

Run it as `python -m bench.heap` (part of `make bench`). What the kernel counts as resident depends on the machine's
memory and its load, which is why this is measured and not a test.
"""

import subprocess
import sys

from decodeat.heap import LARGE
from tests.unit.decodeat.web import ROOT

LIMIT = 4 * LARGE  # bytes

_PICTURES = """
import ctypes, os, sys
from decodeat import heap
from tests.unit.decodeat.processes import resident
if sys.argv[1] == "configured":
    assert heap.configure_malloc()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
libc.free(libc.malloc(20 * 2**20))
before = resident(os.getpid())
pictures, kept = [], []
for _ in range(50):
    pictures.append(libc.malloc(2**20))
    ctypes.memset(pictures[-1], 1, 2**20)
    kept.append(libc.malloc(1000))
for picture in pictures: libc.free(picture)
print(resident(os.getpid()) - before)
"""


def left(how: str) -> int:
    """Return the growth in bytes after all pictures are freed, but not the small objects between them."""
    argv = (sys.executable, "-c", _PICTURES, how)
    return int(subprocess.run(argv, capture_output=True, text=True, check=True, cwd=ROOT, timeout=60).stdout)


def main() -> int:
    configured, as_it_is = left("configured"), left("as it is")
    over = configured > LIMIT
    told = f"{configured / 2**20:.1f} MiB stay, {as_it_is / 2**20:.1f} with the heap as it is"
    print(f"fifty pictures of 1 MiB: {told}  (limit {LIMIT / 2**20:.1f} MiB)  {'over' if over else 'ok'}")
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
