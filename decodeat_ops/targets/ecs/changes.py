"""Say how a release differs in configuration from the one that serves, for the plan that brings it."""

from collections.abc import Mapping, Sequence
from typing import Any

from decodeat_ops.core.target import CONFIGURATION, Facts, Origin
from decodeat_ops.targets.ecs import documents
from decodeat_ops.targets.ecs.differences import differences
from decodeat_ops.targets.ecs.observed import EcsObserved
from decodeat_ops.targets.ecs.ours import ACTIVE
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.release import EcsRelease
from decodeat_ops.targets.ecs.revisions import container_of, revision

LATER = "(today's)"  # of a secret that the serving release does not have
TODAYS = "network, load balancer, strategy and alarms"  # parts of the service: no release brings its own


def facts(place: Place, origin: Origin, observed: EcsObserved) -> Facts:
    """Return what differs, nothing when nothing does or nothing serves. Image, id and versions don't count.

    Of a release that is kept the service's own settings are told apart, since they are today's and not the release's.
    """
    service, kept = observed.service, origin.of
    withdrawn = _withdrawn(place, kept) if isinstance(kept, EcsRelease) and kept.task_definition else ()
    if service is None or service.status != ACTIVE:
        return withdrawn
    if not isinstance(kept, EcsRelease):
        active = observed.active
        if active is None:
            return _told(
                "the service changes", differences(service.raw, documents.service(place, service.task_definition))
            )
        lines = (*_built(place, active), *differences(service.raw, documents.service(place, active.task_definition)))
        return _told(CONFIGURATION, lines)
    current = observed.current
    own = _kept(place, current, kept) if current is not None else ()
    todays = differences(service.raw, documents.service(place, kept.task_definition))
    return (
        *_told(CONFIGURATION, own),
        *withdrawn,
        *_told("today's settings change", todays),
    )


def _told(what: str, lines: tuple[str, ...]) -> Facts:
    return ((what, "; ".join(lines)),) if lines else ()


def _built(place: Place, active: EcsRelease) -> tuple[str, ...]:
    """Return how the task definition of today's settings differs from the one that serves."""
    before = revision(place, active.task_definition).definition
    references = _secrets(before, place.names.container)
    todays = {one: references.get(one, LATER) for one in place.loaded.settings.service.secrets}
    return differences(before, documents.task_definition(place, active.id, active.image, todays))


def _kept(place: Place, current: EcsRelease, kept: EcsRelease) -> tuple[str, ...]:
    """Return how the task definition of a kept release differs from that of the current one."""
    before = revision(place, current.task_definition).definition
    own, secrets = revision(place, kept.task_definition).definition, place.loaded.settings.service.secrets
    return differences(before, _alike(own, before, place.names.container, tuple(secrets)))


def _withdrawn(place: Place, kept: EcsRelease) -> Facts:
    """Return the secrets that a kept release had and starts without, for the settings name them no longer."""
    had = _secrets(revision(place, kept.task_definition).definition, place.names.container)
    gone = sorted(set(had) - set(place.loaded.settings.service.secrets))
    return (("goes without", f"{', '.join(gone)}: secrets of then, which the settings name no longer"),) if gone else ()


def _secrets(definition: Mapping[str, Any], container: str) -> dict[str, str]:
    return {secret["name"]: secret["valueFrom"] for secret in container_of(definition, container).get("secrets", ())}


def _alike(
    definition: Mapping[str, Any], like: Mapping[str, Any], container: str, secrets: Sequence[str]
) -> dict[str, Any]:
    """Return a definition with today's secrets and the other one's image and release id, which differ in any case."""
    other = container_of(like, container)
    known, ids = _secrets(like, container), [one for one in other.get("environment", ()) if one["name"] == "RELEASE_ID"]

    def alike(one: Mapping[str, Any]) -> dict[str, Any]:
        others = {"RELEASE_ID", *secrets}
        plain = [variable for variable in one.get("environment", ()) if variable["name"] not in others]
        found = [{"name": name, "valueFrom": known.get(name, LATER)} for name in secrets]
        return {**one, "image": other.get("image", one["image"]), "environment": [*plain, *ids], "secrets": found}

    changed = [alike(one) if one["name"] == container else one for one in definition["containerDefinitions"]]
    return {**definition, "containerDefinitions": changed}
