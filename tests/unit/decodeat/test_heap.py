"""The heap of a process that was told to give back what is free, beside one that was not."""

import subprocess
import sys

import pytest

from tests.unit.decodeat.web import ROOT

_THREADS = """
import ctypes, sys, threading
from decodeat import heap
if sys.argv[1] == "configured":
    assert heap.configure_malloc()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
meeting = threading.Barrier(8)
def allocate():
    meeting.wait()
    for _ in range(100):
        assert libc.malloc(1000)
    meeting.wait()
threads = [threading.Thread(target=allocate) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc.malloc_stats()
"""


def run(program: str, how: str) -> subprocess.CompletedProcess[str]:
    argv = (sys.executable, "-c", program, how)
    return subprocess.run(argv, capture_output=True, text=True, check=True, cwd=ROOT, timeout=60)


@pytest.mark.parametrize(("how", "one"), [("configured", True), ("as it is", False)])
def test_all_threads_share_one_heap(how: str, one: bool) -> None:
    arenas = run(_THREADS, how).stderr.count("Arena ")
    assert (arenas == 1) is one
