"""Look at ECS's own shifts of traffic, blue/green, linear and canary: ECS keeps a service deployment of each."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from decodeat_ops.settings.schema import Loaded
from decodeat_ops.targets.ecs.observed import COMPLETED, FAILED, IN_PROGRESS, Deployment, ServiceState
from decodeat_ops.targets.ecs.place import Place

SUCCESSFUL, STOPPED = "SUCCESSFUL", "STOPPED"
BACK = frozenset({"ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"})
STOPPING = frozenset({"STOP_REQUESTED", STOPPED})
GOING = frozenset({"PENDING", "IN_PROGRESS"})
GAVE_UP = frozenset({STOPPED, "ROLLBACK_FAILED"})
CLOCKS = timedelta(seconds=5)  # by which two times of ECS may differ that mean the same call
_REVISIONS = 20  # that one call describes
_ROLLOUT = {"done": COMPLETED, "going": IN_PROGRESS, "back": FAILED, "stopped": FAILED}


@dataclass(frozen=True)
class Shift:
    """Hold one service deployment. `weight` is the share of clients' requests that its revision gets, in percent."""

    arn: str
    status: str
    stage: str = ""
    reason: str = ""
    weight: float = 0.0
    running: int = 0
    requested: int = 0

    @property
    def outcome(self) -> Literal["going", "done", "back", "stopped", "unknown"]:
        """Return what has become of it. A status that ECS may add some day is unknown, and never success."""
        if self.status == SUCCESSFUL:
            return "done"
        if self.status in BACK:
            return "back"
        if self.status in STOPPING:
            return "stopped"
        return "going" if self.status in GOING else "unknown"

    @property
    def gave_up(self) -> bool:
        """Return whether ECS has left it half done: tasks of two revisions may run on, and no update queues up."""
        return self.status in GAVE_UP

    @property
    def over(self) -> bool:
        """Return whether it goes neither on nor back any more, however it ended."""
        return self.gave_up or self.status in {SUCCESSFUL, "ROLLBACK_SUCCESSFUL"}

    @property
    def text(self) -> str:
        """Return its stage for people."""
        stage = self.stage.lower().replace("_", " ") or self.status.lower().replace("_", " ")
        return f"{stage}, {self.weight:g} % of requests, {self.running} of {self.requested} tasks run"


def shifts(loaded: Loaded) -> bool:
    """Return whether the settings ask for a shift between two target groups."""
    return loaded.settings.ecs.strategy != "rolling"


def is_of(service: ServiceState) -> bool:
    """Return whether a service is deployed by shifts now, whatever the settings ask for."""
    return service.strategy not in {"", "ROLLING"}


def minutes(loaded: Loaded) -> float:
    """Return how many minutes a shift takes by itself: its steps and the time both revisions run."""
    ecs = loaded.settings.ecs
    if ecs.strategy == "rolling":
        return 0
    steps = {"linear": math.ceil(100 / ecs.step_percent), "canary": 1}.get(ecs.strategy, 0)
    return ecs.bake_minutes + steps * ecs.step_minutes


def words(loaded: Loaded) -> str:
    """Return the strategy for people, with its own times."""
    ecs = loaded.settings.ecs
    bakes = f"both run {ecs.bake_minutes} min more"
    each = f"{ecs.step_percent:g} % every {ecs.step_minutes} min"
    return {
        "rolling": "rolling",
        "blue-green": f"blue/green, {bakes}",
        "linear": f"linear, {each}, {bakes}",
        "canary": f"canary, {ecs.step_percent:g} % for {ecs.step_minutes} min, then all, {bakes}",
    }[ecs.strategy]


def find(place: Place, task_definition: str, since: str) -> Shift | None:
    """Return the newest service deployment of a task definition that was made since then, None when none is listed."""
    listed = list(_listed(place, since))
    targets = _task_definitions(place, [one["targetServiceRevisionArn"] for one in listed])
    fitting = [one for one in listed if targets.get(one["targetServiceRevisionArn"]) == task_definition]
    newest = max(fitting, key=_created, default=None)
    return look(place, newest["serviceDeploymentArn"]) if newest else None


