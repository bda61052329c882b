"""Read revisions of task definitions, each once while a command runs: all but one tag of it never changes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from decodeat_ops.core.aws import AwsRefused
from decodeat_ops.core.errors import Configuration
from decodeat_ops.targets.ecs.names import DEPLOYMENT
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.release import PREFIX, SERVED, EcsRelease, from_tags

BEYOND = 2  # revisions that served, beside those kept: what is to be replaced, and one that waits to be deregistered
LOOKED_AT = 100  # revisions of a family, whoever registered them; one page of the list holds no more


@dataclass(frozen=True)
class Revision:
    """Hold a registered task definition as ECS describes it, and its tags."""

    definition: Mapping[str, Any]
    tags: Mapping[str, str]

    def container(self, name: str) -> Mapping[str, Any]:
        """Return the definition of a container, empty when it has none of that name."""
        return container_of(self.definition, name)


def container_of(definition: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the definition of a container in a task definition, empty when that has none of that name."""
    return next((one for one in definition.get("containerDefinitions", ()) if one["name"] == name), {})


def revision(place: Place, task_definition: str) -> Revision:
    """Return a revision by its ARN. Raises `AwsRefused` when there is none."""
    key = _key(task_definition)
    if key not in place.remembered:
        told = place.aws.call("ecs", "DescribeTaskDefinition", taskDefinition=task_definition, include=["TAGS"])
        tags = {one["key"]: one.get("value", "") for one in told.get("tags", ())}
        place.remembered[key] = Revision(told["taskDefinition"], tags)
    known: Revision = place.remembered[key]
    return known


def _key(task_definition: str) -> str:
    return f"revision {task_definition}"


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


def drop(place: Place, task_definition: str) -> None:
    """Drop what is remembered of a revision, so that the next look reads it anew: its tags have changed."""
    place.remembered.pop(_key(task_definition), None)


def newest(place: Place) -> Iterator[str]:
    """Yield the ARNs of this deployment's newest active revisions, newest first, until enough of them have served.

    Enough are as many as are kept, and `BEYOND` more where nothing of others lies between. Neither what others
    registered in the family hides an older one, nor what never served; no more than `LOOKED_AT` are looked at. A page
    may be empty and not the last.
    """
    kept, served = place.loaded.settings.ecs.keep_revisions, 0
    enough = kept + BEYOND
    asked = {"familyPrefix": place.names.family, "status": "ACTIVE", "sort": "DESC", "maxResults": LOOKED_AT}
    for arn in islice(place.aws.pages("ecs", "ListTaskDefinitions", "taskDefinitionArns", **asked), LOOKED_AT):
        tags = _tags(place, arn)
        ours = tags.get(DEPLOYMENT) == place.names.deployment
        if ours:
            yield arn
            served += has_served(place, arn)
        if served >= (enough if ours else kept):
            return


def id_of(place: Place, task_definition: str) -> str:
    """Return the id of the release that a revision is, "" when nothing there tells it. No record has to be whole."""
    return _tags(place, task_definition).get(f"{PREFIX}id", "")


def has_served(place: Place, task_definition: str) -> bool:
    """Return whether a revision has served, as far as it is noted on it. No record has to be whole."""
    return _tags(place, task_definition).get(SERVED, "true") == "true"


def is_of(place: Place, task_definition: str, release: str, secrets: str) -> bool:
    """Return whether a revision is this deployment's release with these secrets. No record has to be whole."""
    wanted = {DEPLOYMENT: place.names.deployment, f"{PREFIX}id": release, f"{PREFIX}secrets": secrets}
    return wanted.items() <= _tags(place, task_definition).items()


def _tags(place: Place, task_definition: str) -> Mapping[str, str]:
    """Return the tags of a revision, none of one that is deleted already."""
    try:
        return revision(place, task_definition).tags
    except AwsRefused as error:
        if error.denied:
            raise
        return {}
