"""Carry out the steps that wait: for a deployment under way before ours, and for ours."""

from decodeat_ops.core.plan import Params
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.targets.ecs import rollout
from decodeat_ops.targets.ecs.ours import require_unmoved
from decodeat_ops.targets.ecs.place import Acts, Place
from decodeat_ops.targets.ecs.registered import required
from decodeat_ops.targets.ecs.steps import UPDATE


def settle(place: Place, context: Context, params: Params) -> Results | None:
    """Wait until no deployment is under way. Raises `StepFailed` when another one came than the plan was made from."""
    service = rollout.settle(place, context, params["limit"])
    if params["primary"]:  # "" where the service was being deleted
        require_unmoved(service, params["guard"], params["primary"], place.names.place)
    return None


def follow(place: Place, context: Context, params: Params) -> Results:
    """Wait until our deployment is complete. Raises `StepFailed` when it is not, whatever serves then."""
    begun = context.results[UPDATE]
    seconds = rollout.follow(
        place,
        begun["deployment"],
        context,
        params["limit"],
        task_definition=required(place, context, params),
        guard=params["guard"],
        since=begun["since"],
    )
    return {"seconds": round(seconds, 1)}


ACTIONS: Acts = {"settle": settle, "follow": follow}
