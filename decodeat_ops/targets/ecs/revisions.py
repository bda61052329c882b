"""Read revisions of task definitions, each once while a command runs: a revision never changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from decodeat_ops.core.aws import AwsRefused
from decodeat_ops.core.errors import Configuration
from decodeat_ops.targets.ecs.names import DEPLOYMENT
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.release import PREFIX, EcsRelease, from_tags

ACTIVE = "ACTIVE"  # status of a revision that a service can be brought to


@dataclass(frozen=True)
class Revision:
    """Hold a registered task definition as ECS describes it, and its tags."""

    definition: Mapping[str, Any]
    tags: Mapping[str, str]

    def container(self, name: str) -> Mapping[str, Any]:
        """Return the definition of a container, empty when it has none of that name."""
        return next((one for one in self.definition.get("containerDefinitions", ()) if one["name"] == name), {})


def revision(place: Place, task_definition: str) -> Revision:
    """Return a revision by its ARN. Raises `AwsRefused` when there is none."""
    key = f"revision {task_definition}"
    if key not in place.remembered:
        told = place.aws.call("ecs", "DescribeTaskDefinition", taskDefinition=task_definition, include=["TAGS"])
        tags = {one["key"]: one.get("value", "") for one in told.get("tags", ())}
        place.remembered[key] = Revision(told["taskDefinition"], tags)
    known: Revision = place.remembered[key]
    return known


def release_of(place: Place, task_definition: str) -> EcsRelease | None:
    """Return the release that a revision is, None when this tool has not made it."""
    found = revision(place, task_definition)
    image = found.container(place.names.container).get("image", "")
    return from_tags(found.tags, image, task_definition)


def recorded(place: Place, task_definition: str) -> EcsRelease | None:
    """Return this deployment's release that a revision is; None when it is another's, or is deleted already.

    Raises `Configuration` when its record is damaged.
    """
    try:
        found = release_of(place, task_definition)
        tags = revision(place, task_definition).tags
    except AwsRefused as error:
        if error.denied:
            raise
        return None
    except (TypeError, ValueError) as error:
        raise Configuration(
            f"The record of {task_definition} is damaged: {error}.",
            hint="Its tags decodeat-ops:... say what it is. Put them back, or deregister that revision: "
            f"`aws ecs deregister-task-definition --task-definition {task_definition}`.",
            where=task_definition,
        ) from error
    return found if tags.get(DEPLOYMENT) == place.names.deployment else None


def deregister(place: Place, task_definition: str) -> None:
    """Deregister a revision. One that is not active any more is no error: the SDK may have asked twice."""
    try:
        place.aws.call("ecs", "DeregisterTaskDefinition", taskDefinition=task_definition)
    except AwsRefused as error:
        if error.denied or _active(place, task_definition):
            raise


def _active(place: Place, task_definition: str) -> bool:
    told = place.aws.call("ecs", "DescribeTaskDefinition", taskDefinition=task_definition)
    return bool(told["taskDefinition"].get("status") == ACTIVE)


def id_of(place: Place, task_definition: str) -> str:
    """Return the id of the release that a revision is, "" when nothing there tells it. No record has to be whole."""
    try:
        return revision(place, task_definition).tags.get(f"{PREFIX}id", "")
    except AwsRefused as error:
        if error.denied:
            raise
        return ""
