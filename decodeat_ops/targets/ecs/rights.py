"""Ask IAM whether whoever calls may do what a deploy does, and a task's role what starts it, before it begins."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from decodeat_ops.core.aws import Answer, AwsRefused
from decodeat_ops.core.release import Release
from decodeat_ops.core.target import Origin
from decodeat_ops.targets.ecs import secrets
from decodeat_ops.targets.ecs.arns import SUFFIX, Arns, role_name
from decodeat_ops.targets.ecs.findings import Findings
from decodeat_ops.targets.ecs.identity import Caller, who
from decodeat_ops.targets.ecs.observed import EcsObserved
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.shift import is_of, shifts

TASKS, SHIFTS = "ecs-tasks.amazonaws.com", "ecs.amazonaws.com"  # who takes on the roles of tasks, and of a shift
NO_ROLE = frozenset({"NoSuchEntity", "NoSuchEntityException"})
DATABASE = "DATABASE_URL"
PUSH = (
    "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload",
    "ecr:PutImage", "ecr:UploadLayerPart",
)  # fmt: skip
CHANGED_SECRET = ("secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage")
NEW_SECRET = (
    "secretsmanager:CreateSecret", "secretsmanager:DeleteSecret", "secretsmanager:TagResource", *CHANGED_SECRET,
)  # fmt: skip
# What has a policy of its own can be allowed by that, which the simulation of a caller's policies does not see.
_WITH_POLICIES = ("ecr:", "secretsmanager:")
_NO_NOTE = "that the release has served can't be noted, so a rollback finds it by its id alone"


@dataclass(frozen=True)
class Need:
    """Name actions on one resource; `context` holds condition keys that are known, with their values.

    `otherwise` says what a denial means where it keeps no release from serving; such a one is told and refuses nothing.
    """

    actions: tuple[str, ...]
    resource: str
    context: tuple[tuple[str, str], ...] = ()
    otherwise: str = ""


def needs(
    place: Place,
    release: Release,
    origin: Origin,
    observed: EcsObserved,
    definition: Mapping[str, Any] | None = None,
) -> tuple[Need, ...]:
    """Return what the steps of a deploy or a rollback, and their undos, ask of AWS; `release` has today's secrets.

    `definition` is that of a release that ran before. Reads are left out, for a denied one is told.
    """
    names, arns, settings = place.names, Arns(place.names), place.loaded.settings
    change = (
        ("ecs:UpdateService",) if observed.service else ("ecs:CreateService", "ecs:DeleteService", "ecs:TagResource")
    )
    revisions = ["ecs:DeregisterTaskDefinition"]
    kept = origin.of if origin.how == "kept" else None
    registers = kept is None or kept.secrets != release.secrets
    if registers:
        revisions += ["ecs:RegisterTaskDefinition", "ecs:TagResource"]
    wanted = [Need(tuple(revisions), arns.task_definitions), Need(change, arns.service)]
    if observed.service and (shifts(place.loaded) or is_of(observed.service)):
        wanted.append(Need(("ecs:StopServiceDeployment",), arns.service_deployments))
    if kept is not None and not registers and not kept.served:
        wanted.append(Need(("ecs:TagResource",), arns.task_definitions, otherwise=_NO_NOTE))
    # Registering a revision surely asks for it; whether bringing a service to one that is there does, AWS doesn't say.
    passed, otherwise = (("iam:PassedToService", TASKS),), "" if registers else "AWS may ask for it"
    wanted += [Need(("iam:PassRole",), role, passed, otherwise) for role in task_roles(place, definition)]
    if names.infrastructure_role_arn:
        wanted.append(Need(("iam:PassRole",), names.infrastructure_role_arn, (("iam:PassedToService", SHIFTS),)))
    if any(DATABASE in known for known in (settings.service.environment, settings.service.secrets)):
        cluster = (("ecs:cluster", arns.cluster),)
        wanted += [Need(("ecs:RunTask",), arns.task_definitions, cluster), Need(("ecs:StopTask",), arns.tasks, cluster)]
    if own_secrets(place):
        values = NEW_SECRET if not secrets.exists(place) else CHANGED_SECRET
        wanted.append(Need(values, arns.secret(names.secret).replace(SUFFIX, "-000000")))
    if origin.how == "built" and not settings.ecs.image and arns.repository:
        wanted += [Need(("ecr:GetAuthorizationToken",), "*"), Need(PUSH, arns.repository)]
    return tuple(wanted)


def task_roles(place: Place, definition: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return the ARNs of the roles that tasks take on: the settings', or those of a `definition` that ran before."""
    names = place.names
    if not definition:
        return tuple(dict.fromkeys((names.execution_role_arn, names.task_role_arn)))
    own = (definition.get("executionRoleArn"), definition.get("taskRoleArn"))
    return tuple(dict.fromkeys(names.role_arn(role) for role in own if role))


