"""The fake's rollouts advance at each look, and end as ECS words it."""

from typing import Any

import pytest

from tests.servers.aws.ecs.behaviour import Behaviour, release
from tests.unit.servers.aws_account import NAME, Rig, furnished_account, refused

__all__ = ["furnished_account"]


def states(service: dict[str, Any]) -> list[tuple[str, str, int]]:
    return [(one["status"], one["rolloutState"], one["runningCount"]) for one in service["deployments"]]


def messages(service: dict[str, Any]) -> list[str]:
    """Return the events, oldest first."""
    return [one["message"] for one in reversed(service["events"])]


def behaving(rig: Rig, **by_release: Behaviour) -> None:
    rig.fake.ecs.behaves = lambda document: by_release.get(release(document), Behaviour())


def served(rig: Rig) -> Rig:
    """Let r1 serve."""
    rig.create(rig.register("r1"))
    assert states(rig.settle()) == [("PRIMARY", "COMPLETED", 2)]
    return rig


def test_a_first_deployment_starts_its_tasks(rig: Rig) -> None:
    made = rig.create(rig.register())
    assert states(made) == [("PRIMARY", "IN_PROGRESS", 0)]
    assert made["deployments"][0]["rolloutStateReason"].endswith("in progress.")
    seen = [rig.look() for _ in range(3)]
    assert [(one["pendingCount"], one["runningCount"]) for one in seen] == [(2, 0), (0, 2), (0, 2)]
    done = seen[-1]["deployments"][0]
    assert (done["rolloutState"], done["rolloutStateReason"]) == (
        "COMPLETED",
        f"ECS deployment {done['id']} completed.",
    )
    assert set(rig.network.blue.health.values()) == {"healthy"} and len(rig.network.blue.health) == 2
    told = messages(seen[-1])
    assert told[0].startswith(f"(service {NAME}) has started 2 tasks: (task ")
    assert told[-1] == f"(service {NAME}) has reached a steady state."


def test_an_update_replaces_the_tasks(rig: Rig) -> None:
    served(rig)
    second = rig.register("r2")
    old = rig.look()["deployments"][0]["id"]
    updated = rig.update(taskDefinition=second)
    assert states(updated) == [("PRIMARY", "IN_PROGRESS", 0), ("ACTIVE", "COMPLETED", 2)]
    assert updated["taskDefinition"] == second
    both = [states(rig.look()) for _ in range(2)][-1]
    assert [one[2] for one in both] == [2, 2], "both run at once"
    done = rig.settle()
    assert states(done) == [("PRIMARY", "COMPLETED", 2)] and done["deployments"][0]["id"] != old
    running = rig.ecs.list_tasks(cluster=NAME, serviceName=NAME)["taskArns"]
    tasks = rig.ecs.describe_tasks(cluster=NAME, tasks=running)["tasks"]
    assert {one["taskDefinitionArn"] for one in tasks} == {second} and len(tasks) == 2


def test_a_count_alone_makes_no_deployment(rig: Rig) -> None:
    served(rig)
    before = rig.look()["deployments"][0]["id"]
    assert [one["id"] for one in rig.update(desiredCount=3)["deployments"]] == [before]
    rig.look()
    assert rig.look()["runningCount"] == 3
    rig.update(desiredCount=0)
    stopped = rig.look()
    assert stopped["runningCount"] == 0 and rig.network.blue.health == {}
    assert [one["id"] for one in rig.update(taskDefinition=stopped["taskDefinition"])["deployments"]] == [before]
    forced = rig.update(forceNewDeployment=True, desiredCount=1)
    assert len(forced["deployments"]) == 2 and rig.settle()["runningCount"] == 1


