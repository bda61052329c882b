"""Answer ECS about task definitions: register, describe, list and deregister, with the rules of Fargate."""

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.servers.aws.ecs.behaviour import Document
from tests.servers.aws.ecs.state import ACTIVE, INACTIVE, TaskDefinition
from tests.servers.aws.errors import Answer, Params, Refused, client, invalid
from tests.servers.aws.paging import ECS, page

if TYPE_CHECKING:
    from tests.servers.aws.fake import Aws

# Memory in MiB by processor units, as Fargate takes them.
MEMORY = {
    256: {512, 1024, 2048},
    512: set(range(1024, 4097, 1024)),
    1024: set(range(2048, 8193, 1024)),
    2048: set(range(4096, 16385, 1024)),
    4096: set(range(8192, 30721, 1024)),
    8192: set(range(16384, 61441, 4096)),
    16384: set(range(32768, 122881, 8192)),
}
# What the API adds to a container when it is not given.
CONTAINER_DEFAULTS: Document = {
    "cpu": 0,
    "essential": True,
    "portMappings": [],
    "environment": [],
    "mountPoints": [],
    "volumesFrom": [],
    "systemControls": [],
}
HEALTH_DEFAULTS = {"interval": 30, "timeout": 5, "retries": 3}
STOP_TIMEOUT = 120  # seconds at most on Fargate


def register_task_definition(aws: "Aws", params: Params) -> Answer:
    document = copy.deepcopy(params)
    tags = {one["key"]: one.get("value", "") for one in document.pop("tags", ())}
    _check_tags(tags)
    _check(document)
    family = document["family"]
    known = aws.ecs.families.setdefault(family, [])
    revision = len(known) + 1
    arn = aws.account.arn("ecs", f"task-definition/{family}:{revision}")
    made = TaskDefinition(arn, family, revision, _filled(document), aws.account.now(), aws.caller.arn, tags)
    known.append(made)
    return {"taskDefinition": shown(made)} | ({"tags": listed(tags)} if tags else {})


def _check_tags(tags: dict[str, str]) -> None:
    if len(tags) > 50:
        raise invalid("Tags can not be more than 50 elements.")
    for key, value in tags.items():
        if not 0 < len(key) <= 128 or len(value) > 256 or key.lower().startswith("aws:"):
            raise invalid(f"Invalid tag {key!r}.")
        if any(not (one.isalnum() or one in " _.:/=+-@") for one in key + value):
            raise invalid(
                "Some tags contain invalid characters. Valid: UTF-8 letters, spaces, numbers, _ . / = + - : @"
            )


def _check(document: Document) -> None:
    containers = document["containerDefinitions"]
    if not containers:
        raise client("Container list cannot be empty.")
    for container in containers:
        if not container.get("name") or not container.get("image"):
            raise client("Container.name and Container.image should not be null or empty.")
    if "FARGATE" in document.get("requiresCompatibilities", ()):
        _check_fargate(document)
    if not any(one.get("essential", True) for one in containers):
        raise client("At least one container must be essential.")
    for container in containers:
        _check_container(container, document)


def _check_fargate(document: Document) -> None:
    if document.get("networkMode") != "awsvpc":
        raise client("Fargate only supports network mode ‘awsvpc’.")
    try:
        cpu, memory = int(document["cpu"]), int(document["memory"])
    except (KeyError, ValueError) as error:
        raise client("Fargate requires that 'cpu' and 'memory' be defined at the task level.") from error
    if memory not in MEMORY.get(cpu, set()):
        raise client("No Fargate configuration exists for given values.")
    needs_role = any(
        "secrets" in one or one.get("logConfiguration", {}).get("logDriver") == "awslogs" or ".dkr.ecr." in one["image"]
        for one in document["containerDefinitions"]
    )
    if needs_role and "executionRoleArn" not in document:
        raise client("Fargate requires task definition to have execution role ARN to support log driver awslogs.")


def _check_container(container: Document, document: Document) -> None:
    names = [one.get("name") for one in container.get("environment", ())] + [
        one["name"] for one in container.get("secrets", ())
    ]
    twice = sorted({one for one in names if names.count(one) > 1})
    if twice:
        raise client(
            "The secret name must be unique and not shared with any new or existing environment variables set on the "
            f"container, such as '{twice[0]}'."
        )
    if container.get("stopTimeout", 0) > STOP_TIMEOUT and "FARGATE" in document.get("requiresCompatibilities", ()):
        raise client("The stopTimeout parameter must be 120 seconds or less on Fargate.")
    for one in container.get("portMappings", ()):
        if (
            document.get("networkMode") == "awsvpc"
            and one.get("hostPort", one["containerPort"]) != one["containerPort"]
        ):
            raise client("When networkMode=awsvpc, the host ports and container ports in port mappings must match.")
    for one in container.get("secrets", ()):
        if not one["valueFrom"].startswith("arn:"):
            raise client(f"Invalid valueFrom '{one['valueFrom']}' of secret {one['name']}.")
    log = container.get("logConfiguration", {})
    if log.get("logDriver") == "awslogs" and not {"awslogs-group", "awslogs-region"} <= set(log.get("options", {})):
        raise client("Log driver awslogs requires options: awslogs-group, awslogs-region")
    if container.get("privileged") and "FARGATE" in document.get("requiresCompatibilities", ()):
        raise client("privileged is not supported on Fargate.")
    health = container.get("healthCheck", {})
    if health and not (
        5 <= health.get("interval", 30) <= 300
        and 2 <= health.get("timeout", 5) <= 60
        and 1 <= health.get("retries", 3) <= 10
    ):
        raise client("Invalid healthCheck.")
    if health.get("startPeriod", 0) > 300 or (health and health["command"][0] not in {"CMD", "CMD-SHELL", "NONE"}):
        raise client("Invalid healthCheck.")


