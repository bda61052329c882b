"""What a deploy to ECS is compared with: the same calls to AWS in a script of an evening, with nothing around them.

`python -m bench.ecs_by_hand FILE`: FILE has the task definition, how often the tool reads what, and the rest in JSON.
It prints its calls as JSON. Only how often it looks whether the deployment is complete is its own.
"""

import contextlib
import functools
import json
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

LIMIT = 300.0  # seconds of either wait

given: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
container: dict[str, Any] = given["definition"]["containerDefinitions"][0]
roles = [given["definition"][name].rpartition("/")[2] for name in ("executionRoleArn", "taskRoleArn")]
secret = container["secrets"][0]["valueFrom"].rsplit(":", 3)[0]
group = container["logConfiguration"]["options"]["awslogs-group"]
calls: Counter[str] = Counter()


def count(model: Any, **_: Any) -> None:
    calls[f"{model.service_model.service_name}:{model.name}"] += 1


@functools.cache
def client(service: str) -> Any:
    made = boto3.client(service, region_name=given["region"], endpoint_url=given["endpoint"])
    made.meta.events.register("before-call", count)
    return made


def revisions() -> list[str]:
    """Return the task definitions of the family, the newest first."""
    told = client("ecs").list_task_definitions(
        familyPrefix=given["family"], status="ACTIVE", sort="DESC", maxResults=given["keep"] + 2
    )
    found: list[str] = told["taskDefinitionArns"]
    return found


def look() -> list[str]:
    """Read what serves and the revisions before it; return these, the newest first."""
    told = client("ecs").describe_services(cluster=given["cluster"], services=[given["service"]], include=["TAGS"])
    assert told["services"][0]["status"] == "ACTIVE"
    found = revisions()
    for arn in found:
        client("ecs").describe_task_definition(taskDefinition=arn, include=["TAGS"])
    return found


def tasks() -> list[str]:
    found: list[str] = client("ecs").list_tasks(cluster=given["cluster"], family=given["family"])["taskArns"]
    return found


# The calls by which the tool makes sure that all is there which the new release needs.
READS: dict[str, Callable[[str, int], object]] = {
    "sts:GetCallerIdentity": lambda newest, turn: client("sts").get_caller_identity(),
    "ecs:DescribeClusters": lambda newest, turn: client("ecs").describe_clusters(clusters=[given["cluster"]]),
    "ecs:DescribeTaskDefinition": lambda newest, turn: client("ecs").describe_task_definition(taskDefinition=newest),
    "ecs:ListTaskDefinitions": lambda newest, turn: revisions(),
    "ecs:ListTasks": lambda newest, turn: tasks(),
    "ecs:DescribeTasks": lambda newest, turn: client("ecs").describe_tasks(cluster=given["cluster"], tasks=tasks()[:9]),
    "iam:SimulatePrincipalPolicy": lambda newest, turn: client("iam").simulate_principal_policy(
        PolicySourceArn=given["definition"]["executionRoleArn"],
        ActionNames=["logs:PutLogEvents" if turn else "secretsmanager:GetSecretValue"],
        ResourceArns=["*" if turn else secret],
    ),
    "iam:GetRole": lambda newest, turn: client("iam").get_role(RoleName=roles[turn % len(roles)]),
    "secretsmanager:GetSecretValue": lambda newest, turn: client("secretsmanager").get_secret_value(SecretId=secret),
    "secretsmanager:DescribeSecret": lambda newest, turn: client("secretsmanager").describe_secret(SecretId=secret),
    "logs:DescribeLogGroups": lambda newest, turn: client("logs").describe_log_groups(logGroupNamePrefix=group),
    "logs:FilterLogEvents": lambda newest, turn: client("logs").filter_log_events(logGroupName=group, limit=1),
    "ec2:DescribeSubnets": lambda newest, turn: client("ec2").describe_subnets(SubnetIds=given["subnets"]),
    "ec2:DescribeSecurityGroups": lambda newest, turn: client("ec2").describe_security_groups(
        GroupIds=given["security_groups"]
    ),
    "service-quotas:GetServiceQuota": lambda newest, turn: client("service-quotas").get_service_quota(
        ServiceCode="fargate", QuotaCode="L-3032A538"
    ),
}


def verify(newest: str) -> None:
    """Make every read as often as the tool does."""
    for operation, wanted in given["reads"].items():
        if operation == "ecs:DescribeServices":
            continue  # the looks at the deployment
        turn = 0
        while calls[operation] < wanted:
            with contextlib.suppress(ClientError):  # the emulator knows no quotas; the tool's own call is refused alike
                READS[operation](newest, turn)
            turn += 1


def roll(definition: str) -> None:
    """Change the service and wait for the deployment that this has begun."""
    ecs = client("ecs")
    updated = ecs.update_service(cluster=given["cluster"], service=given["service"], taskDefinition=definition)
    wanted = updated["service"]["deployments"][0]["id"]
    pause, deadline = 1.0, time.monotonic() + LIMIT
    while True:
        (service,) = ecs.describe_services(cluster=given["cluster"], services=[given["service"]])["services"]
        (mine,) = (one for one in service["deployments"] if one["id"] == wanted)
        if mine["rolloutState"] == "COMPLETED":
            return
        assert mine["rolloutState"] == "IN_PROGRESS" and time.monotonic() < deadline, mine
        time.sleep(pause)
        pause = min(pause * 1.5, 10.0)


def confirm(release: str) -> None:
    """Ask clients' address until the new release has answered often enough in a row."""
    answered, deadline = 0, time.monotonic() + LIMIT
    while answered < given["answers"]:
        assert time.monotonic() < deadline, f"{given['address']} does not answer as {release}"
        try:
            with urllib.request.urlopen(f"{given['address']}/health", timeout=5) as answer:
                answered = answered + 1 if answer.headers["x-release-id"] == release else 0
        except OSError:  # refused, or later than the answer may be: asked again
            answered = 0
        if answered < given["answers"]:
            time.sleep(given["pause"] if answered else 1.0)


def prune(definitions: list[str]) -> None:
    for arn in definitions[given["keep"] - 1 :]:
        client("ecs").deregister_task_definition(taskDefinition=arn)


before = look()
verify(before[0])
registered = client("ecs").register_task_definition(**given["definition"])["taskDefinition"]["taskDefinitionArn"]
roll(registered)
confirm(given["release"])
client("ecs").tag_resource(resourceArn=registered, tags=[{"key": "served", "value": "true"}])
prune(before)
print(json.dumps(calls))
