"""Read the logs of containers on all machines: the last lines of a release, and new ones across releases."""

import difflib
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from decodeat_ops.core.errors import OpsError, Unreachable, Usage
from decodeat_ops.core.remote import Remote
from decodeat_ops.core.view import LogLine
from decodeat_ops.targets.vm import observing
from decodeat_ops.targets.vm.names import COLOURS
from decodeat_ops.targets.vm.observed import Seen
from decodeat_ops.targets.vm.place import Place
from decodeat_ops.targets.vm.scripts import logs as scripts
from decodeat_ops.targets.vm.scripts import sections
from decodeat_ops.targets.vm.seen import release_of
from decodeat_ops.targets.vm.side import each

PARTS = ("nginx", "redis", "postgres")
AGAIN = 2.0  # seconds before a machine whose connection broke off is read again
NONE = "-"


@dataclass(frozen=True, order=True)
class Line:
    """Hold a line with when its container wrote it, as RFC 3339 with nine digits, which sorts as text."""

    at: str
    host: str
    part: str
    release: str = field(compare=False)
    text: str = field(compare=False)


@dataclass(frozen=True)
class Beat:
    """Hold which release takes the traffic on a machine, "" for none."""

    host: str
    release: str


Came = Line | Beat | LogLine | Exception


def find(place: Place, release: str, part: str) -> "VmLog":
    """Return the log of a release, of a part, or for "" of whichever release serves.

    Raises `Usage` for a part that there is not, or a release whose log is gone with its container.
    """
    if part:
        if part not in PARTS:
            raise Usage(f"There is no log of a part {part!r} here.", hint=f"There are: {', '.join(PARTS)}.")
        return VmLog(place, "", part)
    if not release:
        return VmLog(place, "", "")
    hosts = observing.seen(place)
    if any(release_of(one, colour) == release for one in hosts for colour in one.containers if colour in COLOURS):
        return VmLog(place, release, "")
    known = [one.id for one in observing.union(hosts)]
    if release in known:
        raise Usage(
            f"The log of release {release} is gone: other releases ran in its containers since.",
            hint="A machine keeps the logs of the two releases that its colours ran last.",
        )
    near = difflib.get_close_matches(release, known, n=1, cutoff=0.3)
    meant = f"Did you mean {near[0]}? " if near else ""
    raise Usage(f"There is no release {release}.", hint=f"{meant}`decodeat-ops releases` lists them.")


