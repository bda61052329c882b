"""Carry out the step that makes the service or brings it to another task definition by one call."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from decodeat_ops.core.errors import Lost, StepFailed
from decodeat_ops.core.plan import Params
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.targets.ecs import documents
from decodeat_ops.targets.ecs.actions.revising import mark_served
from decodeat_ops.targets.ecs.actions.settling import as_left
from decodeat_ops.targets.ecs.autoscaling import bounds
from decodeat_ops.targets.ecs.observed import ServiceState
from decodeat_ops.targets.ecs.observing import judged, service_state
from decodeat_ops.targets.ecs.ours import ACTIVE, SHAPE, Ours, label, require_unmoved
from decodeat_ops.targets.ecs.place import Acts, Place
from decodeat_ops.targets.ecs.registered import required
from decodeat_ops.targets.ecs.revisions import recorded


def update(place: Place, context: Context, params: Params) -> Results:
    """Make or update the service, unless a deployment of our task definition is there: a second call would make two.

    Raises `StepFailed` when the service has another deployment than the plan was made from.
    """
    params = as_left(context, params)
    ours = Ours(required(place, context, params), frozenset(params["guard"]))
    service = service_state(place)
    there = ours.among(service) if service is not None and service.status == ACTIVE else None
    if there is not None:
        return {"deployment": there.id, "since": there.created_at}
    if params["before"] is None:
        return _create(place, ours, service, params)
    service = require_unmoved(service, params["guard"], params["before"]["primary"], place.names.place)
    return _update(place, ours, service, params)


def _create(place: Place, ours: Ours, service: ServiceState | None, params: Params) -> Results:
    names = place.names
    if service is not None and service.status != "INACTIVE":
        raise StepFailed(
            f"There is a service {names.place} by now ({service.status}, {label(service.task_definition)}).",
            hint="Somebody made or deletes it meanwhile; run the command again.",
        )
    document = documents.service(place, ours.task_definition) | {
        "desiredCount": params["desired"],
        "tags": names.tags(),
        "clientToken": _token(names.deployment, params["release"], ours.task_definition),
    }
    answer = place.aws.call("ecs", "CreateService", **document)
    return _begun(answer["service"], ours)


def _token(*parts: str) -> str:
    """Return what makes ECS answer a repeated call with the service that it made first; at most 36 characters."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _update(place: Place, ours: Ours, service: ServiceState, params: Params) -> Results:
    document = documents.service(place, ours.task_definition)
    change = {name: document[name] for name in SHAPE if name in document} | documents.taken_away(document, service.raw)
    if params["desired"] is not None:
        scaled = bounds(place)
        change["desiredCount"] = scaled.within(params["desired"]) if scaled else params["desired"]
    if service.task_definition == ours.task_definition:
        # Without it ECS would start tasks in the deployment that is there, and none of ours could be followed.
        change["forceNewDeployment"] = True
    warnings = _note_served(place, service)
    answer = place.aws.call(
        "ecs",
        "UpdateService",
        cluster=place.names.cluster,
        service=place.names.service,
        taskDefinition=ours.task_definition,
        **change,
    )
    begun = _begun(answer["service"], ours)
    return {**begun, "warnings": [*begun.get("warnings", ()), *warnings]} if warnings else begun


def _note_served(place: Place, service: ServiceState) -> list[str]:
    """Note that what clients reach has served, where the deploy that brought it died before it could."""
    unmarked = [one for one in service.deployments if one.running and _never_served(place, one.task_definition)]
    told = judged(place, service) if unmarked else None
    reached = told.reached if told else None
    if reached is None or reached.task_definition not in {one.task_definition for one in unmarked}:
        return []
    return mark_served(place, reached.task_definition)


def _never_served(place: Place, task_definition: str) -> bool:
    release = recorded(place, task_definition)
    return release is not None and not release.served


def _begun(raw: Mapping[str, Any], ours: Ours) -> Results:
    """Return the id of our deployment as ECS answers it, and a warning when it replaced somebody else's."""
    listed: Sequence[Mapping[str, Any]] = raw["deployments"]
    made = [one for one in listed if one["taskDefinition"] == ours.task_definition and one["id"] not in ours.guard]
    if not made:
        raise Lost("ECS took the change and names no deployment of it.")
    first = next((one for one in made if one["status"] == "PRIMARY"), made[0])
    others = [
        one["id"] for one in listed if one["id"] not in ours.guard and one["taskDefinition"] != ours.task_definition
    ]
    told: Results = {"deployment": first["id"], "since": iso(first.get("createdAt"))}
    if others:
        told["warnings"] = [
            f"Somebody else's deployment began at the same moment: {', '.join(others)}. It was replaced."
        ]
    return told


def iso(moment: Any) -> str:
    """Return a moment as AWS's SDK gives it in ISO 8601, to the second as events have it; "" for none."""
    return str(moment.isoformat(timespec="seconds")) if moment else ""


ACTIONS: Acts = {"update": update}
