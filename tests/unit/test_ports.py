"""Ports of test servers: what one process has chosen, no other one chooses, though nothing listens there yet."""

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support.ports import EACH, free_port

MANY = 150
CHOOSE = f"""\
from tests.support.ports import free_port
print(*(free_port() for _ in range({MANY})), flush=True)
input()
"""


@contextlib.contextmanager
def others(count: int) -> Iterator[list[int]]:
    """Let other processes choose, and live on until the block ends."""
    root, pipe = Path(__file__).resolve().parents[2], subprocess.PIPE
    with contextlib.ExitStack() as running:
        started = [
            running.enter_context(
                subprocess.Popen((sys.executable, "-c", CHOOSE), cwd=root, stdin=pipe, stdout=pipe, text=True)
            )
            for _ in range(count)
        ]
        lines = [one.stdout.readline() for one in started if one.stdout]
        yield [int(word) for line in lines for word in line.split()]
        for one in started:
            one.communicate("done\n")


def test_no_two_processes_choose_the_same_port() -> None:
    with others(3) as chosen:
        every = [*(free_port() for _ in range(MANY)), *chosen]
    assert len(every) == 4 * MANY and len(set(every)) == len(every)


def test_a_port_in_use_is_left_out() -> None:
    with socket.socket() as taken:
        port = free_port()
        taken.bind(("127.0.0.1", port))
        taken.listen()
        assert port not in {free_port() for _ in range(EACH)}
