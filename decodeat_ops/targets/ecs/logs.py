"""Read the service's log in CloudWatch: the last lines of a release, and new ones across deployments."""

import difflib
import math
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from decodeat_ops.core.errors import Usage
from decodeat_ops.core.view import LogLine
from decodeat_ops.targets.ecs.observed import COMPLETED, ServiceState
from decodeat_ops.targets.ecs.observing import records, service_state
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.release import EcsRelease
from decodeat_ops.targets.ecs.revisions import recorded
from decodeat_ops.targets.ecs.streams import LATE, Cursor, Line, Owners, Streams, now, read, streams_of

POLL, IDLE, GROWTH = 1.0, 5.0, 1.5  # seconds between two reads: while lines come, when none has for long, and between
LOOK = 10.0  # seconds between two looks at which deployments the service has
FURTHER = 4  # times as far back each time, while there are too few lines
DAY = 86_400_000  # ms
SLACK = 300_000  # ms by which a release's own time may be ahead of CloudWatch's


def find(place: Place, release: str, part: str) -> "EcsLog":
    """Return the log of a release, "" for whichever serves. Raises `Usage` for a release or a part that is not there.

    For "" nothing has to be there yet: following waits for it.
    """
    if part:
        raise Usage(f"There is no log of a part {part!r} on ECS.", hint="ECS itself keeps the tasks running.")
    if release:
        known = {one.id: one for one in records(place)}
        if release not in known:
            near = difflib.get_close_matches(release, known, n=1, cutoff=0.3)
            meant = f"Did you mean {near[0]}? " if near else ""
            raise Usage(f"There is no release {release}.", hint=f"{meant}`decodeat-ops releases` lists them.")
        return EcsLog(place, known[release], fixed=True)
    return EcsLog(place, serving(place, service_state(place)), fixed=False)


def serving(place: Place, service: ServiceState | None) -> EcsRelease | None:
    """Return the release that clients reach; that of a deployment under way only when there is no complete one."""
    if service is None:
        return None
    complete = [one for one in service.deployments if one.rollout_state in {COMPLETED, ""} and one.running]
    chosen = complete[0] if complete else service.primary
    return recorded(place, chosen.task_definition) if chosen else None


class EcsLog:
    """Read one release's log; unless `fixed`, following shows every task of the service, whichever release it is of."""

    def __init__(self, place: Place, release: EcsRelease | None, *, fixed: bool) -> None:
        self.release = release
        self.fixed = fixed
        self._place = place
        self._owners = Owners(place)

    @property
    def place(self) -> str:
        """Return the log group and its region, for people."""
        return f"{self._place.names.log_group} in {self._place.names.region}"

    def last(self, count: int) -> list[LogLine]:
        """Return the release's last `count` lines, oldest first. Raises `Usage` when there is no release."""
        if self.release is None:
            raise Usage(
                f"{self._place.names.deployment} has no release, so there is no log.",
                hint="`decodeat-ops deploy` makes the first one; `decodeat-ops logs -f` waits for it.",
            )
        streams = streams_of(self._place, self.release.task_definition)
        return self._told(self._back(streams, count)[0]) if streams else []

    def follow(self, count: int, switched: Callable[[str], None]) -> Iterator[LogLine]:
        """Yield the last `count` lines, then new ones until the caller stops; wait for a service that is not there yet.

        Calls `switched` with the id of a release that takes over.
        """
        cursors: dict[Streams, Cursor] = {}
        clock, looked, pause = self._place.clock, -math.inf, POLL
        while True:
            if clock.now() - looked >= LOOK or not cursors:
                looked = clock.now()
                yield from self._look(cursors, count, switched)
            fresh = [line for cursor in cursors.values() for line in cursor.fresh(self._place)]
            self._owners.learn(fresh)
            yield from self._told(self._shown(sorted(fresh, key=lambda one: one.at)))
            pause = POLL if fresh else min(pause * GROWTH, IDLE)
            clock.sleep(pause)

    def _look(self, cursors: dict[Streams, Cursor], count: int, switched: Callable[[str], None]) -> Iterator[LogLine]:
        """Begin to read where tasks log by now; yield the last lines of what is read first."""
        for streams in self._places(switched):
            if not cursors:
                lines, cursors[streams] = self._back(streams, count)
                yield from self._told(lines)
            elif streams not in cursors:
                cursors[streams] = Cursor(streams, min(one.since for one in cursors.values()))

    def _places(self, switched: Callable[[str], None]) -> Iterator[Streams]:
        """Yield the streams of the release or of all that the service runs; notice a release that takes over."""
        revisions = [self.release.task_definition] if self.release else []
        if not self.fixed:
            service = service_state(self._place)
            now_serves = serving(self._place, service)
            if now_serves and (self.release is None or now_serves.id != self.release.id):
                switched(now_serves.id)
                self.release = now_serves
            revisions = [one.task_definition for one in service.deployments] if service else []
        found = (streams_of(self._place, one) for one in revisions)
        yield from (one for one in found if one is not None)

    def _back(self, streams: Streams, count: int) -> tuple[list[Line], Cursor]:
        """Return the release's last lines, oldest first, and a cursor that goes on after all that was read.

        It looks further back until there are enough, and for one line at least: only lines tell CloudWatch's own time.
        """
        moment, back = now(), 2 * LATE
        floor = min(self._floor(moment), moment - back)
        start, end, read_so_far = moment - back, None, list[Line]()
        while True:
            read_so_far = [*sorted(read(self._place, streams, start, end), key=lambda one: one.at), *read_so_far]
            self._owners.learn(read_so_far)
            found = [one for one in read_so_far if self._is_ours(one)]
            if len(found) >= max(count, 1) or start <= floor:
                break
            back *= FURTHER
            start, end = max(floor, moment - back), start
        newest = max((one.arrived for one in read_so_far), default=start)
        cursor = Cursor(streams, max(start, newest - LATE))
        cursor.note(read_so_far)
        return found[-count:] if count else [], cursor

    def _floor(self, moment: int) -> int:
        """Return the time before which there is no line of the release."""
        if self.release is None:
            return moment - DAY
        return int(datetime.fromisoformat(self.release.created_at).timestamp() * 1000) - SLACK

    def _is_ours(self, line: Line) -> bool:
        return self.release is not None and self._owners.of(line) == self.release.id

    def _shown(self, lines: Iterable[Line]) -> list[Line]:
        return [one for one in lines if self._is_ours(one)] if self.fixed else list(lines)

    def _told(self, lines: Iterable[Line]) -> list[LogLine]:
        return [LogLine(self._owners.of(one), one.text, one.source) for one in lines]
