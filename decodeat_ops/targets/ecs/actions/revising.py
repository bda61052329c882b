"""Write to registered revisions: note that one has served, or take one out of use."""

from decodeat_ops.core.aws import AwsRefused
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.release import SERVED
from decodeat_ops.targets.ecs.revisions import drop, has_served, id_of

ACTIVE = "ACTIVE"  # status of a revision that a service can be brought to


def mark_served(place: Place, task_definition: str) -> list[str]:
    """Note on a revision that clients have reached it, unless it is noted. A refusal is returned as a warning.

    It is no reason to take a release back that serves.
    """
    if has_served(place, task_definition):
        return []
    tag = {"key": SERVED, "value": "true"}
    try:
        place.aws.call("ecs", "TagResource", resourceArn=task_definition, tags=[tag])
    except AwsRefused as error:
        what = f"Release {id_of(place, task_definition)} could not be noted as one that has served ({error.error})"
        return [f"{what}: a rollback finds it by its id alone, and the deploy after the next one deregisters it."]
    drop(place, task_definition)
    return []


def deregister(place: Place, task_definition: str) -> None:
    """Take a revision out of use. One that is not active any more is no error: the SDK may have asked twice."""
    try:
        place.aws.call("ecs", "DeregisterTaskDefinition", taskDefinition=task_definition)
    except AwsRefused as error:
        if error.denied or _active(place, task_definition):
            raise


def _active(place: Place, task_definition: str) -> bool:
    told = place.aws.call("ecs", "DescribeTaskDefinition", taskDefinition=task_definition)
    return bool(told["taskDefinition"].get("status") == ACTIVE)
