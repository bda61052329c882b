"""Answer CloudWatch: metric and composite alarms, and metrics as a test has set them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.servers.aws.account import Account
from tests.servers.aws.errors import Answer, Params, Refused
from tests.servers.aws.paging import ALARMS, page

if TYPE_CHECKING:
    from tests.servers.aws.fake import Aws


@dataclass
class Alarm:
    """Hold an alarm: OK, ALARM or INSUFFICIENT_DATA."""

    name: str
    composite: bool = False
    state: str = "OK"


@dataclass
class Monitoring:
    """Hold alarms by name, and values by metric, such as ("AWS/ApplicationELB", "RequestCount")."""

    account: Account
    alarms: dict[str, Alarm] = field(default_factory=dict)
    metrics: dict[tuple[str, str], list[float]] = field(default_factory=dict)

    def alarm(self, name: str, *, composite: bool = False, state: str = "OK") -> Alarm:
        self.alarms[name] = Alarm(name, composite, state)
        return self.alarms[name]

    def ringing(self, names: list[str]) -> list[str]:
        """Return which of these alarms are in the state ALARM."""
        return [name for name in names if name in self.alarms and self.alarms[name].state == "ALARM"]


def describe_alarms(aws: "Aws", params: Params) -> Answer:
    """Describe alarms; without AlarmTypes only those of metrics, as the real one does."""
    names, kinds = params.get("AlarmNames"), params.get("AlarmTypes") or ["MetricAlarm"]
    if names and "AlarmNamePrefix" in params:
        raise Refused("InvalidParameterCombination", "AlarmNames and AlarmNamePrefix must not be given together.")
    held = [
        one
        for one in aws.monitoring.alarms.values()
        if (not names or one.name in names)
        and one.name.startswith(params.get("AlarmNamePrefix", ""))
        and params.get("StateValue", one.state) == one.state
        and ("CompositeAlarm" if one.composite else "MetricAlarm") in kinds
    ]
    shown, more = page(held, params, ALARMS, aws.switches, "InvalidNextToken")
    metric = [_metric(aws, one) for one in shown if not one.composite]
    composite = [_common(aws, one) | {"AlarmRule": "ALARM(other)"} for one in shown if one.composite]
    return {"MetricAlarms": metric, "CompositeAlarms": composite, **more}


def _common(aws: "Aws", one: Alarm) -> Answer:
    return {
        "AlarmName": one.name,
        "AlarmArn": aws.account.arn("cloudwatch", f"alarm:{one.name}"),
        "ActionsEnabled": True,
        "StateValue": one.state,
        "StateReason": "as the test has set it",
        "StateUpdatedTimestamp": aws.account.now(),
    }


def _metric(aws: "Aws", one: Alarm) -> Answer:
    return _common(aws, one) | {
        "MetricName": "HTTPCode_Target_5XX_Count",
        "Namespace": "AWS/ApplicationELB",
        "Statistic": "Sum",
        "Dimensions": [],
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanThreshold",
    }


def get_metric_data(aws: "Aws", params: Params) -> Answer:
    if params["StartTime"] >= params["EndTime"]:
        raise Refused("ValidationError", "The parameter StartTime must be less than the parameter EndTime.")
    results = []
    for query in params["MetricDataQueries"]:
        if ("MetricStat" in query) == ("Expression" in query):
            raise Refused("ValidationError", "A query has either MetricStat or Expression.")
        if "Expression" in query or not query.get("ReturnData", True):
            continue
        metric: Any = query["MetricStat"]["Metric"]
        values = aws.monitoring.metrics.get((metric["Namespace"], metric["MetricName"]), [])
        times = [params["EndTime"]] * len(values)
        label = query.get("Label", metric["MetricName"])
        one = {"Id": query["Id"], "Label": label, "Timestamps": times, "Values": values, "StatusCode": "Complete"}
        results.append(one)
    return {"MetricDataResults": results}


def get_metric_statistics(aws: "Aws", params: Params) -> Answer:
    if not params.get("Statistics") and not params.get("ExtendedStatistics"):
        raise Refused(
            "MissingParameter", "At least one of the parameters Statistics and ExtendedStatistics must be specified."
        )
    values = aws.monitoring.metrics.get((params["Namespace"], params["MetricName"]), [])
    points = []
    for value in values:
        point: Answer = {"Timestamp": params["StartTime"], "Unit": "Count"}
        point |= {name: value for name in params.get("Statistics", ())}
        if params.get("ExtendedStatistics"):
            point["ExtendedStatistics"] = {name: value for name in params["ExtendedStatistics"]}
        points.append(point)
    return {"Label": params["MetricName"], "Datapoints": points}


OPERATIONS: dict[str, Callable[["Aws", Params], Answer]] = {
    "DescribeAlarms": describe_alarms,
    "GetMetricData": get_metric_data,
    "GetMetricStatistics": get_metric_statistics,
}
