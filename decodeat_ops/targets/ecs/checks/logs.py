"""Check that the log reaches CloudWatch: a marked request must appear there."""

import secrets
from email.utils import parsedate_to_datetime

from decodeat_ops.checks.answer import answer, nothing_serves
from decodeat_ops.checks.logs import SINK
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.aws import AwsRefused
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.core.ports import Response
from decodeat_ops.core.release import Release
from decodeat_ops.targets.ecs.checks.service import denied
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.release import EcsRelease
from decodeat_ops.targets.ecs.streams import NOT_THERE, now, streams_of

MARKER = "logs.marker"
PATIENCE = 60.0  # seconds; tasks send their lines every five, and CloudWatch finds them some seconds later
FIRST, GROWTH, LONGEST = 0.5, 1.5, 5.0  # seconds between two looks
MARGIN = 120_000  # ms by which two clocks may differ


def marker(place: Place, subject: Subject) -> Finding:
    if subject.release is None or subject.endpoint is None:
        return nothing_serves(MARKER)
    sign, clock = f"check-{secrets.token_hex(8)}", place.clock
    began, pause = clock.now(), FIRST
    response = subject.view.http.request(subject.endpoint, "GET", "/health", headers={"X-Request-Id": sign})
    since = _moment(response) - MARGIN
    try:
        group = _group(place, subject.release)
        while not _shows(place, group, sign, since):
            if clock.now() - began > PATIENCE:
                return answer(MARKER, Status.FAIL, "ecs.log_lost", marker=sign, log=group, seconds=int(PATIENCE))
            clock.sleep(pause)
            pause = min(pause * GROWTH, LONGEST)
    except AwsRefused as error:
        return denied(MARKER, error)
    latency = round(clock.now() - began, 1)
    return answer(MARKER, Status.PASS, "ecs.log_arrived", marker=sign, log=group, latency=latency)


def _moment(response: Response) -> int:
    """Return when the service answered, by its own clock where it says so, in milliseconds since 1970."""
    try:
        return int(parsedate_to_datetime(response.headers["date"]).timestamp() * 1000)
    except (KeyError, ValueError):
        return now()


def _group(place: Place, release: Release) -> str:
    """Return the log group of a release's own revision: one that is brought back keeps it, whatever settings name."""
    registered = release.task_definition if isinstance(release, EcsRelease) else ""
    streams = streams_of(place, registered) if registered else None
    return streams.group if streams else place.names.log_group


def _shows(place: Place, group: str, sign: str, since: int) -> bool:
    """Return whether a line holds the sign. Pages without any are searched to the last one."""
    found = place.aws.pages(
        "logs", "FilterLogEvents", "events",
        logGroupName=group, filterPattern=f'"{sign}"', startTime=since,
    )  # fmt: skip
    try:
        return any(sign in one["message"] for one in found)
    except AwsRefused as error:
        if error.error == NOT_THERE:
            return False
        raise


def sink(place: Place, subject: Subject) -> Finding:
    """Check that the log group is there and that its lines end some day."""
    name = place.names.log_group
    try:
        groups = list(place.aws.pages("logs", "DescribeLogGroups", "logGroups", logGroupNamePrefix=name))
    except AwsRefused as error:
        return denied(SINK, error)
    group = next((one for one in groups if one["logGroupName"] == name), None)
    if group is None:
        return answer(SINK, Status.FAIL, "ecs.no_log_group", log=name)
    days = group.get("retentionInDays")
    if not days:
        return answer(
            SINK, Status.WARN, "ecs.log_for_ever", log=name, days=place.loaded.settings.ecs.log_retention_days
        )
    return answer(SINK, Status.PASS, "ecs.log_kept", log=name, days=days)


CHECKS = (Check(MARKER, marker, gate=True, active=True), Check(SINK, sink))
