"""Compare documents of ECS: with the defaults that ECS fills in, in one order, and secrets by name alone."""

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from decodeat_ops.deployment.configured import SECRET_NAME, URL_PASSWORD

HIDDEN = "(hidden)"
_LONGEST = 120  # characters of a value that a line shows
# What ECS adds to the answer and nobody sent.
_ANSWERED = frozenset({
    "taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities", "registeredAt", "registeredBy",
    "deregisteredAt", "deleteRequestedAt", "tags", "inferenceAccelerators", "enableFaultInjection",
})  # fmt: skip
# Neither the number of tasks nor the revision: they change from hour to hour, and no file decides on them.
_SERVICE = (
    "serviceName", "launchType", "platformVersion", "schedulingStrategy", "deploymentController",
    "deploymentConfiguration", "loadBalancers", "healthCheckGracePeriodSeconds", "networkConfiguration",
    "enableExecuteCommand", "enableECSManagedTags", "propagateTags",
)  # fmt: skip
_CONTAINER: Mapping[str, Any] = {"essential": True, "cpu": 0, "versionConsistency": "enabled"}
_HEALTH: Mapping[str, Any] = {"interval": 30, "timeout": 5, "retries": 3}
_DEPLOYMENT: Mapping[str, Any] = {"maximumPercent": 200, "minimumHealthyPercent": 100, "strategy": "ROLLING"}


def filled(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a task definition or a service with ECS's defaults, in one order and without what ECS adds to an answer.

    What was sent and what ECS tells of it become equal, unless somebody changed it.
    """
    found = _task_definition(document) if "containerDefinitions" in document else _service(document)
    kept: dict[str, Any] = _without_empty(found)
    return kept


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """Return one line for each value that differs: where, and from what to what."""
    old, new = (dict(_leaves(filled(one), "")) for one in (before, after))
    lines = []
    for path in dict.fromkeys((*new, *old)):
        if path not in old:
            lines.append(f"{path}: {_shown(path, new[path])} is new")
        elif path not in new:
            lines.append(f"{path}: {_shown(path, old[path])} goes")
        elif old[path] != new[path]:
            lines.append(f"{path}: {_shown(path, old[path])} -> {_shown(path, new[path])}")
    return tuple(lines)


def diff_text(before: Mapping[str, Any], after: Mapping[str, Any], names: tuple[str, str]) -> tuple[str, ...]:
    """Return a unified diff of two documents as lines, none when they are equal; `names` are the two files'."""
    old, new = (_as_lines(masked(filled(one))) for one in (before, after))
    return tuple(difflib.unified_diff(old, new, *names, lineterm=""))


def masked(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a task definition whose plain variables show no secret: one made by hand may hold some there."""
    containers = [
        {**container, "environment": [_masked(one) for one in container["environment"]]}
        if container.get("environment")
        else container
        for container in document.get("containerDefinitions", ())
    ]
    return {**document, "containerDefinitions": containers} if containers else dict(document)


def _masked(variable: Mapping[str, str]) -> dict[str, str]:
    return {**variable, "value": HIDDEN} if _secret(variable["name"], variable.get("value", "")) else dict(variable)


def _task_definition(document: Mapping[str, Any]) -> dict[str, Any]:
    # An empty text, such as a pidMode of "", is how some engines tell what was not set.
    kept = {name: value for name, value in document.items() if name not in _ANSWERED and value != ""}
    platform = {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"} | kept.get("runtimePlatform", {})
    containers = [_container(one) for one in kept["containerDefinitions"]]
    volumes = [
        {name: value for name, value in one.items() if name != "host" or value} for one in kept.get("volumes", ())
    ]
    return kept | {
        "runtimePlatform": platform,
        "containerDefinitions": _sorted(containers),
        "volumes": _sorted(volumes),
        "requiresCompatibilities": sorted(kept.get("requiresCompatibilities", ())),
        **{size: str(kept[size]) for size in ("cpu", "memory") if kept.get(size)},
    }


def _container(document: Mapping[str, Any]) -> dict[str, Any]:
    ports = [
        {"protocol": "tcp", "hostPort": one.get("containerPort")} | dict(one)
        for one in document.get("portMappings", ())
    ]
    found = {**_CONTAINER, **document, "portMappings": sorted(ports, key=lambda one: str(one["containerPort"]))}
    for name in ("environment", "secrets"):
        found[name] = _sorted(document.get(name, ()))
    if document.get("healthCheck"):
        found["healthCheck"] = {**_HEALTH, **document["healthCheck"]}
    if document.get("mountPoints"):
        points = [{"readOnly": False, **one} for one in document["mountPoints"]]
        found["mountPoints"] = sorted(points, key=lambda one: str(one.get("containerPath")))
    return found


def _service(document: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: document[name] for name in _SERVICE if name in document}
    deployment = {**_DEPLOYMENT, **kept.get("deploymentConfiguration", {})}
    if not deployment.get("alarms", {}).get("alarmNames"):
        deployment.pop("alarms", None)  # without names ECS answers with alarms that are off
    if deployment["strategy"] == "ROLLING":
        deployment.pop("bakeTimeInMinutes", None)
    breaker = {"enable": False, "rollback": False, **deployment.get("deploymentCircuitBreaker", {})}
    deployment["deploymentCircuitBreaker"] = {name: breaker[name] for name in ("enable", "rollback")}
    vpc = kept.get("networkConfiguration", {}).get("awsvpcConfiguration")
    if vpc is not None:
        groups = {name: sorted(vpc.get(name, ())) for name in ("subnets", "securityGroups")}
        network = {"assignPublicIp": "DISABLED", **vpc, **groups}
        kept["networkConfiguration"] = {"awsvpcConfiguration": network}
    if not kept.get("loadBalancers"):
        kept.pop("healthCheckGracePeriodSeconds", None)
    return {
        "enableExecuteCommand": False,
        "enableECSManagedTags": False,
        "schedulingStrategy": "REPLICA",
        "deploymentController": {"type": "ECS"},
        "propagateTags": "NONE",
        **kept,
        "deploymentConfiguration": deployment,
    }


def _sorted(items: Any) -> list[dict[str, Any]]:
    return sorted((dict(one) for one in items), key=lambda one: str(one.get("name")))


def _without_empty(value: Any) -> Any:
    """Return a value without empty lists, tables and nothing below it: ECS adds some and leaves others out."""
    if isinstance(value, Mapping):
        found = {name: _without_empty(below) for name, below in value.items()}
        return {name: below for name, below in found.items() if below not in ([], {}, None)}
    return [_without_empty(one) for one in value] if isinstance(value, list | tuple) else value


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield every value below with its path; an item of a list is found by its name where it has one."""
    if isinstance(value, Mapping):
        for name, below in value.items():
            yield from _leaves(below, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
        for number, one in enumerate(value):
            yield from _leaves({k: v for k, v in one.items() if k != "name"}, f"{path}.{one.get('name', number)}")
    else:
        yield path, value


def _shown(path: str, value: Any) -> str:
    parts = path.split(".")
    if "environment" in parts and _secret(parts[-2], str(value)):
        return HIDDEN
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _secret(name: str, value: str) -> bool:
    return bool(SECRET_NAME.search(name) or URL_PASSWORD.search(value))


def _as_lines(document: Mapping[str, Any]) -> list[str]:
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False).splitlines()