def current(place: Place, service: ServiceState) -> Shift | None:
    """Return the shift that decides whether a service can be updated, None when it is not listed yet.

    That is the newest one of what the service has: of its primary deployment, or one that ECS takes back to it.
    """
    primary, there = service.primary, {one.task_definition for one in service.deployments}
    listed = list(_listed(place, min((one.created_at for one in service.deployments), default="")))
    targets = _task_definitions(place, [one["targetServiceRevisionArn"] for one in listed])
    fitting = [one for one in listed if targets.get(one["targetServiceRevisionArn"]) in there]
    newest = max(fitting, key=_created, default=None)
    found = look(place, newest["serviceDeploymentArn"]) if newest else None
    if newest is None or found is None or primary is None:
        return None
    theirs = targets[newest["targetServiceRevisionArn"]] == primary.task_definition and _since(newest, primary)
    return found if theirs or found.outcome == "back" else None


def _created(listed: Mapping[str, Any]) -> str:
    return str(listed.get("createdAt", ""))


def _since(listed: Mapping[str, Any], deployment: Deployment) -> bool:
    """Return whether a listed service deployment is young enough to be a deployment's, and no earlier one's."""
    if not deployment.created_at or "createdAt" not in listed:
        return True
    return bool(listed["createdAt"] >= datetime.fromisoformat(deployment.created_at) - CLOCKS)


def rollout_state(place: Place, deployment: Deployment) -> str:
    """Return how far a deployment is, "" for a status that ECS may add some day.

    ECS tells it in the service itself of rolling deployments alone. Of a shift its service deployment says it, and one
    that is no longer listed ended long ago: ECS keeps them for 90 days.
    """
    if deployment.rollout_state:
        return deployment.rollout_state
    found = find(place, deployment.task_definition, deployment.created_at)
    return _ROLLOUT.get(found.outcome, "") if found else COMPLETED


def look(place: Place, arn: str) -> Shift | None:
    """Return a service deployment as it is now, None when ECS knows it no longer."""
    answer = place.aws.call("ecs", "DescribeServiceDeployments", serviceDeploymentArns=[arn])
    return next((_shift(one) for one in answer["serviceDeployments"]), None)


def _shift(raw: Mapping[str, Any]) -> Shift:
    target = raw.get("targetServiceRevision", {})
    rollback = raw.get("rollback", {}).get("reason", "")
    return Shift(
        arn=raw["serviceDeploymentArn"],
        status=raw["status"],
        stage=raw.get("lifecycleStage", ""),
        reason=rollback or raw.get("statusReason", ""),
        weight=float(target.get("requestedProductionTrafficWeight", 0.0)),
        running=int(target.get("runningTaskCount", 0)),
        requested=int(target.get("requestedTaskCount", 0)),
    )


def _listed(place: Place, since: str) -> Iterator[Mapping[str, Any]]:
    names = place.names
    after = {"createdAt": {"after": datetime.fromisoformat(since) - CLOCKS}} if since else {}
    yield from place.aws.pages(
        "ecs", "ListServiceDeployments", "serviceDeployments", cluster=names.cluster, service=names.service, **after
    )


def _task_definitions(place: Place, revisions: list[str]) -> dict[str, str]:
    """Return the task definition of each service revision."""
    told: dict[str, str] = {}
    for start in range(0, len(revisions), _REVISIONS):
        part = revisions[start : start + _REVISIONS]
        answer = place.aws.call("ecs", "DescribeServiceRevisions", serviceRevisionArns=part)
        told |= {one["serviceRevisionArn"]: one["taskDefinition"] for one in answer["serviceRevisions"]}
    return told