def _filled(document: Document) -> Document:
    """Return the definition with the API's own defaults, as it is described."""
    document["volumes"] = [{"host": {}} | one for one in document.get("volumes", ())]
    document.setdefault("placementConstraints", [])
    for number, container in enumerate(document["containerDefinitions"]):
        filled = copy.deepcopy(CONTAINER_DEFAULTS) | container
        for port in filled["portMappings"]:
            port.setdefault("hostPort", port["containerPort"])
            port.setdefault("protocol", "tcp")
        if "healthCheck" in filled:
            filled["healthCheck"] = HEALTH_DEFAULTS | filled["healthCheck"]
        # The order of variables is not kept: what compares task definitions must not mind.
        filled["environment"] = sorted(filled["environment"], key=lambda one: str(one["name"])[::-1])
        document["containerDefinitions"][number] = filled
    return document


def shown(one: TaskDefinition) -> Answer:
    told = copy.deepcopy(one.document) | {
        "taskDefinitionArn": one.arn,
        "revision": one.revision,
        "status": one.status,
        "compatibilities": ["EC2", "FARGATE"],
        "requiresAttributes": [{"name": "ecs.capability.task-eni"}],
        "registeredAt": one.registered,
        "registeredBy": one.by,
    }
    return told | ({"deregisteredAt": one.deregistered} if one.deregistered else {})


def listed(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


def found(aws: "Aws", named: str, *, usable: bool = False) -> TaskDefinition:
    """Return a task definition. Refuses when there is none or, where it has to be `usable`, it is inactive."""
    one = aws.ecs.definition(named)
    if one is None:
        raise client("TaskDefinition not found." if usable else "Unable to describe task definition.")
    if usable and one.status != ACTIVE:
        raise client("TaskDefinition is inactive")
    return one


def describe_task_definition(aws: "Aws", params: Params) -> Answer:
    one = found(aws, params["taskDefinition"])
    wants_tags = "TAGS" in params.get("include", ())
    return {"taskDefinition": shown(one)} | ({"tags": listed(one.tags)} if wants_tags and one.tags else {})


def list_task_definitions(aws: "Aws", params: Params) -> Answer:
    family, status = params.get("familyPrefix"), params.get("status", ACTIVE)
    held = [
        one.arn
        for name, revisions in sorted(aws.ecs.families.items())
        if family in {None, name}
        for one in revisions
        if one.status == status
    ]
    ordered = held[::-1] if params.get("sort") == "DESC" else held
    shown_, more = page(ordered, params, ECS, aws.switches, "InvalidParameterException")
    return {"taskDefinitionArns": shown_, **more}


def list_task_definition_families(aws: "Aws", params: Params) -> Answer:
    prefix = params.get("familyPrefix", "")
    names = sorted(name for name in aws.ecs.families if name.startswith(prefix))
    shown_, more = page(names, params, ECS, aws.switches, "InvalidParameterException")
    return {"families": shown_, **more}


def deregister_task_definition(aws: "Aws", params: Params) -> Answer:
    if ":" not in params["taskDefinition"].rpartition("/")[2]:
        raise client("A revision is needed to deregister a task definition.")
    one = aws.ecs.definition(params["taskDefinition"])
    if one is None:
        raise client("The specified task definition does not exist.")
    if one.status != ACTIVE:
        raise (
            client("The specified task definition does not exist.")
            if one.status != INACTIVE
            else Refused("ClientException", "The task definition is not active.")
        )
    one.status = INACTIVE
    one.deregistered = aws.account.now()
    return {"taskDefinition": shown(one)}


OPERATIONS: dict[str, Callable[["Aws", Params], Answer]] = {
    "RegisterTaskDefinition": register_task_definition,
    "DescribeTaskDefinition": describe_task_definition,
    "ListTaskDefinitions": list_task_definitions,
    "ListTaskDefinitionFamilies": list_task_definition_families,
    "DeregisterTaskDefinition": deregister_task_definition,
}
