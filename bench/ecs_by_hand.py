"""What a deploy to ECS is compared with: the same calls to AWS in a script of an evening, with nothing around them.

`python -m bench.ecs_by_hand FILE`: FILE has the task definition and the rest in JSON. It prints its calls as JSON.
"""

import json
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import boto3

LIMIT = 300.0  # seconds of either wait

given: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
calls: Counter[str] = Counter()


def count(model: Any, **_: Any) -> None:
    calls[f"{model.service_model.service_name}:{model.name}"] += 1


def client(service: str) -> Any:
    made = boto3.client(service, region_name=given["region"], endpoint_url=given["endpoint"])
    made.meta.events.register("before-call", count)
    return made


def look() -> list[str]:
    """Read what serves and the revisions before it; return these, the newest first."""
    told = ecs.describe_services(cluster=given["cluster"], services=[given["service"]], include=["TAGS"])
    assert told["services"][0]["status"] == "ACTIVE"
    listed = ecs.list_task_definitions(familyPrefix=given["family"], status="ACTIVE", sort="DESC", maxResults=7)
    for arn in listed["taskDefinitionArns"]:
        ecs.describe_task_definition(taskDefinition=arn, include=["TAGS"])
    found: list[str] = listed["taskDefinitionArns"]
    return found


def verify() -> None:
    """Make sure that all is there which the new one needs."""
    assert client("sts").get_caller_identity()["Account"] == given["account"]
    definition = given["definition"]
    iam = client("iam")
    for role in ("executionRoleArn", "taskRoleArn"):
        iam.get_role(RoleName=definition[role].rpartition("/")[2])
    for secret in {one["valueFrom"].rsplit(":", 3)[0] for one in definition["containerDefinitions"][0]["secrets"]}:
        client("secretsmanager").get_secret_value(SecretId=secret)
    group = definition["containerDefinitions"][0]["logConfiguration"]["options"]["awslogs-group"]
    client("logs").describe_log_groups(logGroupNamePrefix=group)
    network = client("ec2")
    network.describe_subnets(SubnetIds=given["subnets"])
    network.describe_security_groups(GroupIds=given["security_groups"])


def roll(definition: str) -> None:
    """Change the service and wait for the deployment that this has begun."""
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
    answered, pause, deadline = 0, 1.0, time.monotonic() + LIMIT
    while answered < given["answers"]:
        assert time.monotonic() < deadline, f"{given['address']} does not answer as {release}"
        try:
            with urllib.request.urlopen(f"{given['address']}/health", timeout=5) as answer:
                answered = answered + 1 if answer.headers["x-release-id"] == release else 0
        except urllib.error.URLError:
            answered = 0
        if not answered:
            time.sleep(pause)
            pause = min(pause * 1.5, 10.0)


def prune(definitions: list[str]) -> None:
    for arn in definitions[given["keep"] - 1 :]:
        ecs.deregister_task_definition(taskDefinition=arn)


ecs = client("ecs")
before = look()
verify()
registered = ecs.register_task_definition(**given["definition"])["taskDefinition"]["taskDefinitionArn"]
roll(registered)
confirm(given["release"])
prune(before)
print(json.dumps(calls))
