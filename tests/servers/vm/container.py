"""One container that is played: its definition, its state as Docker tells it, its log, and the program in it."""

import contextlib
import dataclasses
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from tests.servers.vm.permissions import may
from tests.servers.vm.words import Refused, daemon

RETRY = 0.05  # seconds before a program that ended is started again, doubled each time
NEVER = "0001-01-01T00:00:00Z"
Variables = Mapping[str, str]


@dataclass(frozen=True)
class Mount:
    """Hold a directory or file of the machine, as its containers name it, and where it is really."""

    source: str
    target: str
    real: Path
    read_only: bool = False


@dataclass(frozen=True)
class Definition:
    """Hold what a container is made from. `ports` are (address, port of the machine, port of the container)."""

    name: str
    image: str  # its id
    named: str  # what it was called by
    environment: Variables = field(default_factory=dict)
    labels: Variables = field(default_factory=dict)
    command: tuple[str, ...] = ()
    user: str = ""
    groups: tuple[int, ...] = ()
    mounts: tuple[Mount, ...] = ()
    ports: tuple[tuple[str, int, int], ...] = ()
    networks: tuple[tuple[str, tuple[str, ...]], ...] = ()  # with the names that it has there
    restart: str = "no"
    stop_signal: str = "SIGTERM"
    grace: float = 10.0
    checked: bool = False  # has a health check
    memory: int = 0
    cpus: float = 0.0
    pids: int = 0
    read_only: bool = False
    dropped: tuple[str, ...] = ()
    security: tuple[str, ...] = ()
    logging: tuple[str, Variables] = ("json-file", {})

    @property
    def uid(self) -> int:
        first = self.user.partition(":")[0]
        return int(first) if first.isdigit() else 0  # by a name that only the image knows: what is in it is not played

    @property
    def gids(self) -> frozenset[int]:
        second = self.user.partition(":")[2]
        return frozenset({int(second) if second.isdigit() else self.uid, *self.groups})

    def outside(self, path: str) -> Path | None:
        """Return where a path of the container is on the machine, None when it is in no mount."""
        for mount in sorted(self.mounts, key=lambda one: -len(one.target)):
            if path == mount.target or path.startswith(f"{mount.target.rstrip('/')}/"):
                return mount.real / path[len(mount.target) :].lstrip("/")
        return None

    def may(self, path: Path, wants: int) -> bool:
        """Return whether its user may have that of a path of the machine that is mounted into it."""
        found = [mount.real for mount in self.mounts if path.is_relative_to(mount.real)]
        mount = max(found, key=lambda one: len(one.parts), default=None)
        return mount is not None and may(path, mount, self.uid, self.gids, wants)


class Program(Protocol):
    """What runs in a container. It calls `ended` of its container once, with its exit status."""

    def start(self) -> None: ...

    def signal(self, name: str) -> None: ...

    def kill(self) -> None:
        """End at once."""
        ...

    @property
    def health(self) -> str: ...


