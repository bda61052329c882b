"""Read the CloudWatch alarms that are to end a deployment."""

from dataclasses import dataclass

from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.verifying.alarms import KINDS

RINGS, QUIET = "ALARM", "OK"  # the third state is INSUFFICIENT_DATA


@dataclass(frozen=True)
class Alarm:
    """Hold one alarm, its state in CloudWatch's own word, and how many receivers it tells."""

    name: str
    state: str
    reason: str
    receivers: int


def alarms(place: Place) -> tuple[Alarm, ...]:
    """Return the alarms of the settings that exist."""
    wanted = place.loaded.settings.ecs.alarms
    if not wanted:
        return ()
    told = place.aws.call("cloudwatch", "DescribeAlarms", AlarmNames=wanted, AlarmTypes=KINDS, MaxRecords=100)
    return tuple(
        Alarm(
            one["AlarmName"],
            one["StateValue"],
            one.get("StateReason", ""),
            len(one.get("AlarmActions", ())) if one.get("ActionsEnabled", True) else 0,
        )
        for one in (*told.get("MetricAlarms", ()), *told.get("CompositeAlarms", ()))
    )
