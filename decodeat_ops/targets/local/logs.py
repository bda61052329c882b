"""Read the service's log: the last lines across rotated files, and new lines across rotation and a switch."""

import difflib
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from decodeat_ops.core.errors import Usage
from decodeat_ops.core.view import LogLine
from decodeat_ops.deployment.machine import Machine
from decodeat_ops.deployment.store import Store

POLL = 0.2  # seconds between two looks at a file
LINGER = 15.0  # seconds that a rotated or replaced log is still read: its writer notices a little later
KNOWN = 256  # bytes before the reading position, by which a file is recognised
SUPERVISOR = "supervisor"


@dataclass
class _Tail:
    """Hold one open log file.

    `rest` is the start of a line not yet written to its end, `seen` the bytes read last, `until` the monotonic time
    after which the file is no longer read.
    """

    release: str
    stream: BinaryIO
    inode: int
    rest: bytearray = field(default_factory=bytearray)
    seen: bytes = b""
    until: float = field(default=float("inf"))

    @classmethod
    def open(cls, release: str, path: Path) -> "_Tail | None":
        try:
            stream = path.open("rb")
        except FileNotFoundError:
            return None
        return cls(release, stream, os.fstat(stream.fileno()).st_ino)

    def lines(self) -> Iterator[LogLine]:
        """Yield the lines written since the last call; the whole file when it was truncated in place.

        The size alone does not show a truncation: the file may have grown beyond its old size since.
        """
        before = max(0, self.stream.tell() - len(self.seen))
        if os.pread(self.stream.fileno(), len(self.seen), before) != self.seen:
            self.stream.seek(0)
            self.rest, self.seen = bytearray(), b""
        while chunk := self.stream.read(65536):
            self.seen = (self.seen + chunk)[-KNOWN:]
            ended, newline, begun = chunk.rpartition(b"\n")
            self.rest += ended
            if not newline:  # a long line: the part already read is not searched again
                self.rest += begun
                continue
            whole, self.rest = self.rest.split(b"\n"), bytearray(begun)
            for line in whole:
                yield LogLine(self.release, line.decode("utf-8", "replace"))


def find(machine: Machine, release: str, part: str) -> "Log":
    """Return the log of a release or of the supervisor; for "", of the release that serves or else was stopped.

    Raises `Usage` when there is none.
    """
    store = machine.store
    if part == SUPERVISOR:
        return Log(store, SUPERVISOR, fixed=True)
    if part:
        raise Usage(f"There is no log of a part {part!r} here.", hint=f"There is: {SUPERVISOR}.")
    if release:
        kept = {path.name.partition(".log")[0] for path in store.layout.logs.glob("*.log*")} - {SUPERVISOR}
        known = [known.id for known in store.releases()] if release not in kept else []
        if release not in {*known, *kept}:
            near = difflib.get_close_matches(release, known, n=1, cutoff=0.3)
            meant = f"Did you mean {near[0]}? " if near else ""
            raise Usage(
                f"There is no release {release} and no log of one.",
                hint=f"{meant}`decodeat-ops releases` lists them.",
            )
        return Log(store, release, fixed=True)
    active = store.active_id() or store.stopped_id()
    if not active:
        raise Usage(
            f"{machine.loaded.deployment} has no release, so there is no log.",
            hint="`decodeat-ops deploy` makes the first one; --supervisor shows the supervisor's own log.",
        )
    return Log(store, active, fixed=False)


@dataclass
class Log:
    """Read one release's log; unless `fixed`, following goes on with the release that becomes the active one."""

    store: Store
    release: str
    fixed: bool

    @property
    def place(self) -> str:
        return str(self.path(self.release))

    def path(self, release: str) -> Path:
        return self.store.layout.supervisor_log if release == SUPERVISOR else self.store.layout.log(release)

    def last(self, count: int) -> list[LogLine]:
        """Return the last `count` lines, oldest first, from as many rotated files as it takes."""
        return self._from_here(count)[0]

    def _from_here(self, count: int) -> tuple[list[LogLine], "_Tail | None"]:
        """Return the last lines and the open file they end in, so that following misses nothing in between."""
        tail = _Tail.open(self.release, self.path(self.release))
        found = deque(tail.lines() if tail else (), maxlen=count)
        number = 1
        while len(found) < count:
            older = _Tail.open(self.release, _numbered(self.path(self.release), number))
            if older is None:
                break
            with older.stream:
                if tail is None or older.inode != tail.inode:  # it may have been rotated while we read
                    before = deque(older.lines(), maxlen=count - len(found))
                    found.extendleft(reversed(before))
            number += 1
        return list(found), tail

    def follow(self, count: int, switched: Callable[[str], None]) -> Iterator[LogLine]:
        """Yield the last `count` lines, then new ones until the caller stops.

        Calls `switched` with the id of a release that becomes the active one.
        """
        found, current = self._from_here(count)
        yield from found
        old: list[_Tail] = []
        while True:
            for tail in old:
                yield from tail.lines()
            if current is not None:
                yield from current.lines()
            for tail in [tail for tail in old if tail.until < time.monotonic()]:
                tail.stream.close()
                old.remove(tail)
            active = self.store.active_id()
            if not self.fixed and active and active != self.release:
                self.release = active
                switched(active)
                _linger(current, old)
                current = _Tail.open(active, self.path(active))
                continue
            fresh = list(self._rotated(current))
            if fresh:
                _linger(current, old)
                for tail in fresh[:-1]:
                    _linger(tail, old)
                current = fresh[-1]
                continue
            time.sleep(POLL)

    def _rotated(self, current: "_Tail | None") -> Iterator[_Tail]:
        """Yield the files that came after the one being read, oldest first: it may have been rotated more than once."""
        path = self.path(self.release)
        newest = _Tail.open(self.release, path)
        if newest is None:
            return
        if current is not None and newest.inode == current.inode:
            newest.stream.close()
            return
        between: list[_Tail] = []
        number = 1
        while current is not None:
            older = _Tail.open(self.release, _numbered(path, number))
            if older is None or older.inode == current.inode:
                if older is None:
                    between = []  # the file we read is gone: which of these are newer is unknown
                break
            between.insert(0, older)
            number += 1
        yield from [*between, newest]


def _linger(tail: "_Tail | None", old: list[_Tail]) -> None:
    if tail is not None:
        tail.until = time.monotonic() + LINGER
        old.append(tail)


def _numbered(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}")
