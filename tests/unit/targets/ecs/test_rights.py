"""What a change asks of AWS is what is simulated before it, and a service that is there is one that can be updated."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core.target import Origin
from decodeat_ops.targets.ecs import policies, rights, verifying
from decodeat_ops.targets.ecs.findings import Findings, Verdict
from decodeat_ops.targets.ecs.observed import EcsObserved, ServiceState
from decodeat_ops.targets.ecs.verifying import secrets as verifying_secrets
from decodeat_ops.targets.ecs.verifying import starting
from tests.servers.aws.policy import evaluate
from tests.unit.targets.ecs.cloud import ACCOUNT, REGION, Call, Cloud, Reply, place, refused
from tests.unit.targets.ecs.healthy import GROUP, SECTIONS, allowed, healthy
from tests.unit.targets.ecs.test_verifying import BUILT, NEW, NOTHING, judged
from tests.unit.targets.ecs.wrong import decided

OWN = {"service": {"secrets": {"API_KEYS": "env:KEYS"}}}
Judge = Callable[..., Verdict]
MISSING = "ResourceNotFoundException"


def seen(status: str = "ACTIVE", strategy: str = "ROLLING", **raw: Any) -> EcsObserved:
    there = ServiceState("arn", status, 2, 2, 0, task_definition="t", strategy=strategy, raw=raw)
    return replace(NOTHING, service=there)


def actions(tmp_path: Path, observed: EcsObserved = NOTHING, origin: Origin = BUILT, secret: Any = MISSING) -> set[str]:
    cloud = Cloud({("secretsmanager", "DescribeSecret"): secret})
    wanted = rights.needs(place(cloud, tmp_path, OWN), NEW, origin, observed)
    return {one for need in wanted for one in need.actions}


def test_a_secret_that_is_missing_has_to_be_made_and_its_undo_deletes_it(tmp_path: Path) -> None:
    made = {"secretsmanager:CreateSecret", "secretsmanager:TagResource", "secretsmanager:DeleteSecret"}
    changed = {"secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"}
    assert made | changed <= actions(tmp_path)
    there = {"Name": "decodeat-production"}
    assert changed <= actions(tmp_path, secret=there) and not made & actions(tmp_path, secret=there)
    assert not made & actions(tmp_path, secret="AccessDeniedException"), "it may well be there"


def test_a_deployment_without_own_values_needs_no_right_to_secrets(tmp_path: Path) -> None:
    wanted = rights.needs(place(Cloud({}), tmp_path), NEW, BUILT, NOTHING)
    assert not [one for need in wanted for one in need.actions if one.startswith("secretsmanager:")]


def test_going_back_with_rotated_secrets_registers_a_revision_with_its_tags(tmp_path: Path) -> None:
    """Otherwise no tag is needed: that a release has served is noted already."""
    registers = {"ecs:RegisterTaskDefinition", "ecs:TagResource"}
    before = replace(NEW, id="r1", secrets=NEW.secrets, served=True)
    assert not registers & actions(tmp_path, seen(), Origin("kept", of=before))
    rotated = replace(before, secrets="of-then")
    assert registers <= actions(tmp_path, seen(), Origin("kept", of=rotated))
    assert registers <= actions(tmp_path, seen(), Origin("copied", of=before))
    assert registers <= actions(tmp_path, seen())


def test_a_note_that_may_not_be_written_is_told_before_and_refuses_nothing(tmp_path: Path) -> None:
    never = replace(NEW, id="r1", secrets=NEW.secrets)
    needs = rights.needs(place(Cloud({}), tmp_path), NEW, Origin("kept", of=never), seen())
    (note,) = [one for one in needs if one.actions == ("ecs:TagResource",)]
    findings = Findings()
    cloud = Cloud({**healthy(), ("iam", "SimulatePrincipalPolicy"): decided("ecs:TagResource", "implicitDeny")})
    rights.judge(place(cloud, tmp_path), [note], findings)
    verdict = findings.verdict()
    assert verdict.problems == () and "a rollback finds it by its id alone" in verdict.doubts[0]


def test_a_release_that_ran_before_passes_its_own_roles(tmp_path: Path) -> None:
    here, roles = place(Cloud({}), tmp_path), f"arn:aws:iam::{ACCOUNT}:role"
    own = {"executionRoleArn": f"{roles}/team/then", "taskRoleArn": "short"}  # ECS takes a name alone, too
    for definition, wanted in (
        (own, {f"{roles}/team/then", f"{roles}/short"}),
        ({"executionRoleArn": f"{roles}/then"}, {f"{roles}/then"}),
        ({}, {f"{roles}/decodeat-production-execution", f"{roles}/decodeat-production-task"}),
    ):
        needs = rights.needs(here, NEW, Origin("kept", of=NEW), seen(), definition)
        assert {one.resource for one in needs if "iam:PassRole" in one.actions} == wanted


@pytest.mark.parametrize(("strategy", "stops"), [("ROLLING", False), ("", False), ("CANARY", True)])
def test_somebody_elses_shift_may_have_to_be_stopped(tmp_path: Path, strategy: str, stops: bool) -> None:
    assert ("ecs:StopServiceDeployment" in actions(tmp_path, seen(strategy=strategy))) is stops


# The role that starts tasks


def test_what_a_bootstrap_allows_is_what_is_asked_of_an_execution_role(tmp_path: Path) -> None:
    here = place(Cloud(healthy()), tmp_path, SECTIONS)
    verifying_secrets.judge(here, Findings())
    wanted = [(one, need.resource) for need in starting.needs(here) for one in need.actions]
    assert len(wanted) == 2 + 1 + 3 + 3, "the log, the login, the image, three secrets"
    document = policies.execution(here)
    for action, resource in wanted:
        assert evaluate([document], action, resource, {}).decision == "allowed", (action, resource)


def test_a_secret_is_named_as_aws_names_it(tmp_path: Path) -> None:
    """Whoever allows exactly one secret writes its whole ARN, with the six characters at its end."""
    arn = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:decodeat-production-Zz9Zz9"

    def of_secrets(answers: Mapping[Call, Reply]) -> list[str]:
        here = place(Cloud({**healthy(), **answers}), tmp_path, OWN)
        verifying_secrets.judge(here, Findings())
        return [one.resource for one in starting.needs(here) if one.actions == policies.READ_SECRET]

    assert of_secrets({("secretsmanager", "DescribeSecret"): {"ARN": arn, "Name": "decodeat-production"}}) == [arn]
    assert of_secrets({("secretsmanager", "DescribeSecret"): MISSING}) == [arn.replace("Zz9Zz9", "000000")]


def test_a_role_that_is_missing_is_told_once(tmp_path: Path) -> None:
    def absent(params: Mapping[str, Any]) -> dict[str, Any]:
        if params["PolicySourceArn"].endswith("-execution"):
            raise refused("NoSuchEntity")
        return allowed(params)

    verdict = judged(
        tmp_path, {("iam", "SimulatePrincipalPolicy"): absent, ("iam", "GetRole"): "NoSuchEntityException"}
    )
    assert verdict.doubts == () and len([one for one in verdict.problems if "-execution" in one]) == 1


def test_a_release_that_ran_before_has_started_with_its_own_role(tmp_path: Path) -> None:
    kept = replace(NEW, id="r1", image=f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/decodeat@sha256:{'a' * 64}")
    denied: dict[Call, Reply] = {
        ("iam", "SimulatePrincipalPolicy"): decided("logs:PutLogEvents", "explicitDeny"),
        ("ecr", "DescribeImages"): {"imageDetails": [{}]},
    }
    assert judged(tmp_path, denied, release=kept, origin=Origin("kept", of=kept)) == Verdict()
    assert len(judged(tmp_path, denied).problems) == 1


# A service that is there


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"deploymentController": {"type": "CODE_DEPLOY"}}, "is deployed by the controller CODE_DEPLOY"),
        ({"deploymentController": {"type": "EXTERNAL"}}, "is deployed by the controller EXTERNAL"),
        ({"launchType": "EC2"}, "starts its tasks on EC2, and these are made for FARGATE"),
        ({"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}]}, "takes its capacity from FARGATE_SPOT"),
        ({"schedulingStrategy": "DAEMON"}, "is scheduled as DAEMON"),
    ],
)
def test_a_service_of_another_kind_is_a_problem_before_anything_is_pushed(
    tmp_path: Path, raw: Mapping[str, Any], words: str
) -> None:
    (problem,) = judged(tmp_path, observed=seen(**raw)).problems
    assert f"the service decodeat-production {words}" in problem and "ecs.service" in problem
    assert judged(tmp_path, observed=seen("DRAINING", **raw)) == Verdict(), "that one is gone soon"


BALANCED: dict[str, Any] = {"targetGroupArn": GROUP, "containerName": "api", "containerPort": 8000}


@pytest.mark.parametrize("judge", [verifying.problems, verifying.startable])
def test_a_load_balancer_of_others_is_not_taken_from_their_service(tmp_path: Path, judge: Judge) -> None:
    """Whoever fills in no target group has not decided that clients lose their address."""
    theirs = seen()
    assert theirs.service is not None
    balanced = replace(theirs.service, load_balancers=(BALANCED,))
    ecr = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/decodeat"
    ready = replace(NEW, id="r1", image=f"{ecr}@sha256:{'a' * 64}")
    answers: dict[Call, Reply] = {**healthy(), ("ecr", "DescribeImages"): {"imageDetails": []}}

    def found(service: ServiceState, sections: Any = None) -> tuple[str, ...]:
        here = place(Cloud(answers), tmp_path, sections)
        return judge(here, ready, Origin("kept", of=ready), replace(theirs, service=service)).problems

    (problem,) = found(balanced)
    assert problem == (
        "the service decodeat-production, which decodeat-ops has not made, is behind a load balancer, and the settings "
        "name no target group: name it with ecs.target_group, or take it from the service yourself"
    )
    assert found(balanced, SECTIONS) == (), "there it is named"
    assert found(replace(balanced, created_by_us=True)) == (), "our own settings no longer name it"
    assert found(theirs.service) == () and found(replace(balanced, status="DRAINING")) == ()


def test_a_service_of_our_kind_is_none(tmp_path: Path) -> None:
    ours: dict[str, Any] = {
        "deploymentController": {"type": "ECS"}, "launchType": "FARGATE", "schedulingStrategy": "REPLICA",
        "capacityProviderStrategy": [],
    }  # fmt: skip
    assert judged(tmp_path, observed=seen(**ours)) == Verdict()
