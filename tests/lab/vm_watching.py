"""Watch what clients of machines get while something happens there, and keep a request under way as long as wanted."""

import contextlib
import json
import os
import select
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from tests.lab.vms import Vm
from tests.support.waiting import PATIENCE, wait_for

if TYPE_CHECKING:
    from tests.lab.vm_operator import Operator

EVERY = 0.1  # seconds
HELD_SECONDS = 900.0  # in which a change comes to the step where it waits; an image may have to be built and sent first
END_SECONDS = 1500.0


@contextlib.contextmanager
def watched(machine: Vm, port: int = 443) -> Iterator[list[str]]:
    """Ask a machine again and again until the block ends; yield the releases that answered, "" where none did."""
    seen: list[str] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            seen.append(machine.serving(port))
            over.wait(EVERY)

    with ThreadPoolExecutor(1) as thread:
        asking = thread.submit(ask)
        try:
            yield seen
        finally:
            over.set()
            asking.result()


@dataclass(frozen=True)
class UnderWay:
    """Hold a request of a client's that a colour of the first machine answers once it is told to."""

    machine: Vm
    container: str
    until: str  # the file in the container for which it waits
    request: "Future[httpx.Response]"

    def finish(self) -> None:
        """Let the container answer, unless it is gone."""
        self.machine.run(f"docker exec {self.container} touch {self.until}")

    def answer(self) -> httpx.Response:
        return self.request.result(PATIENCE)


@contextlib.contextmanager
def under_way(made: "Operator") -> Iterator[UnderWay]:
    """Have a client ask what serves now for something that takes until the block ends, or earlier if so wished."""
    container, mark = f"{made.deployment}-{made.colour()}", f"/tmp/{os.urandom(6).hex()}"
    path = f"/test/held?began={mark}-began&until={mark}-until"
    with ThreadPoolExecutor(1) as thread:
        request = thread.submit(made.first.get, path, made.ports[1], seconds=4 * PATIENCE)
        held = UnderWay(made.first, container, f"{mark}-until", request)
        try:
            began = f"docker exec {container} test -e {mark}-began"
            wait_for(lambda: made.first.run(began).returncode == 0, otherwise="the request does not come in", every=0.2)
            yield held
        finally:
            held.finish()


@dataclass(frozen=True)
class Going:
    """Hold a change that waits at a step, and that is carried out by a process of its own."""

    process: "subprocess.Popen[str]"

    def go(self) -> None:
        """Let it go on."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def ended(self) -> tuple[int, dict[str, Any]]:
        """Wait for its end; exit status and what it said."""
        said, errors = self.process.communicate(timeout=END_SECONDS)
        assert said.strip(), errors
        told: dict[str, Any] = json.loads(said.splitlines()[-1])
        return self.process.returncode, told

    def die(self) -> None:
        self.process.kill()
        self.process.communicate()


@contextlib.contextmanager
def waiting(process: "subprocess.Popen[str]") -> Iterator[Going]:
    """Yield a change once it waits at its step; it is killed where it still runs when the block ends."""
    going = Going(process)
    try:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], HELD_SECONDS)
        assert ready, "it does not come to its step"
        first = process.stdout.readline()
        assert first == "held\n", (first, *process.communicate())
        yield going
    finally:
        if process.poll() is None:
            going.die()
