"""Answer STS: who calls, and credentials of a role."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.servers.aws.errors import Answer, Params, Refused
from tests.servers.aws.policy import trusts
from tests.servers.aws.principals import Caller

if TYPE_CHECKING:
    from tests.servers.aws.fake import Aws


def get_caller_identity(aws: "Aws", params: Params) -> Answer:
    caller = aws.caller
    return {"UserId": caller.user_id, "Account": aws.account.id, "Arn": caller.arn}


def assume_role(aws: "Aws", params: Params) -> Answer:
    role = next((one for one in aws.identity.roles.values() if one.arn == params["RoleArn"]), None)
    if role is None or not trusts(role.trust, aws.caller.source):
        message = (
            f"User: {aws.caller.arn} is not authorized to perform: sts:AssumeRole on resource: {params['RoleArn']}"
        )
        raise Refused("AccessDenied", message, 403)
    session = params["RoleSessionName"]
    arn = aws.account.arn("sts", f"assumed-role/{role.name}/{session}")
    key = f"ASIA{aws.account.unique(16).upper()}"
    aws.identity.keys[key] = Caller(arn, f"{role.id}:{session}", role.arn)
    credentials = {
        "AccessKeyId": key,
        "SecretAccessKey": aws.account.unique(40),
        "SessionToken": aws.account.unique(64),
        "Expiration": aws.account.now() + timedelta(seconds=params.get("DurationSeconds", 3600)),
    }
    return {"Credentials": credentials, "AssumedRoleUser": {"AssumedRoleId": f"{role.id}:{session}", "Arn": arn}}


OPERATIONS: dict[str, Callable[["Aws", Params], Answer]] = {
    "GetCallerIdentity": get_caller_identity,
    "AssumeRole": assume_role,
}
