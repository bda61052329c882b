"""Carry out the step before a change that deals with a deployment under way: wait for its end, or take its place."""

from typing import Any

from decodeat_ops.core.aws import AwsRefused
from decodeat_ops.core.plan import Params
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.targets.ecs import rollout, shift
from decodeat_ops.targets.ecs.observed import COMPLETED, Deployment, ServiceState
from decodeat_ops.targets.ecs.observing import service_state
from decodeat_ops.targets.ecs.ours import label, require_unmoved, under_way
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.steps import SETTLE, before_of
from decodeat_ops.targets.ecs.waiting import duration

_OVER = frozenset({"ConflictException", "ServiceDeploymentNotFoundException"})  # codes: nothing is left to stop
_OWN = ("networkConfiguration", "platformVersion")  # of a service's shape, what ECS tells of each deployment
_TAKES = "this change takes its place"


def settle(place: Place, context: Context, params: Params) -> Results | None:
    """Wait until no deployment is under way; one that does not end in time is superseded, and what is left is returned.

    With `supersede` nothing is waited for but the end of a shift, which no update can supersede. Raises `StepFailed`
    when another deployment came than the plan was made from, and when a service is not deleted in time.
    """
    if not params["primary"] or "supersede" not in params:
        _waited(place, context, params)
        return None
    service = service_state(place)
    if not params["supersede"]:
        service = rollout.wait(place, context, params["limit"], enough=lambda now: _given_up(place, now))
    gone_back = _gone_back(place, service, params)
    if gone_back is not None:
        return _after(place, _over(place, context, params), params, gone_back)
    service = require_unmoved(service, params["guard"], params["primary"], place.names.place)
    going = service.primary
    if going is None or going.complete or not under_way(service):
        return None
    if not shift.is_of(service):
        return _left(place, service, params, f"{_impatience(params)}: {_TAKES}")
    return _shifting(place, context, service, params)


def _waited(place: Place, context: Context, params: Params) -> None:
    """Wait, and do no more: the service was being deleted, or an earlier version planned it, which never superseded."""
    service = rollout.settle(place, context, params["limit"])
    if params["primary"]:
        require_unmoved(service, params["guard"], params["primary"], place.names.place)


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
    return found is not None and _stopped(place, found)


def _stopped(place: Place, found: shift.Shift) -> bool:
    if found.outcome != "going":
        return False
    try:
        place.aws.call("ecs", "StopServiceDeployment", serviceDeploymentArn=found.arn, stopType="ROLLBACK")
    except AwsRefused as error:
        if error.error not in _OVER:
            raise
        return False
    return True


def _given_up(place: Place, service: ServiceState) -> bool:
    """Return whether ECS has left a shift half done, so that the service never settles by itself."""
    found = shift.current(place, service) if shift.is_of(service) else None
    return found is not None and found.gave_up


def _gone_back(place: Place, service: ServiceState | None, params: Params) -> shift.Shift | None:
    """Return the planned deployment's shift when it went back: ECS did it, or this step, which was cut off then."""
    primary = service.primary if service else None
    if service is None or primary is None or primary.id == params["primary"] or not shift.is_of(service):
        return None
    found = shift.find(place, params["task_definition"], params["since"])
    return found if found is not None and found.outcome == "back" else None


def _shifting(place: Place, context: Context, service: ServiceState, params: Params) -> Results | None:
    """Stop a shift that goes on. One that can't be stopped is waited for, and one that is over is not."""
    found = shift.current(place, service)
    if found is None:  # it may have begun a moment ago: ECS's lists lag behind
        now = rollout.wait(place, context, rollout.LAG, enough=lambda now: shift.current(place, now) is not None)
        service = require_unmoved(now, params["guard"], params["primary"], place.names.place)
        found = shift.current(place, service)
    stopped = found is not None and _stopped(place, found)
    return _after(place, _over(place, context, params, stopped=stopped), params, found, stopped=stopped)


def _over(place: Place, context: Context, params: Params, *, stopped: bool = False) -> ServiceState | None:
    """Wait until the shift is over: earlier tasks that still end keep no update waiting.

    Raises `StepFailed` after the limit, and says when it was stopped.
    """

    def over(now: ServiceState) -> bool:
        found = shift.current(place, now)
        return found is not None and found.over

    service = rollout.wait(place, context, params["limit"], enough=over)
    if service is None or not under_way(service) or over(service):
        return service
    if not stopped:
        raise rollout.unfinished(place, service, params["limit"])
    what = f"ECS was told to roll the shift to {label(params['task_definition'])} back, and that did not end"
    raise rollout.unfinished(place, service, params["limit"], what)


def _after(
    place: Place, service: ServiceState | None, params: Params, found: shift.Shift | None, *, stopped: bool = False
) -> Results | None:
    """Return what a shift has left, None when it is what the plan was made from, and nothing stands in the way.

    `found` is the shift as it was seen before, None when it was not listed then.
    """
    known = shift.look(place, found.arn) if found else shift.find(place, params["task_definition"], params["since"])
    reason = f" ({known.reason.rstrip('.')})" if known is not None and known.reason else ""
    if known is not None and known.gave_up and service is not None and under_way(service):
        what = f"ended as {known.status}{reason} with tasks of two revisions: {_TAKES}"
        return _left(place, service, params, what)
    if stopped:
        return _left(place, service, params, f"{_impatience(params)}: its shift was stopped and rolled back")
    primary = service.primary if service else None
    if known is not None and known.outcome == "back" and primary is not None and primary.id != params["primary"]:
        return _left(place, service, params, f"went back{reason}: {_TAKES}")
    require_unmoved(service, params["guard"], params["primary"], place.names.place)
    return None


def _impatience(params: Params) -> str:
    return "was not waited for" if params["supersede"] else f"had not ended after {duration(params['limit'])}"


def _left(place: Place, service: ServiceState | None, params: Params, what: str) -> Results:
    """Return what ours goes on from, and a warning. Raises `StepFailed` for a deployment that is a stranger's."""
    own = [one.id for one in service.deployments if one.task_definition in params["earlier"]] if service else []
    guard = sorted({*params["guard"], *own})  # going back, ECS may give the earlier revision a deployment of a new id
    primary = service.primary.id if service and service.primary else ""
    there = require_unmoved(service, guard, primary, place.names.place)
    return {
        "left": {"guard": guard, "before": _before(place, there)},
        "warnings": [f"The deployment {params['primary']} ({label(params['task_definition'])}) {what}."],
    }


def _before(place: Place, service: ServiceState) -> dict[str, Any]:
    """Return how the service is, with the revision that clients reach: an undo must not bring back one that never did.

    `failed` says that there is none. `shape_of` is the superseded revision, whose shape the service has, "" for none.
    """
    before, primary, reached = before_of(service), service.primary, service.reached
    if reached is None and primary is not None and shift.rollout_state(place, primary) == COMPLETED:
        reached = primary
    if reached is None or primary is None:
        return {**before, "failed": True}
    return {
        **before,
        "task_definition": reached.task_definition,
        "failed": False,
        "shape": before["shape"] | _own_shape(service, reached, primary),
        "shape_of": "" if reached is primary else primary.task_definition,
    }


def _own_shape(service: ServiceState, reached: Deployment, primary: Deployment) -> dict[str, Any]:
    """Return what the reached deployment has of its own beside the primary one's, as UpdateService takes it."""
    told = {one["id"]: one for one in service.raw["deployments"]}
    theirs, own = told[primary.id], told[reached.id]
    return {name: own[name] for name in _OWN if name in own and own[name] != theirs.get(name)}
