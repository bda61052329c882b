"""Run a supervisor for one test, with small programs as releases, and end all of its processes afterwards."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core.layout import Layout
from decodeat_ops.deployment import inputs
from decodeat_ops.deployment.store import Store
from decodeat_ops.supervisor.process import belongs
from decodeat_ops.supervisor.unit import Unit
from tests.support.ports import free_port

RELEASE = "20260101T000000Z-aaaaaaa"
IGNORES = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: time.sleep(1)"
# Prints its sockets and its environment, then waits to be ended.
SHOWS = (
    "import json, os, socket, time\n"
    "fds = [int(n) for n in os.environ['LISTEN_ON'].split()]\n"
    "names = [socket.socket(fileno=os.dup(n)).getsockname() for n in fds]\n"
    "print(json.dumps({'names': names, 'env': dict(os.environ)}), flush=True)\n"
    "time.sleep(600)"
)


def wait_for(condition: Callable[[], object], seconds: float = 60, otherwise: Callable[[], object] = str) -> None:
    """Wait until the condition holds; `otherwise` returns the message when it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.02)


class Supervised:
    """Hold one state directory, its supervisor and its releases."""

    def __init__(self, root: Path) -> None:
        self.layout = Layout(root)
        self.store = Store(self.layout)
        self.port = free_port()
        inputs.prepare(self.layout)

    def release(self, program: str, name: str = RELEASE, **changes: Any) -> None:
        """Create a release and request it from the supervisor."""
        self.layout.release(name).mkdir(parents=True, exist_ok=True)
        unit = Unit(argv=(sys.executable, "-c", program), host="127.0.0.1", port=self.port, **changes)
        self.layout.unit(name).write_text(unit.dumps())
        self.layout.want(name).touch()

    def start(self) -> None:
        subprocess.run([sys.executable, "-m", "decodeat_ops.supervisor", str(self.layout.root)], check=True, timeout=60)

    def wait(self, condition: Callable[[], object], seconds: float = 60) -> None:
        wait_for(condition, seconds, self.layout.supervisor_log.read_text)

    def state(self, name: str = RELEASE) -> str:
        known = self.store.supervisor().releases.get(name)
        return known.state if known else ""

    def problem(self, name: str = RELEASE) -> str:
        known = self.store.supervisor().releases.get(name)
        return known.problem if known else ""

    def pid(self, name: str = RELEASE) -> int:
        known = self.store.supervisor().releases.get(name)
        return known.pid if known else 0

    def processes(self) -> list[int]:
        """Return the processes that work in the run directory: supervisor, standby and releases."""
        numbers = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
        return [pid for pid in numbers if belongs(pid, self.layout.run)]

    def end(self) -> None:
        """Stop all processes, then kill them, so that none starts another one meanwhile."""
        deadline = time.monotonic() + 60
        while found := self.processes():
            assert time.monotonic() < deadline, found
            for number in (signal.SIGSTOP, signal.SIGKILL):
                for pid in found:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, number)
            time.sleep(0.02)


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Supervised]:
    made = Supervised(tmp_path / "state")
    yield made
    made.end()
