"""Read CloudWatch's log streams of a service, each line once, and tell which release has written it."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from decodeat_ops.core.aws import AwsRefused
from decodeat_ops.core.errors import Configuration
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.revisions import id_of, revision
from decodeat_ops.targets.ecs.tasks import SHOWN, described

LATE = 120_000  # ms that a line may come after newer ones: tasks send theirs apart, each some seconds at a time
NOT_THERE = "ResourceNotFoundException"


@dataclass(frozen=True)
class Streams:
    """Name the streams of a container's tasks: a log group, and how their names begin. A task's id ends them."""

    group: str
    prefix: str


@dataclass(frozen=True)
class Line:
    """Hold one event of a log. Times are in milliseconds since 1970: the task's own, and when CloudWatch got it."""

    id: str
    stream: str
    at: int
    arrived: int
    text: str

    @property
    def task(self) -> str:
        return self.stream.rpartition("/")[2]

    @property
    def source(self) -> str:
        """Return which task wrote it, for people."""
        return self.task[:SHOWN]


def streams_of(place: Place, task_definition: str) -> Streams | None:
    """Return where the tasks of a task definition log, None when that is not in CloudWatch."""
    logs = revision(place, task_definition).container(place.names.container).get("logConfiguration") or {}
    options = logs.get("options", {})
    begins = options.get("awslogs-stream-prefix", "")
    if logs.get("logDriver") != "awslogs" or not begins:
        return None
    return Streams(options["awslogs-group"], f"{begins}/{place.names.container}/")


def read(place: Place, streams: Streams, start: int, end: int | None = None) -> Iterator[Line]:
    """Yield the lines from `start` on and before `end`. A page without any is not the end.

    There are none while there is no such group. Raises `Configuration` when they may not be read.
    """
    until = {} if end is None else {"endTime": end - 1}
    try:
        for raw in place.aws.pages(
            "logs", "FilterLogEvents", "events",
            logGroupName=streams.group, logStreamNamePrefix=streams.prefix, startTime=max(0, start), **until,
        ):  # fmt: skip
            yield _line(raw)
    except AwsRefused as error:
        if error.error != NOT_THERE:
            raise unreadable(error, streams.group) from error


def unreadable(error: AwsRefused, group: str) -> Configuration:
    return Configuration(f"The log {group} can't be read. {error.advice.what}", hint=error.advice.hint, where=group)


def _line(raw: Mapping[str, Any]) -> Line:
    at = int(raw["timestamp"])
    return Line(
        raw["eventId"], raw["logStreamName"], at, int(raw.get("ingestionTime", at)), str(raw["message"]).rstrip("\n")
    )


def now() -> int:
    """Return the moment in milliseconds since 1970."""
    return int(time.time() * 1000)


@dataclass
class Cursor:
    """Remember how far streams were read. Lines that come late by less than `LATE` are not lost, none comes twice.

    `since` is measured by CloudWatch's own clock, so that neither a task's clock nor this machine's can lose a line.
    """

    streams: Streams
    since: int
    seen: dict[str, int] = field(default_factory=dict)

    def fresh(self, place: Place) -> list[Line]:
        """Return the lines that came since the last call, oldest first."""
        found = [one for one in read(place, self.streams, self.since) if one.id not in self.seen]
        self.note(found)
        return sorted(found, key=lambda one: one.at)

    def note(self, lines: Iterable[Line]) -> None:
        """Remember lines as read, for as long as they may be met again."""
        newest = self.since + LATE
        for one in lines:
            self.seen[one.id] = one.at
            newest = max(newest, one.arrived)
        self.since = newest - LATE
        self.seen = {name: at for name, at in self.seen.items() if at >= self.since}


class Owners:
    """Tell of which release a line is: by its task's definition or, once ECS has forgotten that, by its own words."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._known: dict[str, str] = {}
        self._asked: set[str] = set()

    def learn(self, lines: Iterable[Line]) -> None:
        """Look up the tasks of these lines that are new here."""
        lines = tuple(lines)
        new = sorted({one.task for one in lines} - self._asked)
        for task in described(self._place, new):
            self._known[task.id] = id_of(self._place, task.task_definition)
        self._asked.update(new)
        for one in lines:
            if not self._known.get(one.task) and (said := _said(one.text)):
                self._known[one.task] = said

    def of(self, line: Line) -> str:
        """Return the release's id, "" when nothing tells it."""
        return self._known.get(line.task, "")


def _said(text: str) -> str:
    """Return the release that a line names itself, as the service's own lines do."""
    if not text.startswith("{"):
        return ""
    try:
        return str(json.loads(text).get("release", ""))
    except ValueError:
        return ""
