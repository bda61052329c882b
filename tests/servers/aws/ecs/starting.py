"""Decide whether a task can start at all, as Fargate finds out: role, image, secrets, log. All words are AWS's."""

import json
from typing import TYPE_CHECKING, Any

from tests.servers.aws.ecs.behaviour import Document
from tests.servers.aws.policy import trusts

if TYPE_CHECKING:
    from tests.servers.aws.fake import Aws

TASKS = "ecs-tasks.amazonaws.com"
ARCHITECTURES = {"X86_64": "linux/amd64", "ARM64": "linux/arm64"}
RESOURCES = (
    "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "
)
AGAIN = "service call has been retried 3 time(s): "
PULL = "CannotPullContainerError: pull image manifest has been retried 1 time(s): "
LOGGER = (
    "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to "
    "create Cloudwatch log stream: "
)


def why_not(aws: "Aws", document: Document) -> str:
    """Return why no task of this definition can start, "" when it can."""
    found = unusable_role(aws, document.get("executionRoleArn", "")) or unusable_role(
        aws, document.get("taskRoleArn", "")
    )
    for container in document["containerDefinitions"]:
        found = found or _secrets(aws, document, container)
        found = found or _image(aws, document, container)
        found = found or _log(aws, document, container)
    return found


def unusable_role(aws: "Aws", arn: str) -> str:
    """Return why ECS can't assume a role, "" when it can or none is given."""
    if not arn:
        return ""
    role = next((one for one in aws.identity.roles.values() if one.arn == arn), None)
    if role is not None and trusts(role.trust, TASKS, {"aws:SourceAccount": [aws.account.id]}):
        return ""
    return (
        f"ECS was unable to assume the role '{arn}' that was provided for this task. Please verify that the role being "
        "passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this "
        "role."
    )


def _secrets(aws: "Aws", document: Document, container: dict[str, Any]) -> str:
    wanted = [one["valueFrom"] for one in container.get("secrets", ())]
    wanted += (
        [container["repositoryCredentials"]["credentialsParameter"]] if "repositoryCredentials" in container else []
    )
    for reference in wanted:
        problem = _unresolved(aws, document.get("executionRoleArn", ""), reference)
        if problem:
            return RESOURCES + problem
    return ""


def resolved(aws: "Aws", reference: str) -> str | None:
    """Return the value that a `valueFrom` names, None when there is none: ARN:key:stage:version."""
    arn, key, stage, version = _parts(reference)
    secret = aws.secrets.find(arn)
    if secret is None or secret.deleted is not None:
        return None
    held = secret.versions.get(version) if version else secret.at(stage or "AWSCURRENT")
    if held is None:
        return None
    text = held.value if isinstance(held.value, str) else held.value.decode()
    if not key:
        return text
    try:
        values = json.loads(text)
    except ValueError:
        return None
    return str(values[key]) if isinstance(values, dict) and key in values else None


def _parts(reference: str) -> tuple[str, str, str, str]:
    parts = reference.split(":")
    key, stage, version = (*parts[7:10], "", "", "")[:3]
    return ":".join(parts[:7]), key, stage, version


def _unresolved(aws: "Aws", role: str, reference: str) -> str:
    arn, key, _, _ = _parts(reference)
    asked = f"failed to fetch secret {arn} from secrets manager: "
    retried = "unable to retrieve secret from asm: service call has been retried 1 time(s): "
    secret = aws.secrets.find(arn)
    if not aws.identity.may(role, "secretsmanager:GetSecretValue", secret.arn if secret else arn):
        name = role.rpartition("/")[2]
        return (
            f"{retried}{asked}AccessDeniedException: User: arn:aws:sts::{aws.account.id}:assumed-role/{name}/task is "
            f"not authorized to perform: secretsmanager:GetSecretValue on resource: {arn} because no identity-based "
            "policy allows the secretsmanager:GetSecretValue action"
        )
    if resolved(aws, reference) is not None:
        return ""
    if key and secret is not None and resolved(aws, reference.replace(f":{key}:", "::")) is not None:
        return f"{retried}retrieved secret from Secrets Manager did not contain json key {key}"
    return f"{retried}{asked}ResourceNotFoundException: Secrets Manager can't find the specified secret."


def _image(aws: "Aws", document: Document, container: dict[str, Any]) -> str:
    reference, role = container["image"], document.get("executionRoleArn", "")
    repository = reference.partition("@")[0].partition(":")[0]
    if reference.startswith(f"{aws.registry.host}/"):
        arn = aws.account.arn("ecr", f"repository/{repository.removeprefix(aws.registry.host + '/')}")
        actions = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
        if not aws.identity.may(role, "ecr:GetAuthorizationToken", "*"):
            return f"{RESOURCES}unable to retrieve ecr registry auth: {AGAIN}AccessDeniedException"
        if not all(aws.identity.may(role, one, arn) for one in actions):
            return f"{PULL}failed to resolve ref {reference}: 403 Forbidden"
    platforms = aws.registry.pulled(reference)
    if platforms is None:
        return f"{PULL}failed to resolve ref {reference}: {reference}: not found"
    wanted = ARCHITECTURES[document.get("runtimePlatform", {}).get("cpuArchitecture", "X86_64")]
    if wanted not in platforms:
        return f"{PULL}image Manifest does not contain descriptor matching platform '{wanted}'"
    return ""


def _log(aws: "Aws", document: Document, container: dict[str, Any]) -> str:
    logging = container.get("logConfiguration", {})
    if logging.get("logDriver") != "awslogs":
        return ""
    group, role = logging["options"]["awslogs-group"], document.get("executionRoleArn", "")
    stream = aws.account.arn("logs", f"log-group:{group}:log-stream:{container['name']}")
    if not all(aws.identity.may(role, action, stream) for action in ("logs:CreateLogStream", "logs:PutLogEvents")):
        return f"{LOGGER}AccessDeniedException : exit status 1"
    if group in aws.logs.groups:
        return ""
    creates = logging["options"].get("awslogs-create-group") == "true"
    if creates and aws.identity.may(role, "logs:CreateLogGroup", aws.account.arn("logs", f"log-group:{group}")):
        aws.logs.group(group)
        return ""
    return f"{LOGGER}ResourceNotFoundException: The specified log group does not exist. : exit status 1"
