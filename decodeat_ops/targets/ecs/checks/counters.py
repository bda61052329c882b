"""Check that CloudWatch watches the service, and its own counters where one task has them all."""

from datetime import UTC, datetime, timedelta

from decodeat_ops.checks import monitoring
from decodeat_ops.checks.answer import answer
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.aws import AwsRefused
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.targets.ecs.checks.service import denied
from decodeat_ops.targets.ecs.observing import service_state
from decodeat_ops.targets.ecs.place import Place

WINDOW = timedelta(minutes=15)


def watched(place: Place, subject: Subject) -> Finding:
    """Check that CloudWatch has measured the tasks' processors in the last minutes."""
    names, now = place.names, datetime.now(UTC)
    dimensions = [{"Name": "ClusterName", "Value": names.cluster}, {"Name": "ServiceName", "Value": names.service}]
    metric = {"Namespace": "AWS/ECS", "MetricName": "CPUUtilization", "Dimensions": dimensions}
    queries = [{"Id": "cpu", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum"}, "ReturnData": True}]
    if service_state(place) is None:
        return answer(monitoring.TARGETS, Status.SKIP, "ecs.not_yet")
    try:
        found = place.aws.pages(
            "cloudwatch", "GetMetricData", "MetricDataResults",
            MetricDataQueries=queries, StartTime=now - WINDOW, EndTime=now,
        )  # fmt: skip
        values = [value for one in found for value in one.get("Values", ())]
    except AwsRefused as error:
        return denied(monitoring.TARGETS, error)
    if not values:
        return answer(monitoring.TARGETS, Status.WARN, "ecs.unmeasured", minutes=int(WINDOW.total_seconds() // 60))
    return answer(monitoring.TARGETS, Status.PASS, "ecs.watched", cpu=round(max(values)))


def counters(place: Place, subject: Subject) -> Finding:
    """Compare counters of one task alone: behind one address each reading may come from another task."""
    service = service_state(place)
    if service is not None and service.running > 1:
        return answer(monitoring.COUNTERS, Status.SKIP, "ecs.counted_apart", count=service.running)
    return monitoring.counters(subject)


CHECKS = (Check(monitoring.TARGETS, watched), Check(monitoring.COUNTERS, counters, active=True))