@dataclass(frozen=True)
class Line:
    at: float
    text: str

    @property
    def stamp(self) -> str:
        return datetime.fromtimestamp(self.at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


class Container:
    """A container. Its engine's lock is not held while a program starts or ends."""

    def __init__(self, number: int, definition: Definition, program: Callable[["Container"], Program]) -> None:
        self.definition = definition
        self.id = f"{number:012x}".ljust(64, "e")
        self.state, self.exit_code, self.restarts = "created", 0, 0
        self.out_of_memory = False
        self.created, self.started, self.finished = moment(), NEVER, NEVER
        self.ended_by_hand = False
        self.log: list[Line] = []
        self.events: list[tuple[float, str, Variables]] = []  # how its runs ended: when, "oom" or "die", and how
        self.changed = threading.Condition(threading.RLock())
        self._make = program
        self._program: Program | None = None
        self._retry: threading.Timer | None = None

    @property
    def name(self) -> str:
        return self.definition.name

    def rename(self, name: str) -> None:
        self.definition = dataclasses.replace(self.definition, name=name)

    @property
    def runs(self) -> bool:
        return self.state in {"running", "restarting"}

    @property
    def health(self) -> str:
        program = self._program
        return (
            (program.health if program and self.state == "running" else "unhealthy") if self.definition.checked else ""
        )

    @property
    def program(self) -> Program | None:
        return self._program

    def say(self, *lines: str) -> None:
        with self.changed:
            self.log += [Line(time.time(), line) for line in lines]
            self.changed.notify_all()

    def start(self, *, again: bool = False) -> None:
        """Start its program; one that ends at once has ended when this returns, as its `restart` says."""
        with self.changed:
            if self.state == "running":
                return
            self.ended_by_hand = self.ended_by_hand and again
            self.state, self.exit_code, self.out_of_memory, self.started = "running", 0, False, moment()
            self.restarts = self.restarts if again else 0
            self._program = program = self._make(self)
        program.start()

    def ended(self, status: int, *, out_of_memory: bool = False) -> None:
        """Take note that the program has ended, and start it again where the container's definition says so."""
        with self.changed:
            if self.state != "running":
                return
            self.exit_code, self.out_of_memory, self.finished = status, out_of_memory, moment()
            self.events += [(time.time(), "oom", {})] if out_of_memory else []
            self.events += [(time.time(), "die", {"exitCode": str(status)})]
            kept = self.definition.restart.partition(":")[0]
            again = kept in {"always", "unless-stopped"} or (kept == "on-failure" and status != 0)
            self.state = "restarting" if again and not self.ended_by_hand else "exited"
            if self.state == "restarting":
                self.restarts += 1
                if self.restarts < 6:  # later ones come after longer than a test lasts
                    self._retry = threading.Timer(RETRY * 2**self.restarts, self._again)
                    self._retry.daemon = True
                    self._retry.start()
            self.changed.notify_all()

    def _again(self) -> None:
        with self.changed:
            if self.state != "restarting" or self.ended_by_hand:
                return
        with contextlib.suppress(Refused):
            self.start(again=True)

    def signal(self, name: str) -> None:
        """Send its program a signal, as `docker kill` does, after which it is not started again."""
        with self.changed:
            if not self.runs:
                raise daemon(f"cannot kill container: {self.name}: container {self.id} is not running")
            if name in {"SIGKILL", self.definition.stop_signal}:
                self.ended_by_hand = True
            program, waits = self._program, self.state == "restarting"
            if waits:
                self.state = "exited"
                self.changed.notify_all()
        if program is not None and not waits:
            program.kill() if name == "SIGKILL" else program.signal(name)

    def stop(self, grace: float | None = None) -> None:
        """Ask its program to end, and end it after its grace period."""
        if not self.runs:
            return
        self.ended_by_hand = True
        self.signal(self.definition.stop_signal)
        if not self.wait(self.definition.grace if grace is None else grace):
            self.kill()

    def kill(self) -> None:
        self.ended_by_hand = True
        program = self._program
        if self.state == "running" and program is not None:
            program.kill()
            self.ended(137)
        with self.changed:
            self.state = "exited" if self.state == "restarting" else self.state

    def cut(self) -> None:
        """End it as a machine's end does, which is nobody's wish: its restart is up to the engine's next start."""
        by_hand = self.ended_by_hand
        self.kill()
        self.ended_by_hand = by_hand

    def wait(self, seconds: float | None = None) -> bool:
        """Return whether it has ended by then."""
        with self.changed:
            return self.changed.wait_for(lambda: not self.runs, seconds)

    def lines(self, count: int, *, follow: bool, gone: Callable[[], bool]) -> Iterator[Line]:
        """Yield the last lines (all, when `count` is negative), and with `follow` those that come until it ends."""
        with self.changed:
            at = max(0, len(self.log) - count) if count >= 0 else 0
        while True:
            with self.changed:
                if len(self.log) == at and follow and self.runs:
                    self.changed.wait(0.2)
                new, ends = self.log[at:], not follow or not self.runs
            yield from new
            at += len(new)
            if gone() or (ends and not new):
                return


def moment() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
