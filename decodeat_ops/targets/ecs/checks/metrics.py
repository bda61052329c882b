"""Check errors and latency of clients' own requests, as the load balancer has measured them."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from decodeat_ops.checks.answer import answer, nothing_serves
from decodeat_ops.checks.shared import once
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.aws import AwsRefused
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.targets.ecs.checks.service import denied
from decodeat_ops.targets.ecs.endpoint import balancers
from decodeat_ops.targets.ecs.observing import service_state
from decodeat_ops.targets.ecs.place import Place

ERRORS, LATENCY = "ecs.errors", "ecs.latency"
WINDOW, BEFORE = timedelta(minutes=15), timedelta(hours=1)
SOONEST = timedelta(minutes=2)  # until CloudWatch has the first minute of a deployment
TOLERABLE = 0.01  # share of requests
MUCH_SLOWER, NOTICEABLE = 1.5, 0.1  # times the p95 of before, and seconds more
REFUSED = "HTTPCode_ELB_5XX_Count"  # of the load balancer itself: no task was healthy, or one cut the connection off
_WANTED = {"requests": ("RequestCount", "Sum"), "errors": ("HTTPCode_Target_5XX_Count", "Sum"),
           "p95": ("TargetResponseTime", "p95")}  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """Hold what was measured in a time: `p95` is the slowest minute's, in seconds, None without requests.

    `refused` are the errors of the load balancer itself, which it counts for all that it stands before.
    """

    requests: int
    errors: int
    p95: float | None
    refused: int


@dataclass(frozen=True)
class Times:
    """Hold what the service did since its deployment began and in the hour before it; `minutes` is how long."""

    since: Measured
    before: Measured
    minutes: int


def error_rate(place: Place, subject: Subject) -> Finding:
    """Compare the tasks' errors with their requests. Errors of the load balancer itself may be of another service."""
    told = _times(place, ERRORS)
    if isinstance(told, Finding):
        return told
    since = told.since
    seen = {"errors": since.errors, "requests": since.requests, "minutes": told.minutes, "refused": since.refused}
    if since.refused and not since.errors:
        return answer(ERRORS, Status.WARN, "ecs.refused", **seen)
    if not since.errors:
        return answer(ERRORS, Status.PASS, "ecs.no_errors", **seen)
    # CloudWatch may have a minute's errors before its requests.
    share = since.errors / max(since.requests, since.errors)
    status = Status.WARN if share <= TOLERABLE else Status.FAIL
    return answer(ERRORS, status, "ecs.errors_seen", percent=round(100 * share, 2), **seen)


def latency(place: Place, subject: Subject) -> Finding:
    """Compare with the hour before: how long an analysis takes depends on labels and engines, so no limit fits all."""
    told = _times(place, LATENCY)
    if isinstance(told, Finding):
        return told
    if not told.since.requests:
        return answer(LATENCY, Status.SKIP, "ecs.no_traffic", minutes=told.minutes)
    p95, before = told.since.p95 or 0.0, told.before.p95
    seen = {"p95": round(p95 * 1000), "minutes": told.minutes}
    if before is None:
        return answer(LATENCY, Status.PASS, "ecs.measured", **seen)
    slower = p95 > MUCH_SLOWER * before and p95 - before > NOTICEABLE
    status, says = (Status.WARN, "ecs.slower") if slower else (Status.PASS, "ecs.as_before")
    return answer(LATENCY, status, says, before=round(before * 1000), **seen)


def _times(place: Place, check: str) -> Times | Finding:
    """Return what was measured, or the answer where nothing was."""
    service = service_state(place)
    primary = service.primary if service else None
    if primary is None or not primary.created_at:
        return nothing_serves(check)
    try:
        dimensions = _dimensions(place)
        if not dimensions:
            return answer(check, Status.SKIP, "ecs.no_balancer")
        now, began = datetime.now(UTC), datetime.fromisoformat(primary.created_at)
        start = max(began, now - WINDOW)
        if now - start < SOONEST:
            return answer(check, Status.SKIP, "ecs.too_early", seconds=int((now - start).total_seconds()))
        since = once(f"balancer {primary.id}", lambda: _measure(place, dimensions, start, now))
        if not since.requests and not since.refused:
            return answer(check, Status.SKIP, "ecs.no_traffic", minutes=_minutes(now - start))
        before = once(f"balancer before {primary.id}", lambda: _measure(place, dimensions, began - BEFORE, began))
    except AwsRefused as error:
        return denied(check, error)
    return Times(since, before, _minutes(now - start))


def _minutes(time: timedelta) -> int:
    return round(time.total_seconds() / 60)


def _dimensions(place: Place) -> list[list[dict[str, str]]]:
    """Return the dimensions of each target group's metrics, none where no application load balancer has them."""
    found = [one for one in balancers(place) if one.get("Type", "application") == "application"]
    if not found:
        return []
    balancer = found[0]["LoadBalancerArn"].partition(":loadbalancer/")[2]
    return [
        [{"Name": "LoadBalancer", "Value": balancer}, {"Name": "TargetGroup", "Value": arn.rpartition(":")[2]}]
        for arn in place.names.target_groups
    ]


def _measure(place: Place, groups: list[list[dict[str, str]]], start: datetime, end: datetime) -> Measured:
    queries = [
        _query(f"{name}_{number}", metric, statistic, dimensions)
        for number, dimensions in enumerate(groups)
        for name, (metric, statistic) in _WANTED.items()
    ]
    queries.append(_query("refused", REFUSED, "Sum", groups[0][:1]))
    values: defaultdict[str, list[float]] = defaultdict(list)
    for one in place.aws.pages(
        "cloudwatch", "GetMetricData", "MetricDataResults", MetricDataQueries=queries, StartTime=start, EndTime=end
    ):
        values[one["Id"].partition("_")[0]] += one.get("Values", ())
    counts = {name: int(sum(values[name])) for name in ("requests", "errors", "refused")}
    return Measured(**counts, p95=max(values["p95"], default=None))


def _query(name: str, metric: str, statistic: str, dimensions: list[dict[str, str]]) -> Mapping[str, Any]:
    measured = {"Namespace": "AWS/ApplicationELB", "MetricName": metric, "Dimensions": dimensions}
    return {"Id": name, "MetricStat": {"Metric": measured, "Period": 60, "Stat": statistic}, "ReturnData": True}


CHECKS = (Check(ERRORS, error_rate), Check(LATENCY, latency))
