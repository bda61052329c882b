"""Carry out the step before a change that deals with a deployment under way: wait for its end, or take its place."""

from decodeat_ops.core.plan import Params
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.targets.ecs import rollout, shift
from decodeat_ops.targets.ecs.actions import shifting
from decodeat_ops.targets.ecs.actions.superseding import left, require_known
from decodeat_ops.targets.ecs.observed import ServiceState
from decodeat_ops.targets.ecs.observing import service_state
from decodeat_ops.targets.ecs.ours import require_unmoved
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.shift import Shift
from decodeat_ops.targets.ecs.steps import SETTLE
from decodeat_ops.targets.ecs.waiting import duration

_TAKES = "this change takes its place"


def settle(place: Place, context: Context, params: Params) -> Results | None:
    """Wait until no deployment is under way; one that does not end in time is superseded, and what is left is returned.

    With `supersede` nothing is waited for but the end of a shift, which no update can supersede. Raises `StepFailed`
    when another deployment came than the plan was made from, and when a service is not deleted in time.
    """
    if not params["primary"] or "supersede" not in params:
        _wait(place, context, params)
        return None
    service = service_state(place)
    if not params["supersede"]:
        service = rollout.wait(place, context, params["limit"], enough=lambda now: shifting.left_half_done(place, now))
    gone_back = _gone_back(place, service, params)
    if gone_back is not None:
        service = require_known(place, service, params)
        return _after(place, shifting.end(place, context, service, params["limit"], gone_back), params)
    service = require_unmoved(service, params["guard"], params["primary"], place.names.place)
    going = service.primary
    if going is None or going.complete or rollout.settled(place, service):
        return None
    if not shift.is_of(service):
        return left(place, service, params, f"{_impatience(params)}: {_TAKES}")
    return _after(place, shifting.end(place, context, service, params["limit"]), params)


def as_left(context: Context, params: Params) -> Params:
    """Return a step's parameters with what `settle` left in place of what the plan was made from."""
    taken = context.results.get(SETTLE, {}).get("left")
    if not taken:
        return params
    before = {"before": taken["before"]} if params.get("before") else {}
    return {**params, "guard": taken["guard"], **before}


def _wait(place: Place, context: Context, params: Params) -> None:
    """Wait, and do no more: the service was being deleted, or an earlier version planned it, which never superseded."""
    service = rollout.settle(place, context, params["limit"])
    if params["primary"]:
        require_unmoved(service, params["guard"], params["primary"], place.names.place)


def _gone_back(place: Place, service: ServiceState | None, params: Params) -> Shift | None:
    """Return the planned deployment's shift when it went back: ECS did it, or this step, which was cut off then."""
    primary = service.primary if service else None
    if service is None or primary is None or primary.id == params["primary"] or not shift.is_of(service):
        return None
    found = shift.find(place, params["task_definition"], params["since"])
    return found if found is not None and found.outcome == "back" else None


def _after(place: Place, ended: shifting.Ended, params: Params) -> Results | None:
    """Return what a shift has left, None when that is what the plan was made from."""
    what = _became(ended, params)
    if what:
        return left(place, ended.service, params, what, ended.shift)
    require_unmoved(ended.service, params["guard"], params["primary"], place.names.place)
    return None


def _became(ended: shifting.Ended, params: Params) -> str:
    """Say what became of a shift whose place ours takes, "" for one that left what the plan was made from."""
    found, primary = ended.shift, ended.service.primary if ended.service else None
    if found is None:
        return ""
    reason = f" ({found.reason.rstrip('.')})" if found.reason else ""
    if ended.half_done:
        stopped = "was stopped and " if ended.stopped else ""
        return f"{stopped}ended as {found.status}{reason} with tasks of two revisions: {_TAKES}"
    if found.outcome != "back":
        return ""  # a shift may succeed in the moment in which it is stopped
    if ended.stopped:
        return f"{_impatience(params)}: its shift was stopped and rolled back"
    return f"went back{reason}: {_TAKES}" if primary is not None and primary.id != params["primary"] else ""


def _impatience(params: Params) -> str:
    return "was not waited for" if params["supersede"] else f"had not ended after {duration(params['limit'])}"
