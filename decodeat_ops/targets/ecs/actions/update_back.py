"""Undo the step that made or updated the service, as far as what is there is of our own deployment."""

from collections.abc import Mapping
from typing import Any

from decodeat_ops.core.errors import StepFailed
from decodeat_ops.core.plan import Params
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.targets.ecs import documents, shift
from decodeat_ops.targets.ecs.actions import shifting
from decodeat_ops.targets.ecs.actions.removing import delete_service
from decodeat_ops.targets.ecs.actions.settling import as_left
from decodeat_ops.targets.ecs.failure import running, why
from decodeat_ops.targets.ecs.observed import COMPLETED, ServiceState
from decodeat_ops.targets.ecs.observing import service_state
from decodeat_ops.targets.ecs.ours import ACTIVE, Ours, label, shape
from decodeat_ops.targets.ecs.place import Acts, Place
from decodeat_ops.targets.ecs.registered import known
from decodeat_ops.targets.ecs.rollout import settle, settled
from decodeat_ops.targets.ecs.steps import UPDATE

# What ECS keeps of a revision, and brings back with it; the grace period goes with the load balancer.
_KEPT = frozenset({"healthCheckGracePeriodSeconds", "loadBalancers", "networkConfiguration", "platformVersion"})
_NEWER = "Somebody else's deployment is newer than this one: it is left as it is"


def update_back(place: Place, context: Context, params: Params) -> Results | None:
    """Bring back task definition, count and shape of before; a service that we made is deleted.

    What somebody else has deployed since is left as it is, with a warning.
    """
    params = as_left(context, params)
    task_definition = known(place, context, params)
    if not task_definition:
        return None  # nothing was registered, so nothing can have been updated to it
    ours = Ours(task_definition, frozenset(params["guard"]))
    service = service_state(place)
    if params["before"] is None:
        return _unmake(place, context, ours, service, params)
    if service is None or service.status != ACTIVE:
        return _left("Somebody deleted the service meanwhile, so it can't be brought back", service)
    return _back(place, context, ours, service, params)


def _left(what: str, service: ServiceState | None) -> Results:
    return {"warnings": [f"{what}. {running(service)}"], "another_serves": True}


def _unmake(place: Place, context: Context, ours: Ours, service: ServiceState | None, params: Params) -> Results | None:
    """Delete the service that this change made, and only that one."""
    if service is None or service.status == "INACTIVE":
        return None
    mine = service.created_by_us and not ours.strangers(service)
    if service.status == ACTIVE and not mine:
        made = ours.among(service) is not None
        return _left("Somebody else deployed to the new service meanwhile: it is left", service) if made else None
    delete_service(place, context, params["limit"], patient=False)
    return None


def _back(place: Place, context: Context, ours: Ours, service: ServiceState, params: Params) -> Results | None:
    """Bring the service back, unless the update was never made, or somebody else's came after it."""
    mine, primary = ours.among(service), service.primary
    if primary is None or not _is_expected(ours, service, params):
        return _left(_NEWER, service) if mine is not None or ours.strangers(service) else None
    if mine is None and primary.id in ours.guard and UPDATE not in context.results:
        return None  # what differs from before, somebody else has changed
    if mine is None or not shift.is_of(service) or settled(place, service):
        return _restored(place, context, ours, service, params, _change(ours, service, params))
    own = shift.find(place, ours.task_definition, mine.created_at)
    ended = shifting.end(place, context, service, params["limit"], own, patient=False)
    return _after_shift(place, context, ours, ended, params)


def _is_expected(ours: Ours, service: ServiceState, params: Params) -> bool:
    """Return whether the primary deployment is ours, or brings the task definition of before."""
    primary = service.primary
    if primary is None:
        return False
    return primary is ours.among(service) or primary.task_definition == params["before"]["task_definition"]


def _change(ours: Ours, service: ServiceState, params: Params) -> dict[str, Any]:
    """Return what brings the task definition of before back, nothing where ECS has gone back to it by itself."""
    ahead = service.primary is not None and service.primary is ours.among(service)
    return {"taskDefinition": params["before"]["task_definition"]} if ahead else {}


def _after_shift(place: Place, context: Context, ours: Ours, ended: shifting.Ended, params: Params) -> Results | None:
    """Bring the service back once our own shift is over, however that has ended."""
    service = ended.service
    if service is None or service.status != ACTIVE or service.primary is None:
        return _left("Somebody deleted the service meanwhile, so it can't be brought back", service)
    if not _is_expected(ours, service, params):
        return _left(_NEWER, service)
    change = _change(ours, service, params)
    if ended.half_done and ended.shift is not None and ended.shift.went_back_to(service.primary):
        # Tasks of ours would run on beside the old ones for ever: only a new deployment replaces them all.
        change = {"taskDefinition": params["before"]["task_definition"], "forceNewDeployment": True}
    return _restored(place, context, ours, service, params, change)


def _restored(
    place: Place, context: Context, ours: Ours, service: ServiceState, params: Params, change: dict[str, Any]
) -> Results | None:
    """Bring back what differs from before by one call, and wait until the old revision is complete again."""
    before, by_ecs = params["before"], "taskDefinition" not in change
    change = change | _reshaped(before, service, by_ecs=by_ecs)
    if params["desired"] is not None and service.desired != before["desired"]:
        change["desiredCount"] = before["desired"]
    if change:
        names = place.names
        place.aws.call("ecs", "UpdateService", cluster=names.cluster, service=names.service, **change)
    if before["failed"]:
        return {"warnings": [f"{label(before['task_definition'])}, which was there before, did not work either."]}
    back = settle(place, context, params["limit"], patient=False)
    primary = back.primary if back else None
    if back is None or primary is None:
        return _left("Somebody deleted the service while it was brought back", back)
    old = before["task_definition"]
    if primary.task_definition not in {old, ours.task_definition}:
        return _left("Somebody else changed the service while it was brought back", back)
    # ECS gives an old revision up, too, when its tasks fail, and goes back to ours, which was complete then.
    complete = primary.task_definition == old and shift.rollout_state(place, primary) == COMPLETED
    if not complete or primary.running < back.desired:
        raise StepFailed(
            f"{label(old)}, which served before, does not come back: "
            f"{primary.rollout_reason or f'{primary.running} of {back.desired} tasks run'}. {running(back)}",
            lines=why(place, old, primary.created_at if primary.task_definition == old else ""),
        )
    return None if by_ecs else _shaped(before)


def _reshaped(before: Mapping[str, Any], service: ServiceState, *, by_ecs: bool) -> dict[str, Any]:
    """Return what of a service's shape has to change.

    With `by_ecs` ECS has gone back by itself, to all that it keeps of a revision. Where `before` has the shape of a
    deployment that was superseded, that is right, and `before` is not.
    """
    wanted, now = before["shape"], shape(service.raw)
    change = {name: value for name, value in wanted.items() if now.get(name) != value}
    change |= documents.taken_away(wanted, service.raw)
    kept = _KEPT if by_ecs and before.get("shape_of") else frozenset()
    return {name: value for name, value in change.items() if name not in kept}


def _shaped(before: Mapping[str, Any]) -> Results | None:
    """Return a warning where not all of the shape is the revision's own: ECS does not tell it of each deployment."""
    if not before.get("shape_of"):
        return None
    own, rest = label(before["task_definition"]), label(before["shape_of"])
    return {
        "warnings": [
            f"{own} has its own network and platform version again; load balancer, deployment rules and all else of "
            f"the service are as {rest} had them."
        ]
    }


ACTIONS: Acts = {"update-back": update_back}
