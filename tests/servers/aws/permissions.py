"""Say which permissions a call needs: actions, resources and the condition keys that IAM knows about it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.servers.aws.errors import Params

if TYPE_CHECKING:
    from tests.servers.aws.fake import Aws

PREFIXES = {"elbv2": "elasticloadbalancing", "service-quotas": "servicequotas"}
ANY = "*"


@dataclass(frozen=True)
class Needed:
    """Hold one permission that a call needs."""

    action: str
    resource: str = ANY
    context: dict[str, list[str]] = field(default_factory=dict)


Rule = Callable[["Aws", Params], Iterator[Needed]]


def needed(aws: "Aws", service: str, operation: str, params: Params) -> list[Needed]:
    """Return everything that the caller has to be allowed to do."""
    name = f"{service}:{operation}"
    if name in FREE:
        return []
    action = f"{PREFIXES.get(service, service)}:{operation}"
    place = RESOURCES.get(name)
    context = _context(aws, service, params)
    main = Needed(RENAMED.get(name, action), place(aws, params) if place else ANY, context)
    return [main, *(one for rule in EXTRA.get(name, ()) for one in rule(aws, params))]


def _context(aws: "Aws", service: str, params: Params) -> dict[str, list[str]]:
    found = {f"aws:RequestTag/{key}": [value] for key, value in _tags(params).items()}
    if found:
        found["aws:TagKeys"] = list(_tags(params))
    if service == "ecs" and "cluster" in params:
        found["ecs:cluster"] = [_cluster(aws, params)]
    return found


def _tags(params: Params) -> dict[str, str]:
    held = params.get("tags") or params.get("Tags") or []
    if isinstance(held, dict):
        return dict(held)
    return {one.get("key", one.get("Key", "")): one.get("value", one.get("Value", "")) for one in held}


def _cluster(aws: "Aws", params: Params) -> str:
    name = str(params.get("cluster") or params.get("clusterName") or "default")
    return name if name.startswith("arn:") else aws.account.arn("ecs", f"cluster/{name}")


def _instances(aws: "Aws", params: Params) -> str:
    """Return what IAM sees of a list of tasks: the instances that they would run on, also where there are none."""
    return _cluster(aws, params).replace(":cluster/", ":container-instance/") + "/*"


def _session(aws: "Aws", params: Params) -> Iterator[Needed]:
    yield Needed("ecs:ExecuteCommand", _cluster(aws, params))


def _service(aws: "Aws", params: Params) -> str:
    name = str(params.get("service") or params.get("serviceName") or (params.get("services") or [""])[0])
    cluster = _cluster(aws, params).rpartition("/")[2]
    return name if name.startswith("arn:") else aws.account.arn("ecs", f"service/{cluster}/{name}")


def _definition(aws: "Aws", params: Params) -> str:
    name = str(params.get("taskDefinition", ""))
    if not name.startswith("arn:") and ":" not in name and name in aws.ecs.families:
        name = f"{name}:{len(aws.ecs.families[name])}"
    return name if name.startswith("arn:") else aws.account.arn("ecs", f"task-definition/{name}")


def _task(aws: "Aws", params: Params) -> str:
    name = str(params.get("task") or (params.get("tasks") or [""])[0])
    cluster = _cluster(aws, params).rpartition("/")[2]
    return name if name.startswith("arn:") else aws.account.arn("ecs", f"task/{cluster}/{name}")


def _role(aws: "Aws", params: Params) -> str:
    known = aws.identity.roles.get(params.get("RoleName", ""))
    path = params.get("Path", "/")
    return known.arn if known else aws.account.arn("iam", f"role{path}{params.get('RoleName', '')}")


def _repository(aws: "Aws", params: Params) -> str:
    return aws.account.arn(
        "ecr", f"repository/{params.get('repositoryName') or (params.get('repositoryNames') or ['*'])[0]}"
    )


def _secret(aws: "Aws", params: Params) -> str:
    name = str(params.get("SecretId", ""))
    secret = aws.secrets.find(name)
    return secret.arn if secret else aws.account.arn("secretsmanager", f"secret:{name}")


def _new_secret(aws: "Aws", params: Params) -> str:
    return aws.account.arn("secretsmanager", f"secret:{params['Name']}-??????".replace("?", "A"))


def _log_group(aws: "Aws", params: Params) -> str:
    """Return a log group as IAM sees it; for the list of all groups it sees none, whatever prefix is asked for."""
    return aws.account.arn("logs", f"log-group:{params.get('logGroupName', '')}:log-stream:")


def _log_content(aws: "Aws", params: Params) -> str:
    identifier = params.get("logGroupIdentifier")
    if identifier:
        arn = (
            str(identifier)
            if str(identifier).startswith("arn:")
            else aws.account.arn("logs", f"log-group:{identifier}")
        )
        return f"{arn}:*"
    return f"{_log_group(aws, params).removesuffix(':log-stream:')}:*"


def _log_stream(aws: "Aws", params: Params) -> str:
    return f"{_log_content(aws, params).removesuffix(':*')}:log-stream:{params['logStreamName']}"


def _passed(aws: "Aws", roles: list[str | None], service: str) -> Iterator[Needed]:
    for role in roles:
        if role:
            arn = role if role.startswith("arn:") else aws.account.arn("iam", f"role/{role}")
            yield Needed("iam:PassRole", arn, {"iam:PassedToService": [service]})


def _pass_task_roles(aws: "Aws", params: Params) -> Iterator[Needed]:
    yield from _passed(aws, [params.get("executionRoleArn"), params.get("taskRoleArn")], "ecs-tasks.amazonaws.com")


def _pass_of_run(aws: "Aws", params: Params) -> Iterator[Needed]:
    definition = aws.ecs.definition(str(params.get("taskDefinition", "")))
    told = {**(definition.document if definition else {}), **params.get("overrides", {})}
    yield from _pass_task_roles(aws, told)


def _pass_infrastructure(aws: "Aws", params: Params) -> Iterator[Needed]:
    advanced = [one.get("advancedConfiguration", {}).get("roleArn") for one in params.get("loadBalancers", ())]
    yield from _passed(aws, advanced, "ecs.amazonaws.com")


def _tag_on_create(action: str, resource: Callable[["Aws", Params], str], creates: str = "") -> Rule:
    def rule(aws: "Aws", params: Params) -> Iterator[Needed]:
        if params.get("tags") or params.get("Tags"):
            context = _context(aws, "", params) | ({"ecs:CreateAction": [creates]} if creates else {})
            yield Needed(action, resource(aws, params), context)

    return rule


def _family(aws: "Aws", params: Params) -> str:
    return aws.account.arn("ecs", f"task-definition/{params['family']}:*")


def _alarm(aws: "Aws", params: Params) -> str:
    return aws.account.arn("cloudwatch", "alarm:*")


def _principal(aws: "Aws", params: Params) -> str:
    return str(params["PolicySourceArn"])


def _named_arn(name: str) -> Callable[["Aws", Params], str]:
    return lambda aws, params: str(params[name])


FREE = {"sts:GetCallerIdentity"}  # nobody can be denied this
RENAMED = {
    "logs:ListTagsForResource": "logs:ListTagsForResource",
    "elbv2:DescribeTargetHealth": "elasticloadbalancing:DescribeTargetHealth",
}
RESOURCES: dict[str, Callable[["Aws", Params], str]] = {
    **{f"ecs:{one}": _cluster for one in ("CreateCluster", "DescribeClusters", "DeleteCluster")},
    "ecs:ListTasks": _instances,
    **{f"ecs:{one}": _service for one in ("CreateService", "UpdateService", "DeleteService", "DescribeServices")},
    **{f"ecs:{one}": _service for one in ("ListServiceDeployments",)},
    **{f"ecs:{one}": _task for one in ("DescribeTasks", "StopTask", "ExecuteCommand")},
    **{f"ecs:{one}": _named_arn("resourceArn") for one in ("TagResource", "UntagResource", "ListTagsForResource")},
    "ecs:RunTask": _definition,
    "ecs:RegisterTaskDefinition": _family,
    "ecs:DescribeServiceDeployments": lambda aws, params: str(params["serviceDeploymentArns"][0]),
    "ecs:DescribeServiceRevisions": lambda aws, params: str(params["serviceRevisionArns"][0]),
    "ecs:StopServiceDeployment": _named_arn("serviceDeploymentArn"),
    **{
        f"iam:{one}": _role
        for one in (
            "GetRole", "CreateRole", "DeleteRole", "PutRolePolicy", "GetRolePolicy", "DeleteRolePolicy", "TagRole",
            "ListRolePolicies", "ListAttachedRolePolicies", "AttachRolePolicy", "DetachRolePolicy", "ListRoleTags",
        )
    },
    "iam:SimulatePrincipalPolicy": _principal,
    "sts:AssumeRole": _named_arn("RoleArn"),
    **{
        f"ecr:{one}": _repository
        for one in (
            "CreateRepository", "DescribeRepositories", "DeleteRepository", "DescribeImages", "BatchGetImage",
            "ListImages", "BatchDeleteImage", "PutLifecyclePolicy", "BatchCheckLayerAvailability",
            "GetDownloadUrlForLayer", "DescribeImageScanFindings",
        )
    },
    **{
        f"secretsmanager:{one}": _secret
        for one in (
            "GetSecretValue", "PutSecretValue", "DescribeSecret", "ListSecretVersionIds", "UpdateSecretVersionStage",
            "DeleteSecret", "TagResource", "RestoreSecret",
        )
    },
    "secretsmanager:CreateSecret": _new_secret,
    **{f"logs:{one}": _log_group for one in ("CreateLogGroup", "PutRetentionPolicy", "DeleteLogGroup")},
    "logs:DescribeLogGroups": _log_group,
    **{f"logs:{one}": _log_content for one in ("DescribeLogStreams", "FilterLogEvents")},
    "logs:GetLogEvents": _log_stream,
    **{f"logs:{one}": _named_arn("resourceArn") for one in ("TagResource", "ListTagsForResource")},
    "ecr:ListTagsForResource": _named_arn("resourceArn"),
    "cloudwatch:DescribeAlarms": _alarm,
}  # fmt: skip
EXTRA: dict[str, tuple[Rule, ...]] = {
    "ecs:RegisterTaskDefinition": (
        _pass_task_roles,
        _tag_on_create("ecs:TagResource", _family, "RegisterTaskDefinition"),
    ),
    "ecs:RunTask": (
        _pass_of_run,
        _tag_on_create("ecs:TagResource", lambda aws, params: f"{_task(aws, params)}*", "RunTask"),
    ),
    "ecs:CreateService": (_pass_infrastructure, _tag_on_create("ecs:TagResource", _service, "CreateService")),
    "ecs:ExecuteCommand": (_session,),
    "ecs:UpdateService": (_pass_infrastructure,),
    "ecs:CreateCluster": (_tag_on_create("ecs:TagResource", _cluster, "CreateCluster"),),
    "ecr:CreateRepository": (_tag_on_create("ecr:TagResource", _repository),),
    "iam:CreateRole": (_tag_on_create("iam:TagRole", _role),),
    "secretsmanager:CreateSecret": (_tag_on_create("secretsmanager:TagResource", _new_secret),),
    "logs:CreateLogGroup": (_tag_on_create("logs:TagResource", _log_group),),
}