@pytest.mark.parametrize("new_id", [True, False], ids=["new-id", "same-id"])
@pytest.mark.parametrize(
    ("behaviour", "reason", "code"),
    [
        (Behaviour("crashes", exit_code=3, lines=("Traceback",)), "Essential container in task exited", 3),
        (Behaviour("unhealthy"), "Task failed ELB health checks in (target-group", 137),
    ],
    ids=["crashes", "unhealthy"],
)
def test_the_circuit_breaker_rolls_back(rig: Rig, new_id: bool, behaviour: Behaviour, reason: str, code: int) -> None:
    served(rig)
    rig.fake.ecs.new_rollback_id = new_id
    behaving(rig, bad=behaviour)
    old = rig.look()["deployments"][0]
    bad = rig.register("bad")
    ours = rig.update(taskDefinition=bad)["deployments"][0]["id"]
    while states(service := rig.look())[0][:2] == ("PRIMARY", "IN_PROGRESS") and len(service["deployments"]) < 3:
        if any(one["rolloutState"] == "FAILED" for one in service["deployments"]):
            break
    told = {one["id"]: one for one in service["deployments"]}
    assert told[ours]["status"] == "ACTIVE" and told[ours]["failedTasks"] == 4
    assert told[ours]["rolloutStateReason"] == "ECS deployment circuit breaker: tasks failed to start."
    primary = service["deployments"][0]
    assert (primary["id"] == old["id"]) is not new_id and primary["taskDefinition"] == old["taskDefinition"]
    assert primary["rolloutStateReason"] == f"ECS deployment circuit breaker: rolling back to deploymentId {old['id']}."
    done = rig.settle()
    assert done["deployments"][0]["rolloutState"] == "COMPLETED" and done["taskDefinition"] == old["taskDefinition"]
    assert any(f"rolling back to deployment {old['id']}" in one for one in messages(done))
    stopped = rig.ecs.list_tasks(cluster=NAME, serviceName=NAME, desiredStatus="STOPPED")["taskArns"]
    tasks = rig.ecs.describe_tasks(cluster=NAME, tasks=stopped)["tasks"]
    failed = [one for one in tasks if one["taskDefinitionArn"] == bad]
    assert len(failed) == 4 and {one["containers"][0]["exitCode"] for one in failed} == {code}
    assert all(one["stoppedReason"].startswith(reason) for one in failed)
    assert [states(rig.look()) for _ in range(3)][-1] == [("PRIMARY", "COMPLETED", 2)], "the failed one is forgotten"


def test_a_first_deployment_that_fails_has_nothing_to_go_back_to(rig: Rig) -> None:
    behaving(rig, bad=Behaviour("crashes"))
    rig.create(rig.register("bad"))
    done = rig.settle()
    assert states(done) == [("PRIMARY", "FAILED", 0)]
    assert states(rig.look()) == [("PRIMARY", "FAILED", 0)], "it starts nothing any more"


def test_without_a_circuit_breaker_it_fails_for_ever(rig: Rig) -> None:
    behaving(rig, bad=Behaviour("crashes"))
    rig.create(rig.register("bad"), deploymentConfiguration={})
    looks = [rig.look() for _ in range(20)]
    assert states(looks[-1]) == [("PRIMARY", "IN_PROGRESS", 0)] and looks[-1]["deployments"][0]["failedTasks"] > 10


def test_another_deployment_supersedes_one_under_way(rig: Rig) -> None:
    served(rig)
    first = rig.update(taskDefinition=rig.register("r2"))["deployments"][0]["id"]
    rig.look()
    updated = rig.update(taskDefinition=rig.register("r3"))
    assert [one["status"] for one in updated["deployments"]] == ["PRIMARY", "ACTIVE", "ACTIVE"]
    done = rig.settle()
    assert states(done) == [("PRIMARY", "COMPLETED", 2)] and done["deployments"][0]["id"] != first
    attempts = rig.ecs.list_service_deployments(cluster=NAME, service=NAME)["serviceDeployments"]
    assert [one["status"] for one in attempts] == ["SUCCESSFUL", "STOPPED", "SUCCESSFUL"]


def test_an_alarm_ends_a_deployment(rig: Rig) -> None:
    served(rig)
    alarm = rig.fake.monitoring.alarm("errors")
    configuration = {"alarms": {"alarmNames": ["errors"], "enable": True, "rollback": True}}
    rig.update(taskDefinition=rig.register("r2"), deploymentConfiguration=configuration)
    rig.look()
    alarm.state = "ALARM"
    failed = next(one for one in rig.look()["deployments"] if one["rolloutState"] == "FAILED")
    assert "alarm(s) detected" in failed["rolloutStateReason"]
    alarm.state = "OK"
    assert rig.settle()["runningCount"] == 2