class VmLog:
    """Read one release's log, a part's, or without either that of all releases that run."""

    def __init__(self, place: Place, release: str, part: str) -> None:
        self._place = place
        self._fixed = release
        self._part = part
        self.release = release

    @property
    def place(self) -> str:
        """Return which containers' logs it is, for people."""
        names = self._place.names
        what = names.container(self._part) if self._part else f"{names.container('blue')} and -green"
        return f"docker logs of {what} on {', '.join(self._place.hosts)}"

    def last(self, count: int) -> list[LogLine]:
        """Return the last `count` lines of all machines together, oldest first. Raises `Usage` when nothing runs."""
        hosts = observing.seen(self._place)
        if not self._part and not self._wanted(hosts):
            raise Usage(
                f"{self._place.names.deployment} has no release, so there is no log.",
                hint="`decodeat-ops deploy` makes the first one; `decodeat-ops logs -f` waits for it.",
            )
        found, _ = self._last(hosts, count)
        return [*self._silent(hosts), *self._told(found)]

    def follow(self, count: int, switched: Callable[[str], None]) -> Iterator[LogLine]:
        """Yield the last `count` lines, then new ones of all machines until the caller stops.

        Calls `switched` with the id of a release that takes over. A machine whose connection breaks off is read again.
        """
        hosts = observing.seen(self._place)
        self.release = self._wanted(hosts)
        found, since = self._last(hosts, count)
        yield from (*self._silent(hosts), *self._told(found))
        came: queue.SimpleQueue[Came] = queue.SimpleQueue()
        stop = threading.Event()
        for host, remote in self._place.hosts.items():
            reader = _Reader(remote, came, stop, since.get(host, {}))
            threading.Thread(target=reader.run, args=(self._script,), name=f"log of {host}", daemon=True).start()
        active: dict[str, str] = {one.host: one.active_id for one in hosts}
        try:
            while True:
                yield from self._shown(came.get(), active, switched)
        finally:
            stop.set()

    def _shown(self, one: Came, active: dict[str, str], switched: Callable[[str], None]) -> Iterator[LogLine]:
        if isinstance(one, Exception):
            raise one
        if isinstance(one, Beat):
            before, active[one.host] = active.get(one.host, ""), one.release
            if one.release and one.release not in (before, self.release) and not (self._fixed or self._part):
                self.release = one.release
                switched(one.release)
        elif isinstance(one, LogLine):
            yield one
        elif not self._fixed or one.release == self._fixed:
            yield from self._told([one])

    def _wanted(self, hosts: Iterable[Seen]) -> str:
        """Return the release in question: the one that serves, else the stopped one."""
        return self._fixed or next((name for one in hosts if (name := one.active_id or one.stopped)), "")

    def _silent(self, hosts: Iterable[Seen]) -> list[LogLine]:
        return [LogLine("", f"{one.host} is silent: {one.problem}", one.host) for one in hosts if one.silent]

    def _containers(self) -> Mapping[str, str]:
        names = self._place.names
        return {part: names.container(part) for part in ((self._part,) if self._part else COLOURS)}

    def _script(self, since: Mapping[str, str]) -> str:
        return scripts.follow(self._place.names, self._containers(), since)

    def _last(self, hosts: Iterable[Seen], count: int) -> tuple[list[Line], dict[str, dict[str, str]]]:
        """Return the last lines, oldest first, and by machine and part the moment from which on lines are new."""
        wanted = self._wanted(hosts)
        there = {one.host: one for one in hosts if not one.silent}

        def read(remote: Remote) -> tuple[list[Line], dict[str, str]]:
            seen = there.get(remote.name)
            return self._of(remote, seen, wanted, count) if seen else ([], dict.fromkeys(self._containers(), "0"))

        told = each(self._place.hosts.values(), read)
        found = sorted(line for lines, _ in told.values() for line in lines)
        return found[-count:] if count else [], {host: since for host, (_, since) in told.items()}

    def _of(self, remote: Remote, seen: Seen, wanted: str, count: int) -> tuple[list[Line], dict[str, str]]:
        wrote = {self._part, *(colour for colour in COLOURS if release_of(seen, colour) == wanted)}
        containers = {
            part: name for part, name in self._containers().items() if part in seen.containers and part in wrote
        }
        try:
            answer = sections.parse(remote.run(scripts.last(containers, count)).stdout)
        except Unreachable:
            return [], dict.fromkeys(self._containers(), str(int(seen.clock)))
        clock = next((one.word for one in answer.named("clock")), "0")
        found, since = [], dict.fromkeys(self._containers(), clock)
        for one in answer.named("log"):
            release = "" if self._part else wanted
            lines = [line for text in one.lines if (line := _parsed(text, remote.name, one.word, release))]
            found += lines
            if lines:
                since[one.word] = max(line.at for line in lines)
        return found, since

    def _told(self, lines: Iterable[Line]) -> list[LogLine]:
        several = len(self._place.hosts) > 1
        return [LogLine(one.release, one.text, one.host if several else "") for one in lines]


class _Reader:
    """Read one machine's new lines in a thread, each once, over as many connections as it takes."""

    def __init__(
        self,
        remote: Remote,
        came: "queue.SimpleQueue[Came]",
        stop: threading.Event,
        since: Mapping[str, str],
    ) -> None:
        self._remote = remote
        self._came = came
        self._stop = stop
        self._since = dict(since)
        self._newest = {part: moment for part, moment in since.items() if "T" in moment}

    def run(self, script: Callable[[Mapping[str, str]], str]) -> None:
        """Read until somebody stops it. What goes wrong is shown once, until it goes wrong in another way."""
        said = ""
        try:
            while not self._stop.is_set():
                problem = self._read(script(self._since))
                if problem and problem != said and not self._stop.is_set():
                    self._came.put(LogLine("", problem, self._remote.name))
                said = problem
                self._stop.wait(AGAIN)
        except Exception as bug:  # whoever waits for lines would never know
            self._came.put(bug)

    def _read(self, script: str) -> str:
        """Read one connection's lines to its end, and return why it ended."""
        try:
            with self._remote.lines(script) as lines:
                for text in lines:
                    if self._stop.is_set():
                        return ""
                    self._take(text)
        except OpsError as error:
            return error.advice.what
        except OSError as error:
            return f"The connection to {self._remote.name} broke off: {error.strerror or error}."
        return f"{self._remote.name} ended it."

    def _take(self, text: str) -> None:
        head, _, rest = text.partition(" ")
        if head == "=":
            self._came.put(Beat(self._remote.name, rest.partition(" ")[2]))
            return
        release, _, written = rest.partition(" ")
        line = _parsed(written, self._remote.name, head, "" if release == NONE else release)
        if line is None or line.at <= self._newest.get(head, ""):
            return
        self._newest[head] = self._since[head] = line.at
        self._came.put(line)


def _parsed(text: str, host: str, part: str, release: str) -> Line | None:
    """Return a line of `docker logs --timestamps`; None for what Docker itself says there."""
    at, space, rest = text.partition(" ")
    if not at[:4].isdigit() or "T" not in at:
        return None
    return Line(at, host, part, release, rest if space else "")
