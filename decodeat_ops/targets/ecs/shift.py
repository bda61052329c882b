"""Look at ECS's own shifts of traffic, blue/green, linear and canary: ECS keeps a service deployment of each."""

import math
from collections.abc import Collection, Iterator, Mapping
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
    """Hold one service deployment. `weight` is the share of clients' requests that its revision gets, in percent.

    `back_to` is the task definition that ECS goes back to, "" where it does not; `finished_at` is ISO 8601 or "".
    """

    arn: str
    status: str
    stage: str = ""
    reason: str = ""
    weight: float = 0.0
    running: int = 0
    requested: int = 0
    back_to: str = ""
    finished_at: str = ""

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

    def went_back_to(self, deployment: Deployment) -> bool:
        """Return whether ECS went back to this deployment, or does; not to one that was begun when all was over."""
        times = [datetime.fromisoformat(one) for one in (self.finished_at, deployment.created_at) if one]
        later = len(times) == 2 and times[0] < times[1]
        return self.back_to == deployment.task_definition and self.outcome == "back" and not later

    @property
    def at(self) -> str:
        """Return its stage for people, and the share of the requests."""
        stage = self.stage.lower().replace("_", " ") or self.status.lower().replace("_", " ")
        return f"{stage}, {self.weight:g} % of requests"

    @property
    def tasks(self) -> str:
        """Return for people how many tasks of its revision run."""
        return f"{self.running} of {self.requested} tasks run"

    @property
    def text(self) -> str:
        """Return for people how far it is."""
        return f"{self.at}, {self.tasks}"


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
    newest = _newest(place, since, {task_definition})
    return look(place, newest["serviceDeploymentArn"]) if newest else None


def current(place: Place, service: ServiceState) -> Shift | None:
    """Return the shift that decides whether a service can be updated, None when it is not listed yet.

    That is the newest one of what the service has: of its primary deployment, or one that ECS takes back to it.
    """
    since = min((one.created_at for one in service.deployments), default="")
    newest = _newest(place, since, {one.task_definition for one in service.deployments})
    found = look(place, newest["serviceDeploymentArn"]) if newest else None
    primary = service.primary
    if newest is None or found is None or primary is None:
        return None
    own = newest["taskDefinition"] == primary.task_definition and _since(newest, primary)
    return found if own or found.went_back_to(primary) else None


def _newest(place: Place, since: str, task_definitions: Collection[str]) -> Mapping[str, Any] | None:
    """Return the newest listed service deployment of some task definitions, with its own one beside what is listed."""
    listed = list(_listed(place, since))
    brought = _task_definitions(place, [one["targetServiceRevisionArn"] for one in listed])
    told = ({**one, "taskDefinition": brought[one["targetServiceRevisionArn"]]} for one in listed)
    return max((one for one in told if one["taskDefinition"] in task_definitions), key=_created, default=None)


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
    return next((_shift(place, one) for one in answer["serviceDeployments"]), None)


def _shift(place: Place, raw: Mapping[str, Any]) -> Shift:
    target, rollback, finished = raw.get("targetServiceRevision", {}), raw.get("rollback", {}), raw.get("finishedAt")
    earlier = rollback.get("serviceRevisionArn", "")
    return Shift(
        arn=raw["serviceDeploymentArn"],
        status=raw["status"],
        stage=raw.get("lifecycleStage", ""),
        reason=rollback.get("reason", "") or raw.get("statusReason", ""),
        weight=float(target.get("requestedProductionTrafficWeight", 0.0)),
        running=int(target.get("runningTaskCount", 0)),
        requested=int(target.get("requestedTaskCount", 0)),
        back_to=_task_definitions(place, [earlier])[earlier] if earlier else "",
        finished_at=finished.isoformat(timespec="seconds") if finished else "",
    )


def _listed(place: Place, since: str) -> Iterator[Mapping[str, Any]]:
    names = place.names
    after = {"createdAt": {"after": datetime.fromisoformat(since) - CLOCKS}} if since else {}
    yield from place.aws.pages(
        "ecs", "ListServiceDeployments", "serviceDeployments", cluster=names.cluster, service=names.service, **after
    )


def _task_definitions(place: Place, revisions: list[str]) -> dict[str, str]:
    """Return the task definition of each service revision, "" for one that is gone. None changes: AWS is asked once."""
    unknown = [one for one in revisions if ("service revision", one) not in place.remembered]
    for start in range(0, len(unknown), _REVISIONS):
        part = unknown[start : start + _REVISIONS]
        answer = place.aws.call("ecs", "DescribeServiceRevisions", serviceRevisionArns=part)
        for one in answer["serviceRevisions"]:
            place.remembered["service revision", one["serviceRevisionArn"]] = one["taskDefinition"]
    return {one: place.remembered.get(("service revision", one), "") for one in revisions}
