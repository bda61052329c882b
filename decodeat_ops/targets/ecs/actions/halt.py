"""Carry out the steps that stop every task of the service, and start them again where that is undone."""

from decodeat_ops.core.errors import StepFailed
from decodeat_ops.core.plan import Params
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.targets.ecs.autoscaling import bounds, paused, set_desired
from decodeat_ops.targets.ecs.observing import service_state
from decodeat_ops.targets.ecs.ours import ACTIVE, require_unmoved
from decodeat_ops.targets.ecs.place import Acts, Place
from decodeat_ops.targets.ecs.steps import DESIRED
from decodeat_ops.targets.ecs.waiting import Waiting, duration


def halt(place: Place, context: Context, params: Params) -> Results | None:
    """Set the desired count to 0 and remember what it was. Raises `StepFailed` where autoscaling would raise it again.

    With `removing` an autoscaled service is left to its deletion.
    """
    names = place.names
    service = require_unmoved(service_state(place), params["guard"], params["primary"], names.place)
    if service.desired == 0:
        return None
    if bounds(place) is not None:
        if params["removing"]:
            return None
        raise StepFailed(
            f"The service {names.place} is autoscaled: Application Auto Scaling would start its tasks again.",
            hint=paused(place),
        )
    tag = {"key": DESIRED, "value": str(service.desired)}
    place.aws.call("ecs", "TagResource", resourceArn=service.arn, tags=[tag])
    set_desired(place, 0)
    return None


def unhalt(place: Place, context: Context, params: Params) -> Results | None:
    """Set the desired count back to what it was, unless somebody has changed the service since."""
    service = service_state(place)
    if service is None or service.status != ACTIVE:
        return {"warnings": ["Somebody deleted the service meanwhile, so its tasks can't be started again."]}
    if service.desired == 0 and params["desired"] > 0 and set(service.guard) <= set(params["guard"]):
        set_desired(place, params["desired"])
    return None


def wait_stopped(place: Place, context: Context, params: Params) -> Results | None:
    """Wait until no task of the service runs. Raises `StepFailed` when it is started again or takes too long."""
    waiting = Waiting(place, context, params["limit"])
    while (service := service_state(place)) is not None and service.status == ACTIVE:
        left = service.running + service.pending
        if service.desired > 0:
            raise StepFailed(
                f"Somebody set the desired count of {place.names.place} to {service.desired}: its tasks run on.",
                hint="Run the command again once nobody else changes it.",
            )
        if left == 0:
            return None
        if waiting.over:
            raise StepFailed(
                f"{left} tasks of {place.names.place} still run after {duration(params['limit'])}.",
                hint="`decodeat-ops status` shows them.",
            )
        context.progress(f"{left} tasks finish their requests ({duration(waiting.seconds)})")
        waiting.pause()
    return None


ACTIONS: Acts = {"halt": halt, "unhalt": unhalt, "wait-stopped": wait_stopped}
