"""Carry out the steps of a removal, each of which may be repeated."""

from decodeat_ops.core.aws import AwsRefused
from decodeat_ops.core.errors import StepFailed
from decodeat_ops.core.plan import Params
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.targets.ecs.actions import leftovers
from decodeat_ops.targets.ecs.actions.prune import in_use
from decodeat_ops.targets.ecs.actions.removing import delete_service
from decodeat_ops.targets.ecs.actions.revising import deregister
from decodeat_ops.targets.ecs.names import DEPLOYMENT
from decodeat_ops.targets.ecs.observing import service_state
from decodeat_ops.targets.ecs.ours import label
from decodeat_ops.targets.ecs.place import Acts, Place
from decodeat_ops.targets.ecs.revisions import revision


def delete(place: Place, context: Context, params: Params) -> Results | None:
    """Delete the service. Raises `StepFailed` when it has no tag of this deployment by now."""
    service = service_state(place)
    if service is not None and not service.created_by_us:
        raise StepFailed(
            f"The service {place.names.place} has no tag of {place.names.deployment} by now: somebody else made it.",
            hint="It is left as it is.",
        )
    delete_service(place, context, params["limit"])
    return None


def deregister_all(place: Place, context: Context, params: Params) -> Results:
    """Remove every task definition of this deployment from the family, but none that something still uses."""
    listed = place.aws.pages(
        "ecs", "ListTaskDefinitions", "taskDefinitionArns", familyPrefix=place.names.family, status="ACTIVE"
    )
    used, kept = in_use(place), []
    for arn in list(listed):
        if revision(place, arn).tags.get(DEPLOYMENT) != place.names.deployment:
            continue
        if arn in used:
            kept.append(label(arn))
            continue
        context.progress(f"deregistering {label(arn)}")
        deregister(place, arn)
    left = ", ".join(filter(None, (params["stays"], *kept)))
    return {"stays": left}


def delete_data(place: Place, context: Context, params: Params) -> Results:
    """Delete what a bootstrap made for this deployment, and name what stays: the cluster, and what others made."""
    stays = [f"cluster {place.names.cluster}", "the database"]
    for name, tagged, forget in leftovers.found(place):
        try:
            if tagged():
                context.progress(f"deleting {name}")
                forget()
            else:
                stays.append(name)
        except AwsRefused as error:
            if error.error not in leftovers.MISSING:
                raise
    return {"stays": ", ".join(stays)}


ACTIONS: Acts = {"delete-service": delete, "deregister-all": deregister_all, "delete-data": delete_data}
