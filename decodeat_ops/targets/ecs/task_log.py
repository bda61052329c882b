"""Read the last lines of one task's log in CloudWatch, of a deployment that failed or of a migration."""

from decodeat_ops.core.aws import AwsRefused
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.streams import NOT_THERE, streams_of


def last_lines(place: Place, task_definition: str, task: str, count: int) -> tuple[str, ...] | None:
    """Return the last `count` lines that a task wrote, oldest first: none when it never wrote one.

    None means that its log is not in CloudWatch.
    """
    streams = streams_of(place, task_definition)
    if streams is None:
        return None
    name = f"{streams.prefix}{task}"
    try:
        answer = place.aws.call(
            "logs", "GetLogEvents", logGroupName=streams.group, logStreamName=name, limit=count, startFromHead=False
        )
    except AwsRefused as error:
        if error.error == NOT_THERE:
            return ()
        raise
    return tuple(line for event in answer["events"] for line in str(event["message"]).splitlines())
