"""End a shift of traffic that stands in the way of an update: stop it where it goes on, and wait until it is over."""

from dataclasses import dataclass

from decodeat_ops.core.aws import AwsRefused
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.ecs import rollout, shift
from decodeat_ops.targets.ecs.observed import ServiceState
from decodeat_ops.targets.ecs.ours import label, under_way
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.shift import Shift

_NOTHING_TO_STOP = frozenset({"ConflictException", "ServiceDeploymentNotFoundException"})  # codes


@dataclass(frozen=True)
class Ended:
    """Hold how a shift ended, None where ECS does not list it, and the service then, None where that is gone.

    `stopped` says that it was this change that told ECS to roll it back.
    """

    shift: Shift | None
    service: ServiceState | None
    stopped: bool = False

    @property
    def half_done(self) -> bool:
        """Return whether tasks of two revisions run on, and ECS does nothing more about it."""
        gave_up = self.shift is not None and self.shift.gave_up
        return gave_up and self.service is not None and under_way(self.service)


def end(
    place: Place,
    context: Context,
    service: ServiceState,
    limit: float,
    known: Shift | None = None,
    *,
    patient: bool = True,
) -> Ended:
    """Stop the shift that a service is in, wait until it goes neither on nor back, and return how it ended.

    An update before that would only queue up; tasks that still end afterwards keep none waiting. `known` is the shift
    where it was found already. A deployment of somebody else ends the wait. Raises `StepFailed` after `limit` seconds.
    """
    found = known or _listed(place, context, service, patient=patient)
    stopped = found is not None and _stop(place, found)
    told = f"ECS was told to roll the shift to {label(service.task_definition)} back, and that did not end"

    def over(now: ServiceState) -> bool:
        latest = shift.look(place, found.arn) if found else shift.current(place, now)
        return (latest is not None and latest.over) or not _task_definitions(now) <= _task_definitions(service)

    what = told if stopped else rollout.NOT_ENDED
    after = rollout.settle(place, context, limit, patient=patient, enough=over, what=what)
    if after is None:
        return Ended(found, None, stopped)
    return Ended(shift.look(place, found.arn) if found else _of_primary(place, service), after, stopped)


def left_half_done(place: Place, service: ServiceState) -> bool:
    """Return whether a service is in a shift that ECS gave up, so that it never settles by itself."""
    found = shift.current(place, service) if shift.is_of(service) else None
    return found is not None and found.gave_up


def _listed(place: Place, context: Context, service: ServiceState, *, patient: bool) -> Shift | None:
    """Return the shift that a service is in, which ECS may list a moment after it began; None while it does not."""
    found = shift.current(place, service)
    if found is not None or service.primary is None:
        return found

    def listed(now: ServiceState) -> bool:
        return shift.current(place, now) is not None

    now = rollout.wait(place, context, rollout.LAG, patient=patient, enough=listed)
    if now is None or now.primary is None or now.primary.id != service.primary.id:
        return None  # the shift of another deployment is not ours to stop
    return shift.current(place, now)


def _of_primary(place: Place, service: ServiceState) -> Shift | None:
    primary = service.primary
    return shift.find(place, primary.task_definition, primary.created_at) if primary else None


def _stop(place: Place, found: Shift) -> bool:
    """Tell ECS to roll a shift back that goes on, and return whether it took that."""
    if found.outcome != "going":
        return False
    try:
        place.aws.call("ecs", "StopServiceDeployment", serviceDeploymentArn=found.arn, stopType="ROLLBACK")
    except AwsRefused as error:
        if error.error not in _NOTHING_TO_STOP:
            raise
        return False
    return True


def _task_definitions(service: ServiceState) -> set[str]:
    return {one.task_definition for one in service.deployments}
