"""The fake's native shifts go through ECS's stages, and back when an alarm rings or somebody stops them."""

from typing import Any

import pytest

from tests.servers.aws.ecs.behaviour import Behaviour, release
from tests.servers.aws.furnished import role, trusting
from tests.unit.servers.aws_account import NAME, Rig, furnished_account, refused

__all__ = ["furnished_account"]


def shifting(rig: Rig, strategy: str, **configuration: Any) -> list[dict[str, Any]]:
    """Return the load balancers of a service with this strategy, after r1 was brought into service by it."""
    held = role(rig.fake, "infrastructure", trusting("ecs.amazonaws.com"))
    advanced = {
        "alternateTargetGroupArn": rig.network.green.arn,
        "productionListenerRule": rig.network.production_rule,
        "testListenerRule": rig.network.test_rule,
        "roleArn": held.arn,
    }
    balancers = [
        {
            "targetGroupArn": rig.network.blue.arn,
            "containerName": "decodeat",
            "containerPort": 8000,
            "advancedConfiguration": advanced,
        }
    ]
    how = {
        "strategy": strategy,
        "deploymentCircuitBreaker": {"enable": True, "rollback": True},
        "alarms": {"alarmNames": ["errors"], "enable": True, "rollback": True},
        **configuration,
    }
    rig.create(rig.register("r1"), loadBalancers=balancers, deploymentConfiguration=how)
    rig.settle(40)
    return balancers


def attempt(rig: Rig) -> dict[str, Any]:
    """Describe the newest service deployment, which advances it."""
    arn = rig.ecs.list_service_deployments(cluster=NAME, service=NAME)["serviceDeployments"][0]["serviceDeploymentArn"]
    found: dict[str, Any] = rig.ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"][0]
    return found


def followed(rig: Rig) -> list[tuple[str, float]]:
    """Return each stage with the weight of the new revision until it is over."""
    seen: list[tuple[str, float]] = []
    for _ in range(40):
        told = attempt(rig)
        step = told.get("lifecycleStage", ""), told["targetServiceRevision"]["requestedProductionTrafficWeight"]
        seen += [step] if step not in seen else []
        if told["status"] not in {"IN_PROGRESS", "ROLLBACK_IN_PROGRESS"}:
            return seen
    raise AssertionError(seen)


@pytest.mark.parametrize(
    ("strategy", "configuration", "weights"),
    [
        ("BLUE_GREEN", {}, [0.0, 100.0]),
        ("LINEAR", {"linearConfiguration": {"stepPercent": 40.0}}, [0.0, 40.0, 80.0, 100.0]),
        ("CANARY", {"canaryConfiguration": {"canaryPercent": 10.0}}, [0.0, 10.0, 100.0]),
    ],
)
def test_a_shift_goes_through_its_stages(
    rig: Rig, strategy: str, configuration: dict[str, Any], weights: list[float]
) -> None:
    shifting(rig, strategy, **configuration)
    second = rig.register("r2")
    rig.update(taskDefinition=second)
    seen = followed(rig)
    stages = list(dict.fromkeys(stage for stage, _ in seen))
    assert stages[-4:] == ["PRODUCTION_TRAFFIC_SHIFT", "POST_PRODUCTION_TRAFFIC_SHIFT", "BAKE_TIME", "CLEAN_UP"]
    assert "TEST_TRAFFIC_SHIFT" in stages
    assert list(dict.fromkeys(weight for _, weight in seen)) == weights
    done = attempt(rig)
    assert done["status"] == "SUCCESSFUL"
    revision = done["targetServiceRevision"]["arn"]
    told = rig.ecs.describe_service_revisions(serviceRevisionArns=[revision])["serviceRevisions"][0]
    assert told["taskDefinition"] == second
    rule = rig.fake.balancing.rule(rig.network.production_rule)
    assert rule == {rig.network.blue.arn: 0, rig.network.green.arn: 100}


def test_an_alarm_brings_the_traffic_back(rig: Rig) -> None:
    alarm = rig.fake.monitoring.alarm("errors")
    shifting(rig, "CANARY", canaryConfiguration={"canaryPercent": 10.0})
    old = rig.look()["taskDefinition"]
    rig.update(taskDefinition=rig.register("r2"))
    while attempt(rig)["targetServiceRevision"]["requestedProductionTrafficWeight"] == 0.0:
        pass
    alarm.state = "ALARM"
    assert attempt(rig)["status"] == "ROLLBACK_IN_PROGRESS"
    alarm.state = "OK"
    followed(rig)
    done = attempt(rig)
    assert done["status"] == "ROLLBACK_SUCCESSFUL" and "alarm" in done["rollback"]["reason"]
    assert rig.settle()["taskDefinition"] == old and rig.look()["runningCount"] == 2


def test_tasks_that_fail_bring_it_back_too(rig: Rig) -> None:
    shifting(rig, "BLUE_GREEN")
    rig.fake.ecs.behaves = lambda document: Behaviour("crashes") if release(document) == "bad" else Behaviour()
    rig.update(taskDefinition=rig.register("bad"))
    followed(rig)
    assert attempt(rig)["status"] == "ROLLBACK_SUCCESSFUL" and rig.settle()["runningCount"] == 2


@pytest.mark.parametrize(("kind", "ends"), [("ROLLBACK", "ROLLBACK_SUCCESSFUL"), ("ABORT", "STOPPED")])
def test_a_shift_can_be_stopped(rig: Rig, kind: str, ends: str) -> None:
    shifting(rig, "BLUE_GREEN")
    rig.update(taskDefinition=rig.register("r2"))
    arn = attempt(rig)["serviceDeploymentArn"]
    rig.ecs.stop_service_deployment(serviceDeploymentArn=arn, stopType=kind)
    assert followed(rig) and attempt(rig)["status"] == ends
    refused(lambda: rig.ecs.stop_service_deployment(serviceDeploymentArn=arn), "ConflictException")


def test_a_service_may_keep_silent_about_its_rollout(rig: Rig) -> None:
    rig.fake.ecs.shifts_tell_rollout = False
    shifting(rig, "BLUE_GREEN")
    assert all("rolloutState" not in one for one in rig.look()["deployments"])


def test_a_shift_needs_two_target_groups_and_a_rule(rig: Rig) -> None:
    definition = rig.register()
    how = {"strategy": "BLUE_GREEN"}
    refused(
        lambda: rig.create(definition, deploymentConfiguration=how),
        "InvalidParameterException",
        "advancedConfiguration",
    )
