"""Read the log of one task in CloudWatch, of a deployment that failed or of a migration."""

from dataclasses import dataclass

from decodeat_ops.core.aws import AwsRefused
from decodeat_ops.targets.ecs.place import Place


@dataclass(frozen=True)
class TaskLog:
    """Name the log of a task definition's tasks: the group, and the prefix of the streams, one for each task."""

    place: Place
    group: str
    prefix: str

    @classmethod
    def of(cls, place: Place, task_definition: str) -> "TaskLog | None":
        """Return the log of a task definition's tasks, None when it has none in CloudWatch."""
        answer = place.aws.call("ecs", "DescribeTaskDefinition", taskDefinition=task_definition)
        for container in answer["taskDefinition"]["containerDefinitions"]:
            log = container.get("logConfiguration", {})
            options = log.get("options", {})
            if container["name"] == place.names.container and log.get("logDriver") == "awslogs":
                return cls(place, options["awslogs-group"], options.get("awslogs-stream-prefix", ""))
        return None

    def last(self, task: str, count: int) -> tuple[str, ...]:
        """Return the last `count` lines that a task wrote, oldest first; none when it never wrote one."""
        name = f"{self.prefix}/{self.place.names.container}/{task}"
        try:
            answer = self.place.aws.call(
                "logs", "GetLogEvents", logGroupName=self.group, logStreamName=name, limit=count, startFromHead=False
            )
        except AwsRefused as error:
            if error.error == "ResourceNotFoundException":
                return ()
            raise
        return tuple(line for event in answer["events"] for line in str(event["message"]).splitlines())
