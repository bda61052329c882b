"""Tell the deployment that a change has made apart from those that were there before, and from those of others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from decodeat_ops.core.errors import StepFailed
from decodeat_ops.targets.ecs.observed import IN_PROGRESS, PRIMARY, Deployment, ServiceState

ACTIVE = "ACTIVE"  # status of a service that can be changed
# What a change may alter of a service, as UpdateService takes it and DescribeServices tells it. Task definition and
# desired count are said apart.
SHAPE = (
    "availabilityZoneRebalancing",
    "deploymentConfiguration",
    "enableECSManagedTags",
    "enableExecuteCommand",
    "healthCheckGracePeriodSeconds",
    "loadBalancers",
    "networkConfiguration",
    "platformVersion",
    "propagateTags",
)


@dataclass(frozen=True)
class Ours:
    """Identify our deployment: it brings this task definition, and its id is none of those seen before.

    A task definition is registered for one change, and `guard` holds the ids of the deployments that the plan was made
    from; so it is found again after a crash, though ECS gave it its id only then.
    """

    task_definition: str
    guard: frozenset[str]

    def among(self, service: ServiceState) -> Deployment | None:
        """Return our newest deployment of those that a service has now, None when there is none."""
        found = [
            one
            for one in service.deployments
            if one.task_definition == self.task_definition and one.id not in self.guard
        ]
        return next((one for one in found if one.status == PRIMARY), found[0] if found else None)

    def strangers(self, service: ServiceState) -> tuple[Deployment, ...]:
        """Return the deployments that were not there before and are not ours."""
        return tuple(
            one
            for one in service.deployments
            if one.id not in self.guard and one.task_definition != self.task_definition
        )


def shape(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a service is, as UpdateService takes it. Empty lists stay: they take away what a change added."""
    return {name: raw[name] for name in SHAPE if name in raw}


def under_way(service: ServiceState) -> bool:
    """Return whether a deployment is still being rolled out, or tasks of an earlier one still run.

    A failed deployment without tasks, which some lists keep for hours, is over.
    """
    return any(
        one.rollout_state == IN_PROGRESS or (one.status != PRIMARY and one.running + one.pending > 0)
        for one in service.deployments
    )


def label(task_definition: str) -> str:
    """Return the family and revision of a task definition's ARN."""
    return task_definition.rpartition("/")[2]


def require_unmoved(service: ServiceState | None, guard: Sequence[str], primary: str, place: str) -> ServiceState:
    """Return the service. Raises `StepFailed` when it is gone, or has other deployments than the plan was made from."""
    again = "Run the command again: it plans with what is there now."
    if service is None or service.status != ACTIVE:
        state = "is not there any more" if service is None else f"is {service.status}"
        raise StepFailed(f"The service {place} {state}: somebody deleted it.", hint=again)
    moved = [one for one in service.deployments if one.id not in guard]
    now = service.primary
    if moved:
        what = f"the deployment {moved[0].id} ({label(moved[0].task_definition)}) was not there then"
    elif now is None or now.id == primary:
        return service
    else:
        what = f"it went back to the deployment {now.id} ({label(now.task_definition)})"
    raise StepFailed(f"The service {place} changed since this was planned: {what}.", hint=again)
