"""Say how a release differs in configuration from the one that serves, for the plan that brings it."""

from collections.abc import Mapping
from typing import Any

from decodeat_ops.core.target import Facts, Origin
from decodeat_ops.targets.ecs import documents
from decodeat_ops.targets.ecs.differences import differences
from decodeat_ops.targets.ecs.observed import EcsObserved
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.release import EcsRelease
from decodeat_ops.targets.ecs.revisions import revision

LATER = "(today's)"  # of a secret that the serving release does not have


def facts(place: Place, origin: Origin, observed: EcsObserved) -> Facts:
    """Return what differs as one fact, none when nothing does or nothing serves. Image, id and versions don't count."""
    active, service = observed.active, observed.service
    if active is None or service is None:
        return ()
    name = place.names.container
    before = revision(place, active.task_definition).definition
    kept = origin.of
    if isinstance(kept, EcsRelease):
        after = _alike(revision(place, kept.task_definition).definition, before, name)
    else:
        references = _secrets(before, name)
        todays = {one: references.get(one, LATER) for one in place.loaded.settings.service.secrets}
        after = documents.task_definition(place, active.id, active.image, todays)
    lines = (
        *differences(before, after),
        *(() if kept else differences(service.raw, documents.service(place, active.task_definition))),
    )
    return (("configuration", "; ".join(lines)),) if lines else ()


def _secrets(definition: Mapping[str, Any], container: str) -> dict[str, str]:
    return {
        secret["name"]: secret["valueFrom"]
        for one in definition["containerDefinitions"]
        if one["name"] == container
        for secret in one.get("secrets", ())
    }


def _alike(definition: Mapping[str, Any], like: Mapping[str, Any], container: str) -> dict[str, Any]:
    """Return a definition with the other one's image, release id and versions of secrets, which differ in any case."""
    other: Mapping[str, Any] = next((one for one in like["containerDefinitions"] if one["name"] == container), {})
    known, ids = _secrets(like, container), [one for one in other.get("environment", ()) if one["name"] == "RELEASE_ID"]

    def alike(one: Mapping[str, Any]) -> dict[str, Any]:
        plain = [variable for variable in one.get("environment", ()) if variable["name"] != "RELEASE_ID"]
        names = [secret["name"] for secret in one.get("secrets", ())]
        found = [{"name": name, "valueFrom": known.get(name, LATER)} for name in names]
        return {**one, "image": other.get("image", one["image"]), "environment": [*plain, *ids], "secrets": found}

    changed = [alike(one) if one["name"] == container else one for one in definition["containerDefinitions"]]
    return {**definition, "containerDefinitions": changed}
