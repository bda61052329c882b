"""The fake's tasks start only with what real ones need: image, platform, secrets with their keys, log, role."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.servers.aws.clients import client
from tests.servers.aws.ecs.behaviour import Ended
from tests.servers.aws.ecs.starting import resolved
from tests.servers.aws.furnished import allowing, definition, trusting
from tests.unit.servers.aws_account import NAME, Rig, furnished_account, refused

__all__ = ["furnished_account"]


def run(rig: Rig, arn: str, *command: str, looks: int = 8) -> dict[str, Any]:
    """Run a task by itself until it has stopped, and return it."""
    overrides = {"containerOverrides": [{"name": "decodeat", "command": list(command)}]}
    told = rig.ecs.run_task(cluster=NAME, taskDefinition=arn, networkConfiguration=rig.awsvpc, overrides=overrides)
    for _ in range(looks):
        task: dict[str, Any] = rig.ecs.describe_tasks(cluster=NAME, tasks=[told["tasks"][0]["taskArn"]])["tasks"][0]
        if task["lastStatus"] == "STOPPED":
            return task
    raise AssertionError(f"it runs still: {task}")


def secret(rig: Rig, value: str = '{"KEY": "v"}') -> str:
    return rig.fake.secrets.put("keys", value).arn


def no_image(rig: Rig) -> str:
    return rig.register(image=rig.image[:-4] + "0000")


def other_platform(rig: Rig) -> str:
    return rig.register(image=rig.fake.registry.push(NAME, "arm", "linux/arm64"))


def no_secret(rig: Rig) -> str:
    arn = secret(rig)
    del rig.fake.secrets.held["keys"]
    return rig.register(secrets=[{"name": "KEY", "valueFrom": f"{arn}:KEY::"}])


def no_key(rig: Rig) -> str:
    return rig.register(secrets=[{"name": "KEY", "valueFrom": f"{secret(rig)}:OTHER::"}])


def no_version(rig: Rig) -> str:
    return rig.register(secrets=[{"name": "KEY", "valueFrom": f"{secret(rig)}:KEY::{'0' * 32}"}])


def secret_denied(rig: Rig) -> str:
    role = rig.fake.identity.roles[f"{NAME}-execution"]
    role.policies["policy0"] = allowing("ecr:*", "logs:*")
    return rig.register(secrets=[{"name": "KEY", "valueFrom": f"{secret(rig)}:KEY::"}])


def no_log_group(rig: Rig) -> str:
    del rig.fake.logs.groups[f"/ecs/{NAME}"]
    return rig.register()


def pull_denied(rig: Rig) -> str:
    rig.fake.identity.roles[f"{NAME}-execution"].policies["policy0"] = allowing("ecr:GetAuthorizationToken", "logs:*")
    return rig.register()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (no_image, "CannotPullContainerError"),
        (other_platform, "does not contain descriptor matching platform 'linux/amd64'"),
        (no_secret, "Secrets Manager can't find the specified secret"),
        (no_key, "did not contain json key OTHER"),
        (no_version, "Secrets Manager can't find the specified secret"),
        (secret_denied, "not authorized to perform: secretsmanager:GetSecretValue"),
        (no_log_group, "The specified log group does not exist"),
        (pull_denied, "403 Forbidden"),
    ],
)
def test_a_task_that_can_not_start_says_why(rig: Rig, spoil: Callable[[Rig], str], says: str) -> None:
    task = run(rig, spoil(rig))
    assert task["stopCode"] == "TaskFailedToStart" and says in task["stoppedReason"]
    assert "exitCode" not in task["containers"][0]


def test_a_role_that_ecs_can_not_assume_is_refused(rig: Rig) -> None:
    rig.fake.identity.roles[f"{NAME}-execution"].trust = trusting("ec2.amazonaws.com")
    refused(lambda: run(rig, rig.register()), "ClientException", "unable to assume the role")
    rig.create(rig.register())
    done = rig.settle()
    assert done["deployments"][0]["rolloutState"] == "FAILED"
    assert any("unable to assume the role" in one["message"] for one in done["events"])


def test_a_log_group_is_made_where_the_role_may(rig: Rig) -> None:
    del rig.fake.logs.groups[f"/ecs/{NAME}"]
    rig.fake.identity.roles[f"{NAME}-execution"].policies["more"] = allowing("logs:CreateLogGroup")
    document = definition(rig.fake, NAME, rig.image)
    document["containerDefinitions"][0]["logConfiguration"]["options"]["awslogs-create-group"] = "true"
    arn = rig.ecs.register_task_definition(**document)["taskDefinition"]["taskDefinitionArn"]
    assert run(rig, arn)["containers"][0]["exitCode"] == 0 and f"/ecs/{NAME}" in rig.fake.logs.groups


def test_a_task_by_itself_runs_its_command_and_logs(rig: Rig) -> None:
    seen: list[tuple[str, list[str]]] = []

    def runs(document: dict[str, Any], command: list[str]) -> Ended:
        seen.append((document["family"], command))
        return Ended(7, ("first", "last"))

    rig.fake.ecs.runs = runs
    task = run(rig, rig.register(), "python", "-m", "decodeat")
    assert seen == [(NAME, ["python", "-m", "decodeat"])]
    assert (task["stopCode"], task["containers"][0]["exitCode"]) == ("EssentialContainerExited", 7)
    stream = f"decodeat/decodeat/{task['taskArn'].rpartition('/')[2]}"
    told = client(rig.fake, "logs").get_log_events(logGroupName=f"/ecs/{NAME}", logStreamName=stream, limit=1)
    assert [one["message"] for one in told["events"]] == ["last"]


def test_a_task_that_never_ends_can_be_stopped(rig: Rig) -> None:
    rig.fake.ecs.runs = lambda document, command: Ended(None)
    with pytest.raises(AssertionError, match="it runs still"):
        run(rig, rig.register(), "sleep")
    arn = rig.ecs.list_tasks(cluster=NAME)["taskArns"][0]
    stopped = rig.ecs.stop_task(cluster=NAME, task=arn, reason="too long")["task"]
    assert (stopped["stopCode"], stopped["stoppedReason"]) == ("UserInitiated", "too long")
    rig.fake.account.pass_time(3700)
    assert rig.ecs.describe_tasks(cluster=NAME, tasks=[arn])["failures"][0]["reason"] == "MISSING"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"cpu": "256", "memory": "3072"}, "No Fargate configuration"),
        ({"networkMode": "bridge"}, "awsvpc"),
        ({"executionRoleArn": None}, "execution role"),
        ({"tags": [{"key": "a", "value": "x" * 257}]}, "characters"),
        ({"containerDefinitions": []}, "empty"),
    ],
)
def test_a_wrong_task_definition_is_refused(rig: Rig, change: dict[str, Any], says: str) -> None:
    document = definition(rig.fake, NAME, rig.image) | change
    given = {name: value for name, value in document.items() if value is not None}
    with pytest.raises(rig.ecs.exceptions.ClientError, match=says):
        rig.ecs.register_task_definition(**given)


def test_a_definition_comes_back_with_defaults_and_tags(rig: Rig) -> None:
    document = definition(rig.fake, NAME, rig.image)
    made = rig.ecs.register_task_definition(**document, tags=[{"key": "a", "value": "1"}])
    arn = made["taskDefinition"]["taskDefinitionArn"]
    assert arn.endswith(f":task-definition/{NAME}:1")
    assert "tags" not in rig.ecs.describe_task_definition(taskDefinition=arn)
    told = rig.ecs.describe_task_definition(taskDefinition=arn, include=["TAGS"])
    assert told["tags"] == [{"key": "a", "value": "1"}]
    container = told["taskDefinition"]["containerDefinitions"][0]
    assert container["essential"] is True and container["cpu"] == 0
    assert container["portMappings"] == [{"containerPort": 8000, "hostPort": 8000, "protocol": "tcp"}]


def test_revisions_are_listed_and_deregistered(rig: Rig) -> None:
    arns = [rig.register(f"r{number}") for number in range(3)]
    listed = rig.ecs.list_task_definitions(familyPrefix=NAME, sort="DESC", status="ACTIVE", maxResults=2)
    assert listed["taskDefinitionArns"] == arns[:0:-1] and listed["nextToken"]
    assert rig.ecs.list_task_definitions(familyPrefix=NAME[:-1])["taskDefinitionArns"] == []
    assert rig.ecs.deregister_task_definition(taskDefinition=arns[1])["taskDefinition"]["status"] == "INACTIVE"
    assert rig.ecs.list_task_definitions(familyPrefix=NAME)["taskDefinitionArns"] == [arns[0], arns[2]]
    refused(lambda: rig.create(arns[1]), "ClientException", "inactive")
    refused(lambda: rig.ecs.describe_task_definition(taskDefinition="none"), "ClientException", "Unable to describe")


def test_a_reference_names_key_and_version(rig: Rig) -> None:
    first = rig.fake.secrets.put("keys", json.dumps({"KEY": "old"}))
    (version,) = first.versions
    rig.fake.secrets.put("keys", json.dumps({"KEY": "new"}))
    assert resolved(rig.fake, f"{first.arn}:KEY::{version}") == "old"
    assert resolved(rig.fake, f"{first.arn}:KEY::") == "new"
    assert resolved(rig.fake, f"{first.arn}:KEY:AWSPREVIOUS:") == "old"
    assert resolved(rig.fake, first.arn) == json.dumps({"KEY": "new"})
    assert resolved(rig.fake, f"{first.arn}:OTHER::") is None
