"""Carry out the step that registers a task definition, and its undo."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from decodeat_ops.core.errors import StepFailed
from decodeat_ops.core.plan import Params
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.operations.image import PUSH
from decodeat_ops.targets.ecs import documents, revisions, secrets
from decodeat_ops.targets.ecs.observed import PRIMARY
from decodeat_ops.targets.ecs.observing import service_state
from decodeat_ops.targets.ecs.ours import label
from decodeat_ops.targets.ecs.place import Acts, Place
from decodeat_ops.targets.ecs.registered import find
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
    """Make the release's task definition, unless it is there: a repeat after a crash makes no second one."""
    release = EcsRelease(**params["release"])
    there = find(place, release.id, release.secrets)
    if there:
        return {"task_definition": there, "registered": False}
    references = secrets.references(place, context.secrets)
    if params["from"]:
        document = copied(
            revisions.revision(place, params["from"]).definition, release, references, place.names.container
        )
    else:
        document = documents.task_definition(place, release.id, _image(context, release), references)
    record = tags(replace(release, document=documents.digest(document)), place.names.deployment)
    answer = place.aws.call("ecs", "RegisterTaskDefinition", **document, tags=record)
    return {"task_definition": answer["taskDefinition"]["taskDefinitionArn"], "registered": True}


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
    """Return a registered task definition as one to register, with another release's id and today's secrets."""
    document = {name: definition[name] for name in _TAKEN if name in definition}
    document["containerDefinitions"] = [
        _container(one, release, references) if one["name"] == container else one
        for one in definition["containerDefinitions"]
    ]
    return document


def _container(raw: Mapping[str, Any], release: EcsRelease, references: Mapping[str, str]) -> dict[str, Any]:
    variables = {one["name"]: one["value"] for one in raw.get("environment", ())} | {RELEASE: release.id}
    return {
        **raw,
        "environment": [{"name": name, "value": value} for name, value in sorted(variables.items())],
        "secrets": [{"name": name, "valueFrom": reference} for name, reference in sorted(references.items())],
    }


def deregister(place: Place, context: Context, params: Params) -> Results | None:
    """Take the task definition back, unless a deployment of the service uses it by now."""
    there = find(place, params["release"], params["secrets"])
    if not there or there == params["kept"]:
        return None
    service = service_state(place)
    deployments = service.deployments if service is not None else ()
    if any(
        one.task_definition == there and (one.status == PRIMARY or one.running + one.pending) for one in deployments
    ):
        return {"warnings": [f"The task definition {label(there)} stays: a deployment of the service uses it."]}
    revisions.deregister(place, there)
    return None


ACTIONS: Acts = {"register": register, "deregister": deregister}
