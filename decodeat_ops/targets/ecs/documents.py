"""Render what ECS is told: the task definition and the service, as the API takes them."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from decodeat_ops import rendering
from decodeat_ops.core.target import Facts
from decodeat_ops.deployment import plain
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.targets.ecs import differences
from decodeat_ops.targets.ecs.place import Place

LONGEST_STOP = 120  # seconds after which Fargate ends a task in any case
TO_FINISH = 30  # seconds between the end of the longest request and the end of its worker
REQUEST_TIMEOUT = LONGEST_STOP - TO_FINISH  # of a service whose operator sets none
# Set by this tool for every release; an operator's value would break probes, health checks or a rollback.
OURS = {
    "RELEASE_ID": "the release's id is its own",
    "HOST": "a task has an address of its own, and its security groups decide who reaches it",
    "PORT": "the load balancer reaches the container on port 8000",
    "ADMISSION_LINK": "it belongs to the local target",
    "ADMISSION_BUSY": "it belongs to the local target",
    "LISTEN_ON": "it belongs to the local target",
    "SERVICE_LOG": "a task's log goes to CloudWatch",
    "PROMETHEUS_MULTIPROC_DIR": "it belongs to the image",
}
# What stands in a rendered file until a deploy knows it; a digest over them stays the same from release to release.
LATER = {"release_id": "(the release's id)", "image": "(the image, by digest)", "task_definition": "(its revision)"}
ARCHITECTURES = {"linux/amd64": "X86_64", "linux/arm64": "ARM64"}


def variables(loaded: Loaded) -> dict[str, str]:
    """Return the service's plain variables but for the release's id, with a time for requests that a stop leaves.

    Raises `Configuration` for a variable that this tool sets, or that is among the secrets too.
    """
    values = plain.variables(loaded, OURS)
    values.setdefault("REQUEST_TIMEOUT", str(REQUEST_TIMEOUT))
    return values


def stop_timeout(loaded: Loaded) -> int:
    """Return how many seconds a task has to finish its requests."""
    wanted = plain.number(loaded, "REQUEST_TIMEOUT", REQUEST_TIMEOUT) + TO_FINISH
    return loaded.settings.ecs.stop_timeout or min(wanted, LONGEST_STOP)


def told(loaded: Loaded) -> Facts:
    """Return as facts of a plan what the settings can't have on Fargate: requests longer than a stop allows."""
    allowed, most = stop_timeout(loaded), plain.number(loaded, "REQUEST_TIMEOUT", REQUEST_TIMEOUT)
    if most + TO_FINISH <= allowed:
        return ()
    text = f"a request may take {most} s, and a task that stops is ended after {allowed} s: the longest ones are lost"
    return (("requests", f"{text}; set REQUEST_TIMEOUT to {allowed - TO_FINISH} or less"),)


def task_definition(place: Place, release_id: str, image: str, secrets: Mapping[str, str]) -> dict[str, Any]:
    """Return what RegisterTaskDefinition takes, without tags; `secrets` are references by variable."""
    loaded, settings = place.loaded, place.loaded.settings
    environment = {**variables(loaded), "RELEASE_ID": release_id}
    values = {
        "names": place.names,
        "ecs": settings.ecs,
        "architecture": architecture(settings.image.platform),
        "image": image,
        "environment": sorted(environment.items()),
        "secrets": sorted(secrets.items()),
        "stop_timeout": stop_timeout(loaded),
    }
    return _rendered("ecs/task-definition.json.j2", values)


def service(place: Place, task_definition: str) -> dict[str, Any]:
    """Return what CreateService takes, without tags; `task_definition` is an ARN."""
    ecs = place.loaded.settings.ecs
    strategy = ecs.strategy.upper().replace("-", "_")
    values = {"names": place.names, "ecs": ecs, "strategy": strategy, "task_definition": task_definition}
    return _rendered("ecs/service.json.j2", values)


def taken_away(document: Mapping[str, Any], service: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an update sends besides, so that a service loses what the document does not have.

    ECS leaves alone what is not sent. `service` is what it tells of the service now.
    """
    away: dict[str, Any] = {}
    if service.get("loadBalancers") and "loadBalancers" not in document:
        away["loadBalancers"] = []
    wanted = document.get("deploymentConfiguration", {})
    if service.get("deploymentConfiguration", {}).get("alarms", {}).get("alarmNames") and "alarms" not in wanted:
        away["deploymentConfiguration"] = {**wanted, "alarms": {"alarmNames": [], "enable": False, "rollback": False}}
    return away


def architecture(platform: str) -> str:
    """Return ECS's word for the processor of a platform such as linux/amd64."""
    return ARCHITECTURES.get(platform.removesuffix("/v8"), platform)


def fingerprint(place: Place, code: str, lock: str, image_inputs: Mapping[str, Any]) -> str:
    """Return the SHA-256 in hex over all that a release is made of: code, lock, image, and both documents.

    `image_inputs` are what the image is built of, or the digest of the one that `ecs.image` names. The number of tasks
    does not count: it changes without a release.
    """
    task, running = _later(place)
    del running["desiredCount"]
    made = {"code": code, "lock": lock, "image": dict(image_inputs), "task": task, "service": running}
    return hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()


def digest(document: Mapping[str, Any]) -> str:
    """Return 16 hex digits of a SHA-256 over a task definition: equal for what was sent and what ECS tells of it."""
    text = json.dumps(differences.filled(document), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def files(place: Place) -> dict[str, str]:
    """Return both documents as files, with words for what only a deploy knows."""
    task, running = _later(place)
    return {"task-definition.json": as_text(task), "service.json": as_text(running)}


def as_text(document: Mapping[str, Any]) -> str:
    """Return a document as JSON for people: always in the same order, so that lines can be compared."""
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _later(place: Place) -> tuple[dict[str, Any], dict[str, Any]]:
    references = dict(place.loaded.settings.service.secrets)
    task = task_definition(place, LATER["release_id"], LATER["image"], references)
    return task, service(place, LATER["task_definition"])


def _rendered(template: str, values: Mapping[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(rendering.render(template, values))
    return document
