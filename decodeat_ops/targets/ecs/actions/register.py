"""Carry out the step that registers a task definition, and its undo."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from decodeat_ops.core.errors import StepFailed
from decodeat_ops.core.plan import Params
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.operations.image import PUSH
from decodeat_ops.targets.ecs import documents, revisions, secrets
from decodeat_ops.targets.ecs.actions import revising
from decodeat_ops.targets.ecs.observing import service_state
from decodeat_ops.targets.ecs.ours import label
from decodeat_ops.targets.ecs.place import Acts, Place
from decodeat_ops.targets.ecs.registered import every, find
from decodeat_ops.targets.ecs.release import EcsRelease, tags

RELEASE = "RELEASE_ID"  # the variable by which the service knows its release
# What RegisterTaskDefinition takes of what DescribeTaskDefinition tells; the rest is ECS's own.
_TAKEN = (
    "containerDefinitions",
    "cpu",
    "ephemeralStorage",
    "executionRoleArn",
    "family",
    "ipcMode",
    "memory",
    "networkMode",
    "pidMode",
    "placementConstraints",
    "proxyConfiguration",
    "requiresCompatibilities",
    "runtimePlatform",
    "taskRoleArn",
    "volumes",
)


def register(place: Place, context: Context, params: Params) -> Results:
    """Make the release's task definition, unless it is there: a repeat after a crash makes no second one.

    One more that the SDK made when an answer was lost is deregistered.
    """
    release = EcsRelease(**params["release"])
    there = find(place, release.id, release.secrets)
    made = there or _made(place, context, release, params["from"])
    others = {one for one in every(place, release.id, release.secrets) if one not in {made, params["from"]}}
    for one in sorted(others - _used(place)) if others else ():
        revising.deregister(place, one)
    return {"task_definition": made, "registered": not there}


def _made(place: Place, context: Context, release: EcsRelease, source: str) -> str:
    """Make the release's task definition and return its ARN: of its image, or as a copy of the one in `source`."""
    references = secrets.references(place, context.secrets)
    if source:
        document = copied(revisions.revision(place, source).definition, release, references, place.names.container)
    else:
        document = documents.task_definition(place, release.id, _image(context, release), references)
    # What a copy is made of may have served; this revision has not.
    record = replace(release, document=documents.digest(document), served=False)
    noted = tags(record, place.names.deployment)
    answer = place.aws.call("ecs", "RegisterTaskDefinition", **document, tags=noted)
    return str(answer["taskDefinition"]["taskDefinitionArn"])


def _image(context: Context, release: EcsRelease) -> str:
    """Return the image by its digest: that of the push, or one that was in the registry already."""
    image = str(context.results.get(PUSH, {}).get("reference") or release.image)
    if "@sha256:" not in image:
        raise StepFailed(
            f"The image {image or 'of the release'} has no digest, and a tag may mean another image tomorrow.",
            hint="Run the command again: it looks for the image anew.",
        )
    return image


def copied(
    definition: Mapping[str, Any], release: EcsRelease, references: Mapping[str, str], container: str
) -> dict[str, Any]:
    """Return a registered task definition as one to register, with another release's id and today's secrets.

    A variable that is a secret today is no plain one any more. A secret that the settings name no longer goes: it may
    have been withdrawn, and must not come back. The plan says so.
    """
    document = {name: definition[name] for name in _TAKEN if name in definition}
    document["containerDefinitions"] = [
        _container(one, release, references) if one["name"] == container else one
        for one in definition["containerDefinitions"]
    ]
    return document


def _container(raw: Mapping[str, Any], release: EcsRelease, references: Mapping[str, str]) -> dict[str, Any]:
    plain = {one["name"]: one["value"] for one in raw.get("environment", ())} | {RELEASE: release.id}
    return {
        **raw,
        "environment": [{"name": name, "value": plain[name]} for name in sorted(plain) if name not in references],
        "secrets": [{"name": name, "valueFrom": reference} for name, reference in sorted(references.items())],
    }


def deregister(place: Place, context: Context, params: Params) -> Results | None:
    """Take back every task definition that was made, but none that a deployment of the service uses by now."""
    made = [one for one in every(place, params["release"], params["secrets"]) if one != params["kept"]]
    if not made:
        return None
    used = _used(place)
    for one in made:
        if one not in used:
            revising.deregister(place, one)
    stays = [
        f"The task definition {label(one)} stays: a deployment of the service uses it." for one in made if one in used
    ]
    return {"warnings": stays} if stays else None


def _used(place: Place) -> frozenset[str]:
    """Return the task definitions that the service needs: the one it is set to, and those that tasks run of."""
    service = service_state(place)
    return frozenset(one.task_definition for one in service.needed) if service else frozenset()


ACTIONS: Acts = {"register": register, "deregister": deregister}
