"""Look at tasks of the cluster: those of the service, and those that were started one by one."""

from collections.abc import Mapping, Sequence
from typing import Any

from decodeat_ops.targets.ecs.place import Place

_DESCRIBED = 100  # tasks that one call describes


def listed(place: Place, status: str, *, service: bool) -> list[str]:
    """Return the ARNs of tasks that are to be RUNNING, or STOPPED: of the service, or all of the family."""
    names = place.names
    which = {"serviceName": names.service} if service else {"family": names.family}
    found = place.aws.pages("ecs", "ListTasks", "taskArns", cluster=names.cluster, desiredStatus=status, **which)
    return list(found)


def described(place: Place, tasks: Sequence[str]) -> list[Mapping[str, Any]]:
    """Return tasks as ECS describes them; one that it knows no longer is left out."""
    found: list[Mapping[str, Any]] = []
    for start in range(0, len(tasks), _DESCRIBED):
        part = list(tasks[start : start + _DESCRIBED])
        found += place.aws.call("ecs", "DescribeTasks", cluster=place.names.cluster, tasks=part)["tasks"]
    return found


def task_id(task: Mapping[str, Any]) -> str:
    """Return the id in a task's ARN, which names its log stream too."""
    return str(task["taskArn"]).rpartition("/")[2]
