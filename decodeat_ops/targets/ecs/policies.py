"""Write the policies of the roles that a bootstrap makes: each allows what its holder does, and no more."""

from collections.abc import Iterable, Mapping
from typing import Any

from decodeat_ops.targets.ecs.arns import Arns
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.rights import own_secrets

Document = dict[str, Any]
_VERSION = "2012-10-17"
# What ECS does with the execution role to start a task.
STREAM = ("logs:CreateLogStream", "logs:PutLogEvents")
LOGIN = ("ecr:GetAuthorizationToken",)
PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
READ_SECRET = ("secretsmanager:GetSecretValue",)
_BALANCING = (
    "DeregisterTargets", "DescribeListeners", "DescribeRules", "DescribeTargetGroups", "DescribeTargetHealth",
    "ModifyListener", "ModifyRule", "RegisterTargets",
)  # fmt: skip


def trust(service: str, account: str = "") -> Document:
    """Return a policy by which a service of AWS takes a role on; with `account`, on behalf of that account alone."""
    statement: Document = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    if account:
        statement["Condition"] = {"StringEquals": {"aws:SourceAccount": account}}
    return _document(statement)


def execution(place: Place) -> Document:
    """Return what ECS needs to start a task: its image, its secrets, and a stream of its log."""
    arns = Arns(place.names)
    statements = [_allow("Logs", STREAM, f"{arns.log_group}:*")]
    if arns.repository:
        statements.append(_allow("Login", LOGIN, "*"))
        statements.append(_allow("Image", PULL, arns.repository))
    if secrets := readable_secrets(place):
        statements.append(_allow("Secrets", READ_SECRET, *map(arns.secret, secrets)))
    return _document(*statements)


def readable_secrets(place: Place) -> tuple[str, ...]:
    """Return the secrets, by name or ARN, whose values a task starts with."""
    names, references = place.names, place.loaded.settings.service.references("aws-secretsmanager")
    referred = {one.partition("#")[0] for one in references.values()}
    own = [names.secret] if own_secrets(place) else []
    return tuple(dict.fromkeys((*own, *sorted(referred), *([names.pull_secret] if names.pull_secret else []))))


def task(place: Place) -> Document | None:
    """Return what the service itself may do in AWS: nothing, but with `ecs.exec` to be entered."""
    if not place.loaded.settings.ecs.exec:
        return None
    channels = ["CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel"]
    return _document(_allow("Exec", [f"ssmmessages:{one}" for one in channels], "*"))


def infrastructure() -> Document:
    """Return what ECS needs to shift clients from one target group to the other."""
    return _document(_allow("Shift", [f"elasticloadbalancing:{one}" for one in _BALANCING], "*"))


def _allow(sid: str, actions: Iterable[str], *resources: str) -> Mapping[str, Any]:
    where = resources[0] if len(resources) == 1 else [*resources]
    return {"Sid": sid, "Effect": "Allow", "Action": [*actions], "Resource": where}


def _document(*statements: Mapping[str, Any]) -> Document:
    return {"Version": _VERSION, "Statement": [*statements]}
