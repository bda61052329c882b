"""Read and write the policy inside a role that this tool made."""

import json

from decodeat_ops.core.aws import AwsRefused
from decodeat_ops.core.plan import Params
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.ecs.place import Acts, Place
from decodeat_ops.targets.ecs.rights import NO_ROLE

POLICY = "decodeat-ops"  # the name of the one policy that this tool writes into a role


def policy_of(place: Place, role: str) -> str:
    """Return the policy as JSON with sorted keys, "" when the role has none of that name."""
    try:
        told = place.aws.call("iam", "GetRolePolicy", RoleName=role, PolicyName=POLICY)
    except AwsRefused as error:
        if error.error in NO_ROLE:
            return ""
        raise
    return json.dumps(told["PolicyDocument"], sort_keys=True)


def put(place: Place, role: str, policy: str) -> None:
    place.aws.call("iam", "PutRolePolicy", RoleName=role, PolicyName=POLICY, PolicyDocument=policy)


def revoke(place: Place, role: str) -> None:
    """Take the policy out of a role; it may be gone already."""
    try:
        place.aws.call("iam", "DeleteRolePolicy", RoleName=role, PolicyName=POLICY)
    except AwsRefused as error:
        if error.error not in NO_ROLE:
            raise


def grant(place: Place, context: Context, params: Params) -> None:
    put(place, params["role"], params["policy"])


def ungrant(place: Place, context: Context, params: Params) -> None:
    """Bring back the policy of before, unless somebody has written another one since."""
    role, now = params["role"], policy_of(place, params["role"])
    if now != params["policy"]:
        return
    if params["before"]:
        put(place, role, params["before"])
    else:
        revoke(place, role)


ACTIONS: Acts = {"grant-role": grant, "ungrant-role": ungrant}
