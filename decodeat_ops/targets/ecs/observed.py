"""Hold one reading of a service on ECS, as data for the pure functions that make plans."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from decodeat_ops.core.target import Observed
from decodeat_ops.targets.ecs.release import EcsRelease

PRIMARY, COMPLETED, FAILED, IN_PROGRESS = "PRIMARY", "COMPLETED", "FAILED", "IN_PROGRESS"


@dataclass(frozen=True)
class Deployment:
    """Hold one deployment of a service. `created_at` is ISO 8601; `failed` counts tasks that did not start."""

    id: str
    status: str  # PRIMARY, ACTIVE, INACTIVE
    task_definition: str
    rollout_state: str = ""  # IN_PROGRESS, COMPLETED, FAILED
    rollout_reason: str = ""
    desired: int = 0
    running: int = 0
    pending: int = 0
    failed: int = 0
    created_at: str = ""

    @property
    def complete(self) -> bool:
        """Return whether it was brought about. Of an earlier deployment before a shift ECS tells no state."""
        return self.rollout_state == COMPLETED or (self.status != PRIMARY and not self.rollout_state)


@dataclass(frozen=True)
class Event:
    """Hold one event of a service. `at` is ISO 8601."""

    id: str
    at: str
    message: str


@dataclass(frozen=True)
class ServiceState:
    """Hold a service as it is now. `raw` is the whole answer of AWS, for an undo that brings it back.

    `created_by_us`: it has the tag of this deployment. `strategy` is ECS's own word, such as ROLLING.
    """

    arn: str
    status: str  # ACTIVE, DRAINING
    desired: int
    running: int
    pending: int
    task_definition: str
    deployments: tuple[Deployment, ...] = ()
    events: tuple[Event, ...] = ()  # newest first
    load_balancers: tuple[Mapping[str, Any], ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    created_by_us: bool = False
    strategy: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def primary(self) -> Deployment | None:
        """Return the deployment that ECS is bringing about, or has brought about."""
        return next((one for one in self.deployments if one.status == PRIMARY), None)

    @property
    def reached(self) -> Deployment | None:
        """Return the complete deployment that clients reach, whatever is under way beside it; None for none."""
        found = [one for one in self.deployments if one.complete and one.running > 0]
        return max(found, key=lambda one: (one.status == PRIMARY, one.created_at), default=None)

    @property
    def needed(self) -> tuple[Deployment, ...]:
        """Return the deployments whose task definitions it can't lose: the primary one, and those that tasks run of."""
        return tuple(one for one in self.deployments if one.status == PRIMARY or one.running + one.pending > 0)

    @property
    def settled(self) -> bool:
        """Return whether no deployment is under way: a failed one without tasks, which some lists keep, is over."""
        primary = self.primary
        others = [one for one in self.deployments if one is not primary]
        over = all(one.rollout_state == FAILED and one.running + one.pending == 0 for one in others)
        return primary is not None and primary.rollout_state != IN_PROGRESS and over

    @property
    def guard(self) -> tuple[str, ...]:
        """Return the ids of its deployments: another one means that somebody changed the service since."""
        return tuple(sorted(one.id for one in self.deployments))


@dataclass(frozen=True)
class EcsObserved(Observed[EcsRelease]):
    """Add the service, the deployments seen, and why what runs is not what its record says (`edited`, "" if it is).

    `reached` is the release of the complete deployment that clients reach, None when there is none.
    """

    service: ServiceState | None = field(kw_only=True, default=None)
    guard: tuple[str, ...] = field(kw_only=True, default=())
    edited: str = field(kw_only=True, default="")
    reached: EcsRelease | None = field(kw_only=True, default=None)

    @property
    def serving(self) -> bool:
        """Return whether the service's only deployment is complete, and tasks of the active release run.

        How many there are changes while autoscaling moves the count, and while ECS replaces one.
        """
        if self.service is None or self.active is None or self.edited:
            return False
        primary = self.service.primary
        return (
            primary is not None
            and self.service.settled
            and primary.rollout_state == COMPLETED
            and primary.task_definition == self.active.task_definition
            and self.service.running > 0
            and self.service.desired > 0
        )
