"""Run a supervisor for one test, with small programs as releases, and end all of its processes afterwards."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core.layout import Layout
from decodeat_ops.deployment import inputs
from decodeat_ops.deployment.store import Store
from decodeat_ops.supervisor.unit import Unit
from tests.support.deployments import end_supervised
from tests.support.ports import free_port
from tests.support.waiting import PATIENCE, wait_for

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
        subprocess.run(
            [sys.executable, "-m", "decodeat_ops.supervisor", str(self.layout.root)], check=True, timeout=PATIENCE
        )

    def wait(self, condition: Callable[[], object], seconds: float = PATIENCE) -> None:
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


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Supervised]:
    made = Supervised(tmp_path / "state")
    yield made
    end_supervised(made.layout.root)
