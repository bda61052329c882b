"""The policies in docs/policies/ allow what the code asks of AWS, and nothing else."""

import itertools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from decodeat_ops.adapters.aws_errors import reads
from decodeat_ops.targets.ecs import policies, rights
from decodeat_ops.targets.ecs.rights import SHIFTS, TASKS
from tests.unit.targets.ecs.calls import PACKAGE, SERVICES, Made, made
from tests.unit.targets.ecs.cloud import ACCOUNT, REGION, Cloud, place
from tests.unit.targets.ecs.healthy import SECTIONS as FULL
from tests.unit.targets.ecs.test_verifying import BUILT, NEW, NOTHING

DIRECTORY = Path(__file__).parents[4] / "docs" / "policies"
# IAM's prefix of a service's actions, where that is another name than the SDK's.
PREFIXES = {"elbv2": "elasticloadbalancing", "service-quotas": "servicequotas"}
FREE = {"sts:GetCallerIdentity"}  # which needs no permission
# What AWS asks for beside the action of the operation's own name.
BESIDE: Mapping[str, tuple[str, ...]] = {
    "ecs:RegisterTaskDefinition": ("ecs:TagResource", "iam:PassRole"),
    "ecs:CreateService": ("ecs:TagResource", "iam:PassRole", "iam:CreateServiceLinkedRole"),
    "ecs:RunTask": ("ecs:TagResource", "iam:PassRole"),
    "ecs:CreateCluster": ("ecs:TagResource", "iam:CreateServiceLinkedRole"),
    "ecr:CreateRepository": ("ecr:TagResource",),
    "iam:CreateRole": ("iam:TagRole",),
    "logs:CreateLogGroup": ("logs:TagResource",),
    "secretsmanager:CreateSecret": ("secretsmanager:TagResource",),
    # The token alone opens nothing: a push and a look at an image ask the registry for these.
    "ecr:GetAuthorizationToken": (*rights.PUSH, "ecr:GetDownloadUrlForLayer"),
}
# What makes and deletes the ground that a deployment stands on; and what it uses of the rest.
GROUND = ("targets/ecs/bootstrap/", "targets/ecs/actions/leftovers.py")
GROUND_USES = (
    "targets/ecs/identity.py", "targets/ecs/observing.py", "targets/ecs/revisions.py", "targets/ecs/secrets.py",
    "targets/ecs/verifying/platform.py",
)  # fmt: skip
CLOSED = {"ecr:GetAuthorizationToken", "secretsmanager:GetSecretValue"}  # reads that give away what is secret
# Actions that IAM can't limit to a resource.
ANYWHERE = {"ecr:GetAuthorizationToken", "ecs:DeregisterTaskDefinition", "ecs:RegisterTaskDefinition"}


def action(call: Made) -> str:
    return f"{PREFIXES.get(call.service, call.service)}:{call.operation}"


def needed(calls: Iterator[Made]) -> set[str]:
    own = {action(call) for call in calls} - FREE
    return own | {more for name in own for more in BESIDE.get(name, ())}


def of_deploy() -> set[str]:
    return needed(call for call in made() if not call.module.startswith(GROUND))


def of_bootstrap() -> set[str]:
    return needed(call for call in made() if call.module.startswith(GROUND + GROUND_USES))


def of_looking() -> set[str]:
    own = {action(call) for call in made() if not call.module.startswith(GROUND) and reads(call.operation)}
    return own - FREE - CLOSED


def statements(name: str) -> list[dict[str, Any]]:
    document = json.loads((DIRECTORY / f"{name}.json").read_text())
    assert document["Version"] == "2012-10-17"
    found: list[dict[str, Any]] = document["Statement"]
    assert all(statement["Effect"] == "Allow" for statement in found)
    sids = [statement["Sid"] for statement in found]
    assert len({*sids}) == len(sids)
    return found


def allowed(name: str) -> set[str]:
    return {*itertools.chain.from_iterable(statement["Action"] for statement in statements(name))}


