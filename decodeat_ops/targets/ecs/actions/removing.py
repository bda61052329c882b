"""Delete the service, and wait until ECS has let it go."""

from decodeat_ops.core.errors import StepFailed
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.ecs.observing import service_state
from decodeat_ops.targets.ecs.ours import ACTIVE
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.waiting import Waiting, duration


def delete_service(place: Place, context: Context, limit: float, *, patient: bool = True) -> None:
    """Delete the service unless it is gone, and wait until its tasks have ended: until then its name is taken.

    Raises `StepFailed` after `limit` seconds. The caller has made sure that it is ours.
    """
    names, waiting = place.names, Waiting(place, context, limit, patient)
    service = service_state(place)
    if service is not None and service.status == ACTIVE:
        place.aws.call("ecs", "DeleteService", cluster=names.cluster, service=names.service, force=True)
    while (service := service_state(place)) is not None and service.status != "INACTIVE":
        if waiting.over:
            raise StepFailed(
                f"The service {names.place} is being deleted, and {service.running} of its tasks still run after "
                f"{duration(limit)}.",
                hint="Run the command again: it goes on waiting.",
            )
        context.progress(f"{service.running} tasks finish their requests ({duration(waiting.seconds)})")
        waiting.pause()
