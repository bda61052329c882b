"""Judge whether the roles exist, and let ECS take them on."""

from collections.abc import Mapping
from typing import Any

from decodeat_ops.targets.ecs.arns import role_name
from decodeat_ops.targets.ecs.findings import Findings
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.rights import NO_ROLE, SHIFTS, TASKS, task_roles
from decodeat_ops.targets.ecs.verifying.platform import BOOTSTRAP, OF_THEN


def judge(place: Place, findings: Findings, definition: Mapping[str, Any] | None = None) -> None:
    """Add roles that are missing, of another account, or that ECS may not take on, to the problems.

    Those of tasks are the settings', or of a `definition` that has its own.
    """
    names = place.names
    wanted = dict.fromkeys(task_roles(place, definition), TASKS)
    if names.infrastructure_role_arn:
        wanted[names.infrastructure_role_arn] = SHIFTS
    for arn, service in wanted.items():
        _judge(place, arn, service, findings)


def _judge(place: Place, arn: str, service: str, findings: Findings) -> None:
    name, todays = role_name(arn), arn in place.names.role_arns
    account = arn.split(":")[4]
    if account != place.names.account:
        findings.problem(f"the role {name} is of the account {account}; ECS takes roles of its own account alone")
        return
    told = findings.look(
        f"the role {name}",
        lambda: place.aws.call("iam", "GetRole", RoleName=name),
        NO_ROLE,
        f"there is no role {name}; {BOOTSTRAP if todays else OF_THEN}",
    )
    if told is None:
        return
    role = told["Role"]
    if role["Arn"] != arn:
        who = "the settings name" if todays else "that revision names"
        findings.problem(f"the role {name} is {role['Arn']}, and {who} {arn}")
    if not trusts(role.get("AssumeRolePolicyDocument") or {}, service, account):
        findings.problem(f"the role {name} does not trust {service}, which takes it on")


def trusts(document: Mapping[str, Any], service: str, account: str) -> bool:
    """Return whether a trust policy lets a service of AWS take the role on in this account."""
    return any(
        statement.get("Effect") == "Allow"
        and service in _many(_principal(statement).get("Service"))
        and {"sts:AssumeRole", "sts:*", "*"} & {*_many(statement.get("Action"))}
        and _for_account(statement.get("Condition") or {}, account)
        for statement in _many(document.get("Statement"))
    )


def _for_account(condition: Mapping[str, Any], account: str) -> bool:
    """Return whether a condition on the source's account names this one; other conditions are not judged."""
    for tests in condition.values():
        wanted = next((values for key, values in tests.items() if key.lower() == "aws:sourceaccount"), None)
        if wanted is not None and account not in _many(wanted):
            return False
    return True


def _principal(statement: Mapping[str, Any]) -> Mapping[str, Any]:
    principal = statement.get("Principal")
    return principal if isinstance(principal, Mapping) else {}


def _many(value: Any) -> list[Any]:
    """Return a list: a policy may hold one value in place of a list of one."""
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]
