"""Say why a deployment failed, from what ECS and the tasks themselves left: events, stopped tasks, exit codes, logs."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from decodeat_ops.core.errors import OpsError
from decodeat_ops.targets.ecs.observed import ServiceState
from decodeat_ops.targets.ecs.observing import service_state
from decodeat_ops.targets.ecs.ours import ACTIVE, label
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.task_lists import described, listed, task_id
from decodeat_ops.targets.ecs.task_log import last_lines

EVENTS, TASKS, LOG_LINES = 10, 3, 20  # how many of each are told, the newest


def why(place: Place, task_definition: str, since: str = "") -> tuple[str, ...]:
    """Return what is known of a failed deployment, for people; a read that fails is one of the lines.

    `since` is when the deployment began (ISO 8601), "" when that is not known.
    """
    tasks: list[Mapping[str, Any]] = []

    def stopped() -> Iterable[str]:
        tasks.extend(_stopped(place, task_definition))
        return [line for task in tasks for line in _of_task(task)]

    return (
        *_read("the service's events", lambda: _events(service_state(place), since)),
        *_read("its stopped tasks", stopped),
        *_read("its log", lambda: _logs(place, task_definition, tasks)),
    )


def serves_now(place: Place) -> str:
    """Return in a sentence what runs now, from a fresh look."""
    try:
        service = service_state(place)
    except OpsError as error:
        return f"What serves now could not be asked: {error.advice.what}"
    return running(service)


def running(service: ServiceState | None) -> str:
    """Return in a sentence what a service runs."""
    if service is None or service.status != ACTIVE:
        return "Nothing serves now: there is no service."
    told = [f"{label(one.task_definition)} with {_tasks(one.running)}" for one in service.deployments if one.running]
    return f"What runs now: {', '.join(told)}." if told else "No task of the service runs now: nothing serves."


def _tasks(count: int) -> str:
    return f"{count} task{'' if count == 1 else 's'}"


def _read(what: str, read: Callable[[], Iterable[str]]) -> tuple[str, ...]:
    """Return lines, or one that says that they can't be read: a report must not hide the failure that it is about."""
    try:
        return tuple(read())
    except OpsError as error:
        return (f"({what} could not be read: {error.advice.what})",)


def _events(service: ServiceState | None, since: str) -> list[str]:
    if service is None:
        return []
    began = _moment(since)
    newer = [one for one in service.events if began is None or (_moment(one.at) or began) >= began]
    newest = sorted(newer, key=lambda one: one.at)[-EVENTS:]
    return [f"{one.at}  {one.message}" for one in newest]


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _stopped(place: Place, task_definition: str) -> list[Mapping[str, Any]]:
    """Return the newest stopped tasks of a task definition that the service had started, oldest first."""
    found = [
        one
        for one in described(place, listed(place, "STOPPED", service=True))
        if one.get("taskDefinitionArn") == task_definition
    ]
    return sorted(found, key=lambda one: str(one.get("stoppedAt", one.get("createdAt", ""))))[-TASKS:]


def _of_task(task: Mapping[str, Any]) -> list[str]:
    lines = [f"task {task_id(task)} stopped: {task.get('stoppedReason') or 'ECS gives no reason'}"]
    for container in task.get("containers", ()):
        code, reason = container.get("exitCode"), container.get("reason", "")
        if code is not None or reason:
            ended = f"exit code {code}" if code is not None else "it did not start"
            lines.append(f"  container {container['name']}: {ended}{f' ({reason})' if reason else ''}")
    return lines


def _logs(place: Place, task_definition: str, tasks: Sequence[Mapping[str, Any]]) -> list[str]:
    if not tasks:
        return []
    newest = task_id(tasks[-1])  # the others most likely ended alike
    told = last_lines(place, task_definition, newest, LOG_LINES)
    return [f"last lines of task {newest}:", *(f"  {line}" for line in told)] if told else []