OPERATORS = {"operator-deploy": of_deploy, "operator-bootstrap": of_bootstrap, "operator-read-only": of_looking}


@pytest.mark.parametrize("name", OPERATORS)
def test_an_operators_policy_allows_what_is_called_and_no_more(name: str) -> None:
    wanted, there = OPERATORS[name](), allowed(name)
    assert sorted(wanted - there) == [], f"{name}.json lacks them"
    assert sorted(there - wanted) == [], f"nothing calls them; take them out of {name}.json"


def test_the_code_is_read_as_it_is() -> None:
    calls = {*made()}
    assert len(calls) > 60
    assert {"ecs:UpdateService", "ecs:RegisterTaskDefinition", "secretsmanager:PutSecretValue"} <= of_deploy()
    assert {"iam:CreateRole", "ecr:CreateRepository", "ecr:DeleteRepository"} <= of_bootstrap() - of_deploy()
    session = botocore.session.get_session()
    models = {service: {*session.get_service_model(service).operation_names} for service in SERVICES}
    assert [call for call in calls if call.operation not in models[call.service]] == []
    named = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py")}
    assert {*GROUND_USES} <= named
    assert all(any(module.startswith(start) for module in named) for start in GROUND)


@pytest.mark.parametrize("name", OPERATORS)
def test_what_changes_something_is_limited_to_this_deployment(name: str) -> None:
    for statement in statements(name):
        if statement["Resource"] != "*":
            resources = [statement["Resource"]] if isinstance(statement["Resource"], str) else statement["Resource"]
            assert all("decodeat" in one or "aws-service-role/ecs" in one for one in resources), statement
            continue
        everywhere = {one for one in statement["Action"] if not reads(one.partition(":")[2])}
        assert everywhere <= ANYWHERE, statement
        assert "secretsmanager:GetSecretValue" not in statement["Action"]


def test_roles_are_passed_to_ecs_alone() -> None:
    for statement in statements("operator-deploy"):
        if "iam:PassRole" in statement["Action"]:
            services = statement["Condition"]["StringEquals"]["iam:PassedToService"]
            assert {*services} == {TASKS, SHIFTS}
            return
    raise AssertionError("no role may be passed")


def test_whoever_only_looks_changes_nothing_and_reads_no_secret() -> None:
    for name in allowed("operator-read-only"):
        assert reads(name.partition(":")[2])
    assert not allowed("operator-read-only") & CLOSED


ARN = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:gemini-AbCdEf"
SECTIONS = {
    "ecs": {"exec": True},
    "service": {"secrets": {"API_KEYS": "env:API_KEYS", "GEMINI_API_KEY": f"aws-secretsmanager:{ARN}#key"}},
}


def test_the_roles_in_the_files_are_those_that_a_bootstrap_makes(tmp_path: Path) -> None:
    where = place(Cloud({}), tmp_path, SECTIONS)
    documents = {
        "execution-role": policies.execution(where),
        "execution-role-trust": policies.trust(TASKS),
        "task-role": policies.task(where),
        "task-role-trust": policies.trust(TASKS, ACCOUNT),
        "infrastructure-role": policies.infrastructure(),
        "infrastructure-role-trust": policies.trust(SHIFTS),
    }
    for name, document in documents.items():
        assert json.loads((DIRECTORY / f"{name}.json").read_text()) == document, name
    assert {path.stem for path in DIRECTORY.iterdir()} == documents.keys() | OPERATORS.keys()


def test_what_is_asked_before_a_deploy_is_in_its_policy(tmp_path: Path) -> None:
    """Whoever has the policy must never be told, before a deploy, that a right is missing; nor before the first one."""
    sections = {**FULL, "service": {"secrets": {**FULL["service"]["secrets"], "DATABASE_URL": "env:DATABASE_URL"}}}
    cloud = Cloud({("secretsmanager", "DescribeSecret"): "ResourceNotFoundException"})
    wanted = rights.needs(place(cloud, tmp_path, sections), NEW, BUILT, NOTHING)
    assert {one for need in wanted for one in need.actions} <= allowed("operator-deploy")