def own_secrets(place: Place) -> tuple[str, ...]:
    """Return the variables whose values are in the deployment's own secret: those of env: and file: references."""
    service = place.loaded.settings.service
    return tuple(sorted((*service.references("env"), *service.references("file"))))


@dataclass(frozen=True)
class Principal:
    """Name whose policies are simulated: the ARN, and how sentences name that user or role."""

    arn: str
    who: str = "you"
    whom: str = "the caller"


def judge(place: Place, wanted: Iterable[Need], findings: Findings) -> None:
    """Add what the caller is surely denied to the problems, and what depends on something else to the doubts."""
    caller = who(place)
    if caller.root:
        findings.doubt("the caller is the account's root user, whose rights can't be simulated")
        return
    try:
        arn = _of_caller(place, caller)
        if not arn:
            findings.doubt(f"the rights of {caller.shown} can't be simulated")
            return
        for need in wanted:
            _simulate(place, Principal(arn), need, findings)
    except AwsRefused as error:
        findings.doubt(f"the rights of {caller.shown} could not be simulated: {error.operation}, {error.error}")


def judge_role(place: Place, arn: str, wanted: Iterable[Need], findings: Findings) -> None:
    """Add what a role is surely denied to the problems, and what depends on something else to the doubts.

    A role that is missing is none of either here.
    """
    role = f"the role {role_name(arn)}"
    try:
        for need in wanted:
            _simulate(place, Principal(arn, role, role), need, findings)
    except AwsRefused as error:
        if error.error not in NO_ROLE:
            findings.doubt(f"the rights of {role} could not be simulated: {error.operation}, {error.error}")


def _of_caller(place: Place, caller: Caller) -> str:
    """Return the ARN of the user or role whose policies count, "" when there is none.

    A role is looked up, since the ARN of its session lacks the path.
    """
    if not caller.role:
        return caller.arn if caller.user else ""
    arn: str = place.aws.call("iam", "GetRole", RoleName=caller.role)["Role"]["Arn"]
    return arn


def _simulate(place: Place, principal: Principal, need: Need, findings: Findings) -> None:
    context = [
        {"ContextKeyName": name, "ContextKeyValues": [value], "ContextKeyType": "string"}
        for name, value in (("aws:RequestedRegion", place.names.region), *need.context)
    ]
    params: dict[str, Any] = {"PolicySourceArn": principal.arn, "ActionNames": [*need.actions]}
    params |= {"ResourceArns": [need.resource], "ContextEntries": context}
    for result in place.aws.pages("iam", "SimulatePrincipalPolicy", "EvaluationResults", **params):
        _judge(principal, need, result, findings)


def _judge(principal: Principal, need: Need, result: Answer, findings: Findings) -> None:
    decision, action = result["EvalDecision"], result["EvalActionName"]
    if decision == "allowed":
        return
    missing, where = _missing(result), f"{action} on {need.resource}"
    if missing:
        findings.doubt(f"whether {principal.who} may {where} depends on {', '.join(missing)}")
    elif result.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations") is False:
        # The simulation leaves out what a condition of such a policy allows.
        findings.doubt(f"a policy of the organization may keep {principal.whom} from {where}")
    elif decision == "implicitDeny" and action.startswith(_WITH_POLICIES) and need.resource != "*":
        findings.doubt(f"no policy of {principal.whom} allows {where}; the resource's own may")
    elif need.otherwise:
        findings.doubt(f"{principal.who} may not {where}, {_because(result)}: {need.otherwise}")
    else:
        findings.problem(f"{principal.who} may not {where}: {_because(result)}")


def _missing(result: Answer) -> tuple[str, ...]:
    """Return the condition keys without a value. Where a resource was named, AWS tells them with its result."""
    of_resources = result.get("ResourceSpecificResults") or ()
    told = (one.get("MissingContextValues") or () for one in (result, *of_resources))
    return tuple(dict.fromkeys(name for names in told for name in names))


def _because(result: Answer) -> str:
    if result.get("PermissionsBoundaryDecisionDetail", {}).get("AllowedByPermissionsBoundary") is False:
        return "the permissions boundary does not allow it"
    return "a policy denies it" if result["EvalDecision"] == "explicitDeny" else "no policy allows it"
