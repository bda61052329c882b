"""Describe the tasks of a service: what each runs, how it is, and why it has ended."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from decodeat_ops.core.aws import AwsRefused
from decodeat_ops.targets.ecs import task_lists
from decodeat_ops.targets.ecs.place import Place

NOT_THERE = frozenset({"ServiceNotFoundException", "ClusterNotFoundException"})
SHOWN = 8  # characters of a task's id that people see: enough to tell a service's tasks apart


@dataclass(frozen=True)
class Container:
    """Hold one container of a task. `exit_code` is None while it runs, and when it never ran."""

    name: str
    status: str
    exit_code: int | None
    reason: str
    runtime: str
    agent: str  # state of the agent that ECS Exec talks to: RUNNING, PENDING, STOPPED, "" for none


@dataclass(frozen=True)
class Task:
    """Hold one task. Times are ISO 8601, "" for what has not happened; `health` is ECS's own word."""

    id: str
    task_definition: str
    status: str
    health: str
    started: str
    stopped: str
    why: str  # ECS's reason for stopping it
    code: str  # the kind of that reason, such as EssentialContainerExited
    zone: str
    exec: bool
    containers: tuple[Container, ...]
    network: Mapping[str, str]  # of its network interface: privateIPv4Address, networkInterfaceId

    @property
    def short(self) -> str:
        return self.id[:SHOWN]

    @property
    def ended(self) -> str:
        """Return why it ended, with the exit codes of its containers."""
        codes = [f"{one.name} exit {one.exit_code}" for one in self.containers if one.exit_code is not None]
        reasons = [one.reason for one in self.containers if one.reason and one.reason not in self.why]
        return "; ".join(part.rstrip(".") for part in (self.why, *reasons, ", ".join(codes)) if part)

    def container(self, name: str) -> Container | None:
        return next((one for one in self.containers if one.name == name), None)


def tasks(place: Place, desired: str = "RUNNING") -> tuple[Task, ...]:
    """Return the service's tasks that are to run or, with "STOPPED", those of the last hour; newest first.

    There are none while there is no service.
    """
    try:
        arns = task_lists.listed(place, desired, service=True)
    except AwsRefused as error:
        if error.error in NOT_THERE:
            return ()
        raise
    return tuple(sorted(described(place, arns), key=lambda one: one.started or one.stopped, reverse=True))


def described(place: Place, which: Iterable[str]) -> Iterator[Task]:
    """Yield the tasks of these ARNs or ids that ECS still knows, which is for an hour after their end."""
    yield from map(task, task_lists.described(place, tuple(which)))


def task(raw: Mapping[str, Any]) -> Task:
    """Return a task as ECS describes it."""
    return Task(
        id=task_lists.task_id(raw),
        task_definition=raw["taskDefinitionArn"],
        status=raw.get("lastStatus", ""),
        health=raw.get("healthStatus", "UNKNOWN"),
        started=_stamp(raw.get("startedAt")),
        stopped=_stamp(raw.get("stoppedAt") or raw.get("stoppingAt")),
        why=raw.get("stoppedReason", ""),
        code=raw.get("stopCode", ""),
        zone=raw.get("availabilityZone", ""),
        exec=bool(raw.get("enableExecuteCommand")),
        containers=tuple(map(_container, raw.get("containers", ()))),
        network=_network(raw),
    )


def _container(raw: Mapping[str, Any]) -> Container:
    agents = {one.get("name"): one.get("lastStatus", "") for one in raw.get("managedAgents", ())}
    return Container(
        name=raw["name"],
        status=raw.get("lastStatus", ""),
        exit_code=raw.get("exitCode"),
        reason=raw.get("reason", ""),
        runtime=raw.get("runtimeId", ""),
        agent=agents.get("ExecuteCommandAgent", ""),
    )


def _network(raw: Mapping[str, Any]) -> dict[str, str]:
    for attachment in raw.get("attachments", ()):
        if attachment.get("type") == "ElasticNetworkInterface":
            return {one["name"]: one["value"] for one in attachment.get("details", ())}
    return {}


def _stamp(moment: Any) -> str:
    """Return a moment as ISO 8601; the SDK gives a datetime."""
    return moment.isoformat(timespec="seconds") if moment else ""