def test_a_deleted_service_drains_and_is_inactive(rig: Rig) -> None:
    served(rig)
    refused(lambda: rig.ecs.delete_service(cluster=NAME, service=NAME), "InvalidParameterException", "scaled above 0")
    assert rig.ecs.delete_service(cluster=NAME, service=NAME, force=True)["service"]["status"] == "DRAINING"
    definition = rig.register("r2")
    refused(lambda: rig.create(definition), "InvalidParameterException", "still Draining")
    refused(lambda: rig.update(desiredCount=1), "ServiceNotActiveException")
    assert [rig.look()["status"] for _ in range(2)] == ["DRAINING", "INACTIVE"]
    assert rig.create(definition)["status"] == "ACTIVE"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"serviceName": "other", "loadBalancers": [{"containerName": "decodeat", "containerPort": 80}]},
            "target group",
        ),
        ({"desiredCount": None}, "Desired count"),
        ({"deploymentConfiguration": {"strategy": "ROLLING", "linearConfiguration": {"stepPercent": 10.0}}}, "LINEAR"),
    ],
    ids=["target-group", "count", "strategy"],
)
def test_a_wrong_service_is_refused(rig: Rig, change: dict[str, Any], says: str) -> None:
    definition = rig.register()
    params = {
        "cluster": NAME, "serviceName": NAME, "taskDefinition": definition, "desiredCount": 1,
        "networkConfiguration": rig.awsvpc, **change,
    }  # fmt: skip
    given = {name: value for name, value in params.items() if value is not None}
    refused(lambda: rig.ecs.create_service(**given), "InvalidParameterException", says)


def test_a_target_group_has_to_fit(rig: Rig) -> None:
    definition = rig.register()
    balancers = [{"targetGroupArn": rig.network.blue.arn, "containerName": "decodeat", "containerPort": 9000}]
    refused(lambda: rig.create(definition, loadBalancers=balancers), "InvalidParameterException", "container port 9000")
    rig.network.blue.kind = "instance"
    refused(lambda: rig.create(definition), "InvalidParameterException", "target type instance")
    rig.network.blue.kind, rig.network.blue.balancers = "ip", []
    refused(lambda: rig.create(definition), "InvalidParameterException", "associated load balancer")


def test_a_repeated_creation_needs_the_same_token(rig: Rig) -> None:
    definition = rig.register()
    first = rig.create(definition, clientToken="a")
    assert rig.create(definition, clientToken="a")["deployments"][0]["id"] == first["deployments"][0]["id"]
    refused(lambda: rig.create(definition, clientToken="b"), "InvalidParameterException", "not idempotent")


def test_a_service_that_is_missing_is_told_as_a_failure(rig: Rig) -> None:
    told = rig.ecs.describe_services(cluster=NAME, services=["none"])
    assert told["services"] == [] and told["failures"][0]["reason"] == "MISSING"
    refused(lambda: rig.ecs.describe_services(cluster="none", services=["a"]), "ClusterNotFoundException")
    refused(lambda: rig.update(desiredCount=1), "ServiceNotFoundException")


def test_tasks_without_a_place_fail_no_deployment(rig: Rig) -> None:
    behaving(rig, bad=Behaviour("unplaced"))
    rig.create(rig.register("bad"))
    looks = [rig.look() for _ in range(10)]
    assert states(looks[-1]) == [("PRIMARY", "IN_PROGRESS", 0)]
    assert "was unable to place a task" in messages(looks[-1])[-1]


def test_nothing_advances_while_it_is_paused(rig: Rig) -> None:
    rig.create(rig.register())
    rig.fake.ecs.paused = True
    assert [rig.look()["pendingCount"] for _ in range(3)] == [0, 0, 0]
    rig.fake.ecs.paused, rig.fake.ecs.pace = False, 1
    assert [rig.look()["pendingCount"] for _ in range(3)] == [1, 0, 1]
