"""The smaller parts of the fake: secrets, images, logs, alarms, autoscaling, quotas, and the public address."""

import json
from urllib.request import urlopen

import pytest

from tests.servers.aws import public
from tests.servers.aws.clients import client
from tests.servers.aws.ecs.behaviour import Behaviour
from tests.servers.aws.quotas import ON_DEMAND
from tests.support.waiting import PATIENCE
from tests.unit.servers.aws_account import NAME, Rig, furnished_account, refused

__all__ = ["furnished_account"]


def test_versions_and_stages_of_a_secret(rig: Rig) -> None:
    secrets = client(rig.fake, "secretsmanager")
    first = secrets.create_secret(Name="a", SecretString="1", ClientRequestToken="1" * 32)
    assert first["ARN"].startswith(f"arn:aws:secretsmanager:{rig.fake.account.region}:{rig.fake.account.id}:secret:a-")
    again = secrets.create_secret(Name="a", SecretString="1", ClientRequestToken="1" * 32)
    assert again["VersionId"] == "1" * 32
    refused(lambda: secrets.create_secret(Name="a", SecretString="2"), "ResourceExistsException")
    secrets.put_secret_value(SecretId="a", SecretString="2", ClientRequestToken="2" * 32)
    assert secrets.get_secret_value(SecretId="a")["SecretString"] == "2"
    assert secrets.get_secret_value(SecretId=first["ARN"], VersionId="1" * 32)["VersionStages"] == ["AWSPREVIOUS"]
    refused(
        lambda: secrets.put_secret_value(SecretId="a", SecretString="3", ClientRequestToken="2" * 32),
        "ResourceExistsException",
    )
    moved = {"SecretId": "a", "VersionStage": "AWSCURRENT", "MoveToVersionId": "1" * 32}
    refused(lambda: secrets.update_secret_version_stage(**moved), "InvalidParameterException", "currently attached")
    secrets.update_secret_version_stage(**moved, RemoveFromVersionId="2" * 32)
    assert secrets.get_secret_value(SecretId="a")["SecretString"] == "1"
    stages = secrets.describe_secret(SecretId="a")["VersionIdsToStages"]
    assert stages == {"1" * 32: ["AWSCURRENT"], "2" * 32: ["AWSPREVIOUS"]}


def test_a_deleted_secret_can_be_brought_back(rig: Rig) -> None:
    secrets = client(rig.fake, "secretsmanager")
    secrets.create_secret(Name="a", SecretString="1")
    secrets.delete_secret(SecretId="a", RecoveryWindowInDays=7)
    refused(lambda: secrets.get_secret_value(SecretId="a"), "InvalidRequestException", "marked for deletion")
    refused(lambda: secrets.create_secret(Name="a", SecretString="1"), "InvalidRequestException", "scheduled")
    assert "DeletedDate" in secrets.describe_secret(SecretId="a")
    secrets.restore_secret(SecretId="a")
    assert secrets.get_secret_value(SecretId="a")["SecretString"] == "1"
    secrets.delete_secret(SecretId="a", ForceDeleteWithoutRecovery=True)
    refused(lambda: secrets.describe_secret(SecretId="a"), "ResourceNotFoundException")


def test_images_by_tag_and_digest(rig: Rig) -> None:
    ecr = client(rig.fake, "ecr")
    digest = rig.image.partition("@")[2]
    told = ecr.describe_images(repositoryName=NAME, imageIds=[{"imageTag": "one"}])["imageDetails"][0]
    assert (told["imageDigest"], told["imageTags"]) == (digest, ["one"])
    missing = [{"imageTag": "none"}]
    refused(lambda: ecr.describe_images(repositoryName=NAME, imageIds=missing), "ImageNotFoundException", "none")
    got = ecr.batch_get_image(repositoryName=NAME, imageIds=[*missing, {"imageDigest": digest}])
    assert [one["failureCode"] for one in got["failures"]] == ["ImageNotFound"] and len(got["images"]) == 1
    both = rig.fake.registry.push(NAME, "two", "linux/amd64", "linux/arm64").partition("@")[2]
    index = ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageDigest": both}])["images"][0]
    platforms = [one["platform"]["architecture"] for one in json.loads(index["imageManifest"])["manifests"]]
    assert platforms == ["amd64", "arm64"] and "index" in index["imageManifestMediaType"]
    refused(lambda: ecr.describe_images(repositoryName="none"), "RepositoryNotFoundException")
    refused(lambda: ecr.delete_repository(repositoryName=NAME), "RepositoryNotEmptyException")
    made = ecr.create_repository(
        repositoryName="new", imageTagMutability="IMMUTABLE", imageScanningConfiguration={"scanOnPush": True},
        tags=[{"Key": "a", "Value": "1"}],
    )["repository"]  # fmt: skip
    assert made["imageTagMutability"] == "IMMUTABLE" and made["imageScanningConfiguration"]["scanOnPush"] is True
    assert ecr.list_tags_for_resource(resourceArn=made["repositoryArn"])["tags"] == [{"Key": "a", "Value": "1"}]
    refused(lambda: ecr.create_repository(repositoryName="new"), "RepositoryAlreadyExistsException")


def test_an_immutable_tag_is_never_moved(rig: Rig) -> None:
    rig.fake.registry.repositories[NAME].immutable = True
    with pytest.raises(AssertionError, match="immutable"):
        rig.fake.registry.push(NAME, "other", tag="one")


