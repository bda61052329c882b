"""Run one task of a release's task definition to its end, beside the service: an errand such as a migration."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from decodeat_ops.core.aws import AwsRefused
from decodeat_ops.core.errors import Lost, StepFailed
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.ecs import documents
from decodeat_ops.targets.ecs.failure import LOG_LINES
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.task_lists import described, listed, task_id
from decodeat_ops.targets.ecs.task_log import last_lines
from decodeat_ops.targets.ecs.waiting import Waiting, duration

GROUP = "decodeat-ops:migrate"
BACK = "--to"  # the word of a migration that takes another one back
STOP_MINUTES = 5.0  # that a task may take to end once it was told to
LOG_SECONDS = 30.0  # in which the last lines of a task that has ended reach its log


@dataclass(frozen=True)
class Errand:
    """Describe a task: `python -m decodeat` with these words. `started_by` names the change, as ECS lists it."""

    task_definition: str
    started_by: str
    words: tuple[str, ...]

    @property
    def command(self) -> list[str]:
        return ["python", "-m", "decodeat", *self.words]

    def is_near(self, task: Mapping[str, Any]) -> bool:
        """Return whether a task was started for this errand, or for the one that undoes it."""
        return task.get("startedBy") == self.started_by and task.get("taskDefinitionArn") == self.task_definition

    def is_of(self, task: Mapping[str, Any], container: str) -> bool:
        """Return whether a task was started for this errand."""
        return self.is_near(task) and _command(task, container) == self.command


@dataclass(frozen=True)
class Ended:
    """Hold how a task ended: its exit code, None when its container never ran, and the JSON object it printed last."""

    task: str
    code: int | None
    reason: str
    told: Mapping[str, Any] | None
    lines: tuple[str, ...]


def running_of(place: Place, errand: Errand) -> str:
    """Return the ARN of a task that runs for this errand, "" when none does."""
    return next((str(one["taskArn"]) for one in _of(place, errand, "RUNNING")), "")


def since_undo(place: Place, errand: Errand) -> list[str]:
    """Return the ARNs of the tasks that ended of this errand, oldest first, without those that an undo took back.

    ECS remembers a task for an hour after its end.
    """
    tasks = _ended(place, errand)
    backs = [number for number, one in enumerate(tasks) if BACK in _command(one, place.names.container)]
    after = tasks[backs[-1] + 1 :] if backs else tasks
    return [str(one["taskArn"]) for one in after if errand.is_of(one, place.names.container)]


def ended_before(place: Place, errand: Errand) -> list[str]:
    """Return the ARNs of all tasks that ended of this errand or of its undo, oldest first."""
    return [str(one["taskArn"]) for one in _ended(place, errand)]


def _ended(place: Place, errand: Errand) -> list[Mapping[str, Any]]:
    tasks = [one for one in described(place, listed(place, "STOPPED", service=False)) if errand.is_near(one)]
    return sorted(tasks, key=lambda one: str(one.get("createdAt", "")))


def _of(place: Place, errand: Errand, status: str) -> Iterator[Mapping[str, Any]]:
    tasks = described(place, listed(place, status, service=False))
    return (one for one in tasks if errand.is_of(one, place.names.container))


def _command(task: Mapping[str, Any], container: str) -> list[str]:
    overrides = task.get("overrides", {}).get("containerOverrides", ())
    return next((list(one.get("command", ())) for one in overrides if one.get("name") == container), [])


def start(place: Place, errand: Errand, token: str) -> str:
    """Start the task and return its ARN. Raises `StepFailed` when ECS has no place for it."""
    names = place.names
    network = documents.service(place, errand.task_definition)["networkConfiguration"]
    answer = place.aws.call(
        "ecs",
        "RunTask",
        cluster=names.cluster,
        taskDefinition=errand.task_definition,
        launchType="FARGATE",
        count=1,
        group=GROUP,
        startedBy=errand.started_by,
        networkConfiguration=network,
        overrides={"containerOverrides": [{"name": names.container, "command": errand.command}]},
        tags=names.tags(),
        clientToken=token,
    )
    if answer["tasks"]:
        return str(answer["tasks"][0]["taskArn"])
    reasons = "; ".join(str(one.get("reason", "")) for one in answer.get("failures", ())) or "it gives no reason"
    raise StepFailed(
        f"ECS started no task for `{' '.join(errand.command)}`: {reasons}.",
        hint="Mend the cause and run the command again.",
    )


def ended(place: Place, context: Context, errand: Errand, task: str, *, patient: bool = True) -> Ended:
    """Wait until the task has ended, and return how. One that takes longer than `ecs.deploy_minutes` is stopped.

    Raises `Lost` when ECS forgot the task, or it can't be stopped: what it did is unknown then.
    """
    waiting = Waiting(place, context, 60 * place.loaded.settings.ecs.deploy_minutes, patient)
    stopping: Waiting | None = None
    while True:
        found = _task(place, task)
        if found["lastStatus"] == "STOPPED":
            break
        if stopping is None and waiting.over:
            why = f"longer than {duration(waiting.limit)}"
            place.aws.call("ecs", "StopTask", cluster=place.names.cluster, task=task, reason=f"decodeat-ops: {why}")
            stopping = Waiting(place, context, 60 * STOP_MINUTES, patient)
        if stopping is not None and stopping.over:
            raise Lost(f"The task {task_id(found)} was told to stop and still runs; what it did is not known.")
        doing = "stopping it, it took too long" if stopping else f"task {task_id(found)} {found['lastStatus'].lower()}"
        context.progress(f"{doing} ({duration(waiting.seconds)} of {duration(waiting.limit)})")
        (stopping or waiting).pause()
    return _end(place, context, errand, found, stopped=stopping is not None)


def _task(place: Place, task: str) -> Mapping[str, Any]:
    found = described(place, [task])
    if not found:
        raise Lost(f"ECS does not know the task {task.rpartition('/')[2]} any more; what it did is not known.")
    return found[0]


def _end(place: Place, context: Context, errand: Errand, task: Mapping[str, Any], *, stopped: bool) -> Ended:
    container: Mapping[str, Any] = next(
        (one for one in task.get("containers", ()) if one["name"] == place.names.container), {}
    )
    code = container.get("exitCode")
    lines, told = _log(place, context, errand, task_id(task), ran=code is not None)
    reason = container.get("reason") or task.get("stoppedReason", "")
    if stopped:
        reason = f"it was stopped after {place.loaded.settings.ecs.deploy_minutes:g} min, the limit ecs.deploy_minutes"
    return Ended(task_id(task), code, reason, told, lines)


def _log(
    place: Place, context: Context, errand: Errand, task: str, *, ran: bool
) -> tuple[tuple[str, ...], Mapping[str, Any] | None]:
    """Return the last lines of a task that has ended and what it reported; lines come some seconds after the end."""
    waiting = Waiting(place, context, LOG_SECONDS if ran else 0, patient=False)
    while True:
        try:
            lines = last_lines(place, errand.task_definition, task, LOG_LINES)
        except AwsRefused as error:
            return (f"(its log could not be read: {error.advice.what})",), None
        if lines is None:
            return (), None
        told = next((one for one in map(_json, reversed(lines)) if one is not None), None)
        if told is not None or waiting.over:
            return lines, told
        waiting.pause()


def _json(line: str) -> Mapping[str, Any] | None:
    """Return the report of a command, None for another line; those of the log are objects too, without a format."""
    if not line.startswith("{"):
        return None
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "format" in found else None
