"""What a change asks of AWS is what is simulated before it, and a service that is there is one that can be updated."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core.target import Origin
from decodeat_ops.targets.ecs import rights
from decodeat_ops.targets.ecs.findings import Verdict
from decodeat_ops.targets.ecs.observed import EcsObserved, ServiceState
from tests.unit.targets.ecs.cloud import Cloud, place
from tests.unit.targets.ecs.test_verifying import BUILT, NEW, NOTHING, judged

OWN = {"service": {"secrets": {"API_KEYS": "env:KEYS"}}}
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


def test_going_back_with_rotated_secrets_registers_and_every_release_gets_a_tag(tmp_path: Path) -> None:
    before = replace(NEW, id="r1", secrets=NEW.secrets)
    assert "ecs:RegisterTaskDefinition" not in actions(tmp_path, seen(), Origin("kept", of=before))
    rotated = replace(before, secrets="of-then")
    assert "ecs:RegisterTaskDefinition" in actions(tmp_path, seen(), Origin("kept", of=rotated))
    assert "ecs:TagResource" in actions(tmp_path, seen(), Origin("kept", of=before)), "that it has served is noted"


@pytest.mark.parametrize(("strategy", "stops"), [("ROLLING", False), ("", False), ("CANARY", True)])
def test_somebody_elses_shift_may_have_to_be_stopped(tmp_path: Path, strategy: str, stops: bool) -> None:
    assert ("ecs:StopServiceDeployment" in actions(tmp_path, seen(strategy=strategy))) is stops


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


def test_a_service_of_our_kind_is_none(tmp_path: Path) -> None:
    ours: dict[str, Any] = {
        "deploymentController": {"type": "ECS"}, "launchType": "FARGATE", "schedulingStrategy": "REPLICA",
        "capacityProviderStrategy": [],
    }  # fmt: skip
    assert judged(tmp_path, observed=seen(**ours)) == Verdict()
