"""Make the roles of tasks and of a shift, and delete those that were made."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from decodeat_ops.core.aws import Answer, AwsRefused
from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.plan import Action, Params, Step
from decodeat_ops.core.target import Steps
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.ecs import policies
from decodeat_ops.targets.ecs.arns import role_name
from decodeat_ops.targets.ecs.bootstrap.grants import policy_of, put, revoke
from decodeat_ops.targets.ecs.bootstrap.marks import MARK, of_pairs, pairs, tags
from decodeat_ops.targets.ecs.names import DEPLOYMENT
from decodeat_ops.targets.ecs.place import Acts, Place
from decodeat_ops.targets.ecs.rights import NO_ROLE, SHIFTS, TASKS

_THERE = frozenset({"EntityAlreadyExists", "EntityAlreadyExistsException"})


@dataclass(frozen=True)
class Wanted:
    """Describe a role that a deployment needs; `policy` is "" for one that may do nothing."""

    id: str
    title: str
    arn: str
    trust: policies.Document
    policy: policies.Document | None

    @property
    def path(self) -> str:
        """Return the path in the ARN, which begins and ends with a slash."""
        return "/" + self.arn.partition(":role/")[2].removesuffix(role_name(self.arn))


def wanted(place: Place) -> Iterator[Wanted]:
    """Yield the roles that the settings ask for."""
    names = place.names
    yield Wanted(
        "execution-role",
        "the role that starts tasks",
        names.execution_role_arn,
        policies.trust(TASKS),
        policies.execution(place),
    )
    if names.task_role_arn != names.execution_role_arn:
        yield Wanted(
            "task-role",
            "the role of the service itself",
            names.task_role_arn,
            policies.trust(TASKS, names.account),
            policies.task(place),
        )
    if names.infrastructure_role_arn:
        yield Wanted(
            "infrastructure-role",
            "the role that shifts traffic",
            names.infrastructure_role_arn,
            policies.trust(SHIFTS),
            policies.infrastructure(),
        )


def steps(place: Place, mark: str) -> Steps:
    """Return the steps that make the roles that are missing, and that bring those of ours to today's policy.

    Raises `Configuration` when a role would be another account's.
    """
    found: list[Step] = []
    for role in wanted(place):
        if role.arn.split(":")[4] != place.names.account:
            raise Configuration(
                f"The role {role.arn} is of another account, and ECS takes roles of its own account alone.",
                hint="Name a role of ecs.account.",
                where="ecs",
            )
        told = _told(place, role_name(role.arn))
        if told is None:
            found.append(_make_step(role, mark))
        elif of_pairs(told.get("Tags", ())).get(DEPLOYMENT) == place.names.deployment:
            found += _grant_steps(place, role)
    return tuple(found)


def _make_step(role: Wanted, mark: str) -> Step:
    name = role_name(role.arn)
    about: dict[str, Any] = {"role": name, "path": role.path, "trust": _text(role.trust), "mark": mark}
    about["policy"] = _text(role.policy) if role.policy else ""
    return Step(
        id=role.id,
        title=f"Make {role.title}",
        do=Action("make-role", about),
        undo=Action("unmake-role", {"role": name, "mark": mark}),
        preview=(f"CreateRole {name}, taken on by {_trusted(role)}", *_allowed(role)),
    )


def _grant_steps(place: Place, role: Wanted) -> Steps:
    """Return the step that renews the policy of a role of ours; none where that is today's. It takes none away."""
    name = role_name(role.arn)
    before, after = policy_of(place, name), _text(role.policy) if role.policy else ""
    if not after or (before and json.loads(before) == role.policy):
        return ()
    about = {"role": name, "policy": after, "before": before}
    return (
        Step(
            id=f"{role.id}-policy",
            title=f"Renew what {role.title} may do",
            do=Action("grant-role", about),
            undo=Action("ungrant-role", about),
            preview=(f"PutRolePolicy {name}", *_allowed(role)),
        ),
    )


def make(place: Place, context: Context, params: Params) -> None:
    """Make a role with its policy. One that somebody else made by now keeps what it has."""
    name = params["role"]
    try:
        place.aws.call(
            "iam",
            "CreateRole",
            RoleName=name,
            Path=params["path"],
            AssumeRolePolicyDocument=params["trust"],
            Description="Made by decodeat-ops",
            Tags=pairs(tags(place, params["mark"])),
        )
    except AwsRefused as error:
        if error.error not in _THERE:
            raise
        if not _ours(place, name, params["mark"]):
            return
    if params["policy"]:
        put(place, name, params["policy"])


def unmake(place: Place, context: Context, params: Params) -> None:
    """Delete a role and its policy if it was made by this change."""
    name = params["role"]
    if not _ours(place, name, params["mark"]):
        return
    revoke(place, name)
    try:
        place.aws.call("iam", "DeleteRole", RoleName=name)
    except AwsRefused as error:
        if error.error not in NO_ROLE:
            raise


def _ours(place: Place, name: str, mark: str) -> bool:
    told = _told(place, name)
    return told is not None and of_pairs(told.get("Tags", ())).get(MARK) == mark


def _told(place: Place, name: str) -> Answer | None:
    try:
        role: Answer = place.aws.call("iam", "GetRole", RoleName=name)["Role"]
    except AwsRefused as error:
        if error.error in NO_ROLE:
            return None
        raise
    return role


def _trusted(role: Wanted) -> str:
    return str(role.trust["Statement"][0]["Principal"]["Service"])


def _allowed(role: Wanted) -> Iterator[str]:
    for statement in role.policy["Statement"] if role.policy else ():
        where = statement["Resource"]
        yield f"{', '.join(statement['Action'])} on {where if isinstance(where, str) else ', '.join(where)}"


def _text(document: policies.Document) -> str:
    return json.dumps(document, sort_keys=True)


ACTIONS: Acts = {"make-role": make, "unmake-role": unmake}
