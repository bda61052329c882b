"""Carry out the step before a change that deals with a deployment under way: wait for its end, or take its place."""

from typing import Any

from decodeat_ops.core.aws import AwsRefused
from decodeat_ops.core.plan import Params
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.targets.ecs import rollout, shift
from decodeat_ops.targets.ecs.observed import COMPLETED, ServiceState
from decodeat_ops.targets.ecs.observing import service_state
from decodeat_ops.targets.ecs.ours import label, require_unmoved, under_way
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.steps import SETTLE, before_of
from decodeat_ops.targets.ecs.waiting import duration

_OVER = frozenset({"ConflictException", "ServiceDeploymentNotFoundException"})  # codes: nothing is left to stop


def settle(place: Place, context: Context, params: Params) -> Results | None:
    """Wait until no deployment is under way; one that does not end in time is superseded, and what is left is returned.

    With `supersede` nothing is waited for but the end of a shift, which no update can supersede. Raises `StepFailed`
    when another deployment came than the plan was made from, and when a service is not deleted in time.
    """
    limit, supersede = params["limit"], params.get("supersede", False)
    if not params["primary"]:  # the service was being deleted
        rollout.settle(place, context, limit)
        return None
    service = service_state(place) if supersede else rollout.wait(place, context, limit)
    if _was_cut_off(place, service, params):
        return _left(place, rollout.settle(place, context, limit), params)
    service = require_unmoved(service, params["guard"], params["primary"], place.names.place)
    going = service.primary
    if going is None or going.complete or not under_way(service):
        return None
    if not shift.is_of(service):
        return _left(place, service, params)
    if stop_shift(place, going.task_definition, going.created_at):
        return _left(place, rollout.settle(place, context, limit), params)
    after = rollout.wait(place, context, limit)
    if after is not None and under_way(after) and shift.is_over(place, going):
        return _left(
            place, after, params
        )  # stopped or given up, with both revisions running: no update queues up there
    require_unmoved(after, params["guard"], params["primary"], place.names.place)
    if after is not None and under_way(after):
        rollout.settle(place, context, 0)  # raises: it goes on, and can't be stopped
    return None  # it ended by itself


def as_left(context: Context, params: Params) -> Params:
    """Return a step's parameters with what `settle` left in place of what the plan was made from."""
    left = context.results.get(SETTLE, {}).get("left")
    if not left:
        return params
    before = {"before": left["before"]} if params.get("before") else {}
    return {**params, "guard": left["guard"], **before}


def stop_shift(place: Place, task_definition: str, since: str) -> bool:
    """Tell ECS to roll a shift back that goes on, and return whether there was one: an update would only queue up."""
    found = shift.find(place, task_definition, since)
    if found is None or found.outcome != "going":
        return False
    try:
        place.aws.call("ecs", "StopServiceDeployment", serviceDeploymentArn=found.arn, stopType="ROLLBACK")
    except AwsRefused as error:
        if error.error not in _OVER:
            raise
        return False
    return True


def _was_cut_off(place: Place, service: ServiceState | None, params: Params) -> bool:
    """Return whether the planned deployment's shift went back: this step had stopped it, and was cut off then."""
    primary = service.primary if service else None
    if service is None or primary is None or primary.id == params["primary"] or not shift.is_of(service):
        return False
    found = shift.find(place, params["task_definition"], params["since"]) if "since" in params else None
    return found is not None and found.outcome == "back"


def _left(place: Place, service: ServiceState | None, params: Params) -> Results:
    """Return what ours goes on from, and a warning. Raises `StepFailed` for a deployment that is a stranger's."""
    own = [one.id for one in service.deployments if one.task_definition in params.get("earlier", ())] if service else []
    guard = sorted({*params["guard"], *own})  # going back, ECS may give the earlier revision a deployment of a new id
    primary = service.primary.id if service and service.primary else ""
    there = require_unmoved(service, guard, primary, place.names.place)
    supersede, brings = params.get("supersede", False), params.get("task_definition", "")
    how = "was not waited for" if supersede else f"had not ended after {duration(params['limit'])}"
    back = shift.is_of(there) and there.primary is not None and there.primary.task_definition != brings
    what = "its shift was stopped and rolled back" if back else "this change takes its place"
    return {
        "left": {"guard": guard, "before": _before(place, there)},
        "warnings": [f"The deployment {params['primary']} ({label(brings)}) {how}: {what}."],
    }


def _before(place: Place, service: ServiceState) -> dict[str, Any]:
    """Return how the service is, with the revision that clients reach: an undo must not bring back one that never did.

    `failed` says that there is none.
    """
    primary, reached = service.primary, service.reached
    if reached is None and primary is not None and shift.rollout_state(place, primary) == COMPLETED:
        reached = primary
    if reached is None:
        return {**before_of(service), "failed": True}
    return {**before_of(service), "task_definition": reached.task_definition, "failed": False}
