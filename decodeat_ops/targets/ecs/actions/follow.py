"""Carry out the step that waits for our deployment."""

from decodeat_ops.core.plan import Params
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.targets.ecs import rollout
from decodeat_ops.targets.ecs.actions.settling import as_left, settle
from decodeat_ops.targets.ecs.place import Acts, Place
from decodeat_ops.targets.ecs.registered import required
from decodeat_ops.targets.ecs.steps import UPDATE


def follow(place: Place, context: Context, params: Params) -> Results:
    """Wait until our deployment is complete. Raises `StepFailed` when it is not, whatever serves then."""
    begun = context.results[UPDATE]
    seconds = rollout.follow(
        place,
        begun["deployment"],
        context,
        params["limit"],
        task_definition=required(place, context, params),
        guard=as_left(context, params)["guard"],
        since=begun["since"],
    )
    return {"seconds": round(seconds, 1)}


ACTIONS: Acts = {"settle": settle, "follow": follow}
