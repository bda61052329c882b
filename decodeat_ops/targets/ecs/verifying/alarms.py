"""Judge the alarms that are to end a deployment."""

from collections.abc import Mapping

from decodeat_ops.targets.ecs.findings import Findings
from decodeat_ops.targets.ecs.place import Place

KINDS = ["MetricAlarm", "CompositeAlarm"]


def judge(place: Place, findings: Findings) -> None:
    """Add alarms that don't exist to the problems, and those that ring already to the doubts."""
    wanted = place.loaded.settings.ecs.alarms
    if not wanted:
        return
    states = findings.ask("the alarms", lambda: _states(place, wanted))
    for name in wanted if states is not None else ():
        state = (states or {}).get(name)
        if state is None:
            findings.problem(f"there is no alarm {name} in {place.names.region}")
        elif state == "ALARM":
            findings.doubt(f"the alarm {name} rings already, and ECS ignores such a one for the whole deployment")


def _states(place: Place, names: list[str]) -> Mapping[str, str]:
    told = place.aws.call("cloudwatch", "DescribeAlarms", AlarmNames=names, AlarmTypes=KINDS, MaxRecords=100)
    found = (*told.get("MetricAlarms", ()), *told.get("CompositeAlarms", ()))
    return {one["AlarmName"]: one["StateValue"] for one in found}
