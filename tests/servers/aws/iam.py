"""Answer IAM: roles with their policies, and the simulation of a principal's policies."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

from tests.servers.aws.errors import Answer, Params, Refused
from tests.servers.aws.identity import MANAGED
from tests.servers.aws.paging import IAM, page
from tests.servers.aws.permissions import Needed
from tests.servers.aws.policy import parse
from tests.servers.aws.principals import Role

if TYPE_CHECKING:
    from tests.servers.aws.fake import Aws


def _role(aws: "Aws", params: Params) -> Role:
    role = aws.identity.roles.get(params["RoleName"])
    if role is None:
        raise Refused("NoSuchEntity", f"The role with name {params['RoleName']} cannot be found.", 404)
    return role


def _shown(role: Role) -> Answer:
    shown: Answer = {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": role.created,
        "AssumeRolePolicyDocument": quote(json.dumps(role.trust)),
        "MaxSessionDuration": 3600,
        "Tags": [{"Key": key, "Value": value} for key, value in role.tags.items()],
    }
    return shown | ({"Description": role.description} if role.description else {})


def create_role(aws: "Aws", params: Params) -> Answer:
    name = params["RoleName"]
    if name in aws.identity.roles:
        raise Refused("EntityAlreadyExists", f"Role with name {name} already exists.", 409)
    path = params.get("Path", "/")
    role = Role(
        name=name,
        arn=aws.account.arn("iam", f"role{path}{name}"),
        id=f"AROA{aws.account.unique(16).upper()}",
        trust=parse(params["AssumeRolePolicyDocument"]),
        created=aws.account.now(),
        description=params.get("Description", ""),
        path=path,
        tags={one["Key"]: one["Value"] for one in params.get("Tags", ())},
    )
    aws.identity.roles[name] = role
    return {"Role": _shown(role)}


def get_role(aws: "Aws", params: Params) -> Answer:
    return {"Role": _shown(_role(aws, params))}


def delete_role(aws: "Aws", params: Params) -> Answer:
    role = _role(aws, params)
    if role.policies or role.attached:
        raise Refused("DeleteConflict", "Cannot delete entity, must detach all policies first.", 409)
    del aws.identity.roles[role.name]
    return {}


def put_role_policy(aws: "Aws", params: Params) -> Answer:
    _role(aws, params).policies[params["PolicyName"]] = parse(params["PolicyDocument"])
    return {}


def _inline(role: Role, name: str) -> None:
    if name not in role.policies:
        raise Refused("NoSuchEntity", f"The role policy with name {name} cannot be found.", 404)


def get_role_policy(aws: "Aws", params: Params) -> Answer:
    role = _role(aws, params)
    _inline(role, params["PolicyName"])
    document = quote(json.dumps(role.policies[params["PolicyName"]]))
    return {"RoleName": role.name, "PolicyName": params["PolicyName"], "PolicyDocument": document}


def delete_role_policy(aws: "Aws", params: Params) -> Answer:
    role = _role(aws, params)
    _inline(role, params["PolicyName"])
    del role.policies[params["PolicyName"]]
    return {}


def list_role_policies(aws: "Aws", params: Params) -> Answer:
    names, more = page(sorted(_role(aws, params).policies), params, IAM, aws.switches, "InvalidInput")
    return {"PolicyNames": names, "IsTruncated": bool(more), **more}


def list_attached_role_policies(aws: "Aws", params: Params) -> Answer:
    held = [{"PolicyName": name, "PolicyArn": arn} for arn, name in _role(aws, params).attached.items()]
    policies, more = page(held, params, IAM, aws.switches, "InvalidInput")
    return {"AttachedPolicies": policies, "IsTruncated": bool(more), **more}


def attach_role_policy(aws: "Aws", params: Params) -> Answer:
    arn = params["PolicyArn"]
    if arn not in MANAGED:
        raise Refused("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.", 404)
    _role(aws, params).attached[arn] = arn.rpartition("/")[2]
    return {}


def detach_role_policy(aws: "Aws", params: Params) -> Answer:
    role = _role(aws, params)
    if params["PolicyArn"] not in role.attached:
        raise Refused("NoSuchEntity", f"Policy {params['PolicyArn']} was not found.", 404)
    del role.attached[params["PolicyArn"]]
    return {}


def tag_role(aws: "Aws", params: Params) -> Answer:
    _role(aws, params).tags |= {one["Key"]: one["Value"] for one in params["Tags"]}
    return {}


def list_role_tags(aws: "Aws", params: Params) -> Answer:
    held = [{"Key": key, "Value": value} for key, value in _role(aws, params).tags.items()]
    tags, more = page(held, params, IAM, aws.switches, "InvalidInput")
    return {"Tags": tags, "IsTruncated": bool(more), **more}


def simulate_principal_policy(aws: "Aws", params: Params) -> Answer:
    source = params["PolicySourceArn"]
    if not source.startswith(aws.account.arn("iam", "")) or source.endswith(":root"):
        raise Refused("InvalidInput", f"Invalid Entity Arn: {source} does not clearly define entity type and name.")
    if aws.identity.policies_of(source) is None:
        raise Refused("NoSuchEntity", f"The entity with ARN {source} cannot be found.", 404)
    context = {one["ContextKeyName"]: one.get("ContextKeyValues", []) for one in params.get("ContextEntries", ())}
    results = []
    for action in params["ActionNames"]:
        if ":" not in action:
            raise Refused("InvalidInput", f"Invalid action name: {action}")
        for resource in params.get("ResourceArns") or ["*"]:
            verdict = aws.identity.verdict(source, Needed(action, resource, context))
            matched = [] if verdict.decision == "implicitDeny" else [{"SourcePolicyId": "policy"}]
            missing, own = list(verdict.missing), {"EvalResourceName": resource, "MatchedStatements": matched}
            result = {"EvalActionName": action, "EvalDecision": verdict.decision, **own}
            if resource == "*":
                results.append({**result, "MissingContextValues": missing})
                continue
            specific = {"EvalResourceDecision": verdict.decision, "MissingContextValues": missing, **own}
            results.append({**result, "ResourceSpecificResults": [specific]})
    found, more = page(results, params, IAM, aws.switches, "InvalidInput")
    return {"EvaluationResults": found, "IsTruncated": bool(more), **more}


OPERATIONS: dict[str, Callable[["Aws", Params], Answer]] = {
    "CreateRole": create_role,
    "GetRole": get_role,
    "DeleteRole": delete_role,
    "PutRolePolicy": put_role_policy,
    "GetRolePolicy": get_role_policy,
    "DeleteRolePolicy": delete_role_policy,
    "ListRolePolicies": list_role_policies,
    "ListAttachedRolePolicies": list_attached_role_policies,
    "AttachRolePolicy": attach_role_policy,
    "DetachRolePolicy": detach_role_policy,
    "TagRole": tag_role,
    "ListRoleTags": list_role_tags,
    "SimulatePrincipalPolicy": simulate_principal_policy,
}