def test_log_events_are_found_and_followed(rig: Rig) -> None:
    logs, group = client(rig.fake, "logs"), f"/ecs/{NAME}"
    rig.fake.logs.write(group, "a", *(f"line {number}" for number in range(5)))
    rig.fake.account.pass_time(10)
    rig.fake.logs.write(group, "b", "needle in b")
    found = logs.filter_log_events(logGroupName=group, filterPattern='"needle"')["events"]
    assert [(one["logStreamName"], one["message"]) for one in found] == [("b", "needle in b")]
    late = logs.filter_log_events(logGroupName=group, startTime=found[0]["timestamp"])["events"]
    assert len(late) == 1
    told = logs.get_log_events(logGroupName=group, logStreamName="a", limit=2)
    assert [one["message"] for one in told["events"]] == ["line 3", "line 4"]
    forward = told["nextForwardToken"]
    after = logs.get_log_events(logGroupName=group, logStreamName="a", nextToken=forward)
    assert after["events"] == [] and after["nextForwardToken"] == forward
    rig.fake.logs.write(group, "a", "line 5")
    after = logs.get_log_events(logGroupName=group, logStreamName="a", nextToken=forward)
    assert [one["message"] for one in after["events"]] == ["line 5"]
    back = logs.get_log_events(logGroupName=group, logStreamName="a", limit=2, nextToken=told["nextBackwardToken"])
    assert [one["message"] for one in back["events"]] == ["line 1", "line 2"]
    streams = logs.describe_log_streams(logGroupName=group, orderBy="LastEventTime", descending=True)["logStreams"]
    assert {one["logStreamName"] for one in streams} == {"a", "b"}
    refused(lambda: logs.filter_log_events(logGroupName="none"), "ResourceNotFoundException")
    refused(lambda: logs.put_retention_policy(logGroupName=group, retentionInDays=31), "InvalidParameterException")
    logs.put_retention_policy(logGroupName=group, retentionInDays=30)
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["retentionInDays"] == 30
    refused(lambda: logs.create_log_group(logGroupName=group), "ResourceAlreadyExistsException")


def test_alarms_of_both_kinds(rig: Rig) -> None:
    rig.fake.monitoring.alarm("metric")
    rig.fake.monitoring.alarm("composite", composite=True, state="ALARM")
    cloudwatch, names = client(rig.fake, "cloudwatch"), ["metric", "composite"]
    alone = cloudwatch.describe_alarms(AlarmNames=names)
    assert [one["AlarmName"] for one in alone["MetricAlarms"]] == ["metric"] and alone["CompositeAlarms"] == []
    both = cloudwatch.describe_alarms(AlarmNames=names, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    assert [one["StateValue"] for one in (*both["MetricAlarms"], *both["CompositeAlarms"])] == ["OK", "ALARM"]


def test_autoscaling_and_quotas(rig: Rig) -> None:
    resource = f"service/{NAME}/{NAME}"
    scaling = client(rig.fake, "application-autoscaling")
    asked = {"ServiceNamespace": "ecs", "ResourceIds": [resource], "ScalableDimension": "ecs:service:DesiredCount"}
    assert scaling.describe_scalable_targets(**asked)["ScalableTargets"] == []
    rig.fake.scaling.targets[resource] = (2, 6)
    told = scaling.describe_scalable_targets(**asked)["ScalableTargets"][0]
    assert (told["MinCapacity"], told["MaxCapacity"]) == (2, 6)
    quotas = client(rig.fake, "service-quotas")
    assert quotas.get_service_quota(ServiceCode="fargate", QuotaCode=ON_DEMAND)["Quota"]["Value"] == 6.0
    refused(lambda: quotas.get_service_quota(ServiceCode="fargate", QuotaCode="L-00000000"), "NoSuchResourceException")


def asked(url: str, path: str = "/health") -> tuple[int, str, bytes]:
    with urlopen(f"{url}{path}", timeout=PATIENCE) as answer:
        return answer.status, answer.headers["X-Release-Id"], answer.read()


def test_the_public_address_follows_the_tasks_that_run(rig: Rig) -> None:
    with public(rig.fake, NAME) as side:
        with pytest.raises(OSError, match="503"):
            asked(side.url)
        rig.create(rig.register("r1"))
        rig.settle()
        status, header, body = asked(side.url)
        assert (status, header, json.loads(body)["release"]) == (200, "r1", "r1")
        rig.update(taskDefinition=rig.register("r2"))
        assert {asked(side.url)[1] for _ in range(10)} == {"r1"}
        rig.look(), rig.look()
        assert {asked(side.url)[1] for _ in range(20)} == {"r1", "r2"}, "both take requests"
        rig.settle()
        assert {asked(side.url)[1] for _ in range(10)} == {"r2"}
        rig.fake.ecs.behaves = lambda document: Behaviour(reports="other")
        assert asked(side.url)[1] == "other"
        assert any('"release": "r2"' in line and "/health" in line for line in rig.fake.logs.lines(f"/ecs/{NAME}"))


def test_a_session_needs_a_task_that_allows_it(rig: Rig) -> None:
    rig.create(rig.register())
    rig.settle()
    task = rig.ecs.list_tasks(cluster=NAME, serviceName=NAME)["taskArns"][0]
    command = {"cluster": NAME, "task": task, "command": "sh", "interactive": True}
    refused(lambda: rig.ecs.execute_command(**command), "InvalidParameterException", "execute command")
    rig.update(enableExecuteCommand=True)
    rig.settle()
    command["task"] = rig.ecs.list_tasks(cluster=NAME, serviceName=NAME)["taskArns"][0]
    assert rig.ecs.execute_command(**command)["session"]["streamUrl"].startswith("wss://")
