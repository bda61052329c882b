"""Compare what a deploy would tell ECS with what ECS has, or with what was written by hand."""

import json
from collections.abc import Mapping
from typing import Any

from decodeat_ops.core.abilities import Compared, Defect
from decodeat_ops.core.errors import Usage
from decodeat_ops.targets.ecs import documents, revisions
from decodeat_ops.targets.ecs.differences import filled, masked
from decodeat_ops.targets.ecs.documents import LATER
from decodeat_ops.targets.ecs.handwritten import parse
from decodeat_ops.targets.ecs.observing import records, service_state
from decodeat_ops.targets.ecs.place import Place

TASK, SERVICE = "task-definition.json", "service.json"


def compared(place: Place, release: str, theirs: Mapping[str, str]) -> Compared:
    """Return both sides with ECS's defaults filled in; "" as `release` and no file mean that nothing runs yet."""
    ours = {name: _shown(json.loads(text)) for name, text in documents.files(place).items()}
    if not theirs:
        before = running(place, release) if release else {}
        against = f"release {release}" if release else "nothing: there is no release yet"
        return Compared(against, {name: (before.get(name, ""), text) for name, text in ours.items()}, release)
    texts: dict[str, tuple[str, str]] = {}
    defects: list[Defect] = []
    for name, text in theirs.items():
        found = parse(name, text)
        defects += found.defects(place)
        if found.told:
            texts[name] = (_shown(found.told), ours[SERVICE if found.kind == "service" else TASK])
    return Compared(", ".join(theirs), texts, defects=tuple(sorted(defects, key=lambda one: one.number)))


def running(place: Place, release: str) -> dict[str, str]:
    """Return the documents of a release as ECS has them. What only a deploy knows has the words of a rendered file.

    Raises `Usage` when it is not registered any more.
    """
    service = service_state(place)
    now = service.task_definition if service else ""
    kept = {one.id: one.task_definition for one in records(place)}
    task = now if now and revisions.id_of(place, now) == release else kept.get(release, "")
    if not task:
        raise Usage(f"There is no release {release}.", hint="`decodeat-ops releases` lists them.")
    found = {TASK: _shown(_without_later(place, revisions.revision(place, task).definition))}
    return found | ({SERVICE: _shown(service.raw)} if service else {})


def _shown(document: Mapping[str, Any]) -> str:
    return documents.as_text(masked(filled(document)))


def _without_later(place: Place, document: Mapping[str, Any]) -> dict[str, Any]:
    return {**document, "containerDefinitions": [_container(place, one) for one in document["containerDefinitions"]]}


def _container(place: Place, container: Mapping[str, Any]) -> dict[str, Any]:
    """Return a container with words for its image, its release and its secrets' versions, where they are a deploy's."""
    found = dict(container)
    if "@sha256:" in str(container.get("image")):
        found["image"] = LATER["image"]
    found["environment"] = [
        {**one, "value": LATER["release_id"]} if one["name"] == "RELEASE_ID" else one
        for one in container.get("environment", ())
    ]
    found["secrets"] = [
        {**one, "valueFrom": _reference(place, one["name"], one["valueFrom"])} for one in container.get("secrets", ())
    ]
    return found


def _reference(place: Place, name: str, refers: str) -> str:
    """Return the settings' reference when it is the one that a task definition's `valueFrom` was made from."""
    wanted = place.loaded.settings.service.secrets.get(name, "")
    kind, _, named = wanted.partition(":")
    secret, key = (named.partition("#")[0], named.partition("#")[2])
    if kind in {"env", "file"}:
        secret, key = place.names.secret, name
    begins = secret if secret.startswith("arn:") else f":secret:{secret}"
    parts = refers.split(":")
    return wanted if wanted and begins in refers and key == (parts[7] if len(parts) > 7 else "") else refers
