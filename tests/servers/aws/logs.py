"""Answer CloudWatch Logs: groups, streams and events."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.servers.aws.account import Account
from tests.servers.aws.errors import Answer, Params, Refused, invalid
from tests.servers.aws.paging import LOGS, Paging, page

if TYPE_CHECKING:
    from tests.servers.aws.fake import Aws

EVENTS = Paging("nextToken", "limit", "nextToken", 10000, 10000)
DAYS = {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}


@dataclass(frozen=True)
class Event:
    """Hold one line; times in milliseconds."""

    at: int
    message: str
    number: int


@dataclass
class Group:
    """Hold a log group: its streams of events by name."""

    name: str
    created: int
    retention: int = 0
    tags: dict[str, str] = field(default_factory=dict)
    streams: dict[str, list[Event]] = field(default_factory=dict)


@dataclass
class Logs:
    """Hold the log groups of an account by name. While it `loses` lines, what containers write never arrives."""

    account: Account
    loses: bool = False
    groups: dict[str, Group] = field(default_factory=dict)

    def group(self, name: str) -> Group:
        """Return a group, made now when there is none."""
        return self.groups.setdefault(name, Group(name, self.account.milliseconds()))

    def write(self, group: str, stream: str, *lines: str) -> None:
        """Append lines to a stream, as a container does."""
        events = self.groups[group].streams.setdefault(stream, [])
        for line in () if self.loses else lines:
            events.append(Event(self.account.milliseconds(), line, int(self.account.unique(12), 16)))

    def lines(self, group: str) -> list[str]:
        """Return all lines of a group."""
        return [event.message for events in self.groups[group].streams.values() for event in events]


def _group(aws: "Aws", name: str) -> Group:
    plain = name.partition(":log-group:")[2].removesuffix(":*") if name.startswith("arn:") else name
    if plain not in aws.logs.groups:
        raise Refused("ResourceNotFoundException", "The specified log group does not exist.")
    return aws.logs.groups[plain]


def _asked(aws: "Aws", params: Params) -> Group:
    names = [params[key] for key in ("logGroupName", "logGroupIdentifier") if key in params]
    if len(names) != 1:
        raise invalid("Exactly one of logGroupName and logGroupIdentifier has to be given.")
    return _group(aws, names[0])


def create_log_group(aws: "Aws", params: Params) -> Answer:
    name = params["logGroupName"]
    if name in aws.logs.groups:
        raise Refused("ResourceAlreadyExistsException", "The specified log group already exists")
    aws.logs.group(name).tags = dict(params.get("tags", {}))
    return {}


def delete_log_group(aws: "Aws", params: Params) -> Answer:
    del aws.logs.groups[_group(aws, params["logGroupName"]).name]
    return {}


def put_retention_policy(aws: "Aws", params: Params) -> Answer:
    if params["retentionInDays"] not in DAYS:
        raise invalid(
            f"1 validation error detected: Value '{params['retentionInDays']}' at 'retentionInDays' is not allowed"
        )
    _group(aws, params["logGroupName"]).retention = params["retentionInDays"]
    return {}


def describe_log_groups(aws: "Aws", params: Params) -> Answer:
    prefix, pattern = params.get("logGroupNamePrefix", ""), params.get("logGroupNamePattern", "")
    if prefix and pattern:
        raise invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
    held = [
        _shown(aws, group)
        for name, group in sorted(aws.logs.groups.items())
        if name.startswith(prefix) and pattern.lower() in name.lower()
    ]
    groups, more = page(held, params, LOGS, aws.switches, "InvalidParameterException")
    return {"logGroups": groups, **more}


def _shown(aws: "Aws", group: Group) -> Answer:
    arn = aws.account.arn("logs", f"log-group:{group.name}")
    shown: Answer = {
        "logGroupName": group.name,
        "creationTime": group.created,
        "arn": f"{arn}:*",
        "logGroupArn": arn,
        "metricFilterCount": 0,
        "storedBytes": 0,
    }
    return shown | ({"retentionInDays": group.retention} if group.retention else {})


def describe_log_streams(aws: "Aws", params: Params) -> Answer:
    group = _asked(aws, params)
    prefix = params.get("logStreamNamePrefix", "")
    by_time = params.get("orderBy") == "LastEventTime"
    if by_time and prefix:
        raise invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
    names = sorted(
        (name for name in group.streams if name.startswith(prefix)),
        key=lambda name: (group.streams[name][-1].at if by_time and group.streams[name] else 0, name),
        reverse=params.get("descending", False),
    )
    streams, more = page(
        [_stream(group, name) for name in names], params, LOGS, aws.switches, "InvalidParameterException"
    )
    return {"logStreams": streams, **more}


def _stream(group: Group, name: str) -> Answer:
    events = group.streams[name]
    shown: Answer = {"logStreamName": name, "creationTime": group.created}
    if events:
        shown |= {"firstEventTimestamp": events[0].at, "lastEventTimestamp": events[-1].at}
    return shown


def get_log_events(aws: "Aws", params: Params) -> Answer:
    """Return a page of one stream. Its tokens never end: the same token comes back at the end, as the real one does."""
    group = _asked(aws, params)
    if params["logStreamName"] not in group.streams:
        raise Refused("ResourceNotFoundException", "The specified log stream does not exist.")
    events = _between(group.streams[params["logStreamName"]], params)
    limit = min(params.get("limit", 10000), aws.switches.page_size or 10000)
    token = params.get("nextToken", "")
    kind, _, at = token.partition("/")
    if token and kind not in {"f", "b"}:
        raise invalid("The specified nextToken is invalid.")
    if kind == "f" or (not token and params.get("startFromHead")):
        start = int(at or 0)
        stop = min(len(events), start + limit)
    else:
        stop = int(at) if token else len(events)
        start = max(0, stop - limit)
    shown = [{"timestamp": one.at, "message": one.message, "ingestionTime": one.at} for one in events[start:stop]]
    return {"events": shown, "nextForwardToken": f"f/{stop}", "nextBackwardToken": f"b/{start}"}


def _between(events: list[Event], params: Params) -> list[Event]:
    first, last = params.get("startTime", 0), params.get("endTime")
    return [one for one in events if one.at >= first and (last is None or one.at < last)]


def filter_log_events(aws: "Aws", params: Params) -> Answer:
    group = _asked(aws, params)
    prefix, names = params.get("logStreamNamePrefix"), params.get("logStreamNames")
    if prefix is not None and names is not None:
        raise invalid("logStreamNames and logStreamNamePrefix are mutually exclusive.")
    if names is not None and not set(names) <= set(group.streams):
        raise Refused("ResourceNotFoundException", "The specified log stream does not exist.")
    pattern = params.get("filterPattern", "").strip('"')
    found: list[Answer] = [
        {
            "logStreamName": name,
            "timestamp": one.at,
            "message": one.message,
            "ingestionTime": one.at,
            "eventId": str(one.number),
        }
        for name, events in group.streams.items()
        if (names is None or name in names) and name.startswith(prefix or "")
        for one in _between(events, params)
        if pattern in one.message
    ]
    found.sort(key=lambda event: event["timestamp"])
    events, more = page(found, params, EVENTS, aws.switches, "InvalidParameterException")
    return {"events": events, "searchedLogStreams": [], **more}


def tag_resource(aws: "Aws", params: Params) -> Answer:
    _group(aws, params["resourceArn"]).tags |= params["tags"]
    return {}


def list_tags_for_resource(aws: "Aws", params: Params) -> Answer:
    return {"tags": _group(aws, params["resourceArn"]).tags}


OPERATIONS: dict[str, Callable[["Aws", Params], Answer]] = {
    "CreateLogGroup": create_log_group,
    "DeleteLogGroup": delete_log_group,
    "PutRetentionPolicy": put_retention_policy,
    "DescribeLogGroups": describe_log_groups,
    "DescribeLogStreams": describe_log_streams,
    "GetLogEvents": get_log_events,
    "FilterLogEvents": filter_log_events,
    "TagResource": tag_resource,
    "ListTagsForResource": list_tags_for_resource,
}
