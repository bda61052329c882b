"""Judge whether the execution role may do what ECS does with it to start a task: pull, read secrets, write the log."""

from collections.abc import Iterator

from decodeat_ops.core.target import Origin
from decodeat_ops.targets.ecs import policies, rights
from decodeat_ops.targets.ecs.arns import Arns
from decodeat_ops.targets.ecs.findings import Findings
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.verifying import secrets


def judge(place: Place, origin: Origin, findings: Findings) -> None:
    """Add what the role is denied. A release that ran before is left out: tasks have started with its own role.

    Secrets have to be judged before, which finds out their ARNs.
    """
    if origin.how == "built":
        rights.judge_role(place, place.names.execution_role_arn, needs(place), findings)


def needs(place: Place) -> Iterator[rights.Need]:
    """Yield what a bootstrap allows an execution role, each on a resource that there is or will be."""
    names, arns = place.names, Arns(place.names)
    yield rights.Need(policies.STREAM, f"{arns.log_group}:log-stream:{names.container}/{names.container}/0")
    if arns.repository:
        yield rights.Need(policies.LOGIN, "*")
        yield rights.Need(policies.PULL, arns.repository)
    for secret in policies.readable_secrets(place):
        yield rights.Need(policies.READ_SECRET, secrets.arn(place, secret))
