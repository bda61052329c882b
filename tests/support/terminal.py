"""A program on a terminal of its own, answered by a test whenever the test likes."""

import contextlib
import os
import pty
import select
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

LIMIT = 120.0  # seconds for a text to be shown, or for the program to end


@dataclass
class Terminal:
    """Hold the program and all that it has shown so far."""

    pid: int
    descriptor: int
    shown: str = ""
    status: int | None = None

    def wait_for(self, text: str, times: int = 1) -> None:
        """Read until the text was shown so many times."""
        deadline = time.monotonic() + LIMIT
        while self.shown.count(text) < times:
            assert time.monotonic() < deadline, f"{text!r} was not shown {times} times:\n{self.shown}"
            assert self._read(), f"it ended without {text!r} ({times} times):\n{self.shown}"

    def answer(self, line: str) -> None:
        os.write(self.descriptor, f"{line}\n".encode())

    def end(self) -> int:
        """Read until the program ends; returns its exit code."""
        deadline = time.monotonic() + LIMIT
        while self._read():
            assert time.monotonic() < deadline, f"it does not end:\n{self.shown}"
        _, status = os.waitpid(self.pid, 0)
        self.status = os.waitstatus_to_exitcode(status)
        return self.status

    def _read(self) -> bool:
        """Take what is there; False once the program has closed its side."""
        if select.select([self.descriptor], [], [], 0.2)[0]:
            try:
                chunk = os.read(self.descriptor, 65536)
            except OSError:
                return False
            self.shown += chunk.decode(errors="replace").replace("\r\n", "\n")
            return bool(chunk)
        return True


@contextlib.contextmanager
def terminal(home: Path, *words: str, env: Mapping[str, str] | None = None) -> Iterator[Terminal]:
    """Start the program in `home` on a terminal of 200 columns; it is killed if it still runs at the end."""
    pid, descriptor = pty.fork()
    if pid == 0:
        os.chdir(home)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        variables = {**os.environ, "TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "200", **(env or {})}
        os.execve(sys.executable, [sys.executable, "-m", "decodeat_ops", *words], variables)
    started = Terminal(pid, descriptor)
    try:
        yield started
    finally:
        if started.status is None:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        os.close(descriptor)
