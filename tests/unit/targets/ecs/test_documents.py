"""The task definition and the service that ECS is told: the guide's, without its mistakes."""

import json
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core.errors import Configuration
from decodeat_ops.targets.ecs import differences, documents
from tests.support.aws import ACCOUNT, GREEN, GROUP, REGION, RULE, SETTINGS, Recorded, placed, require_accepted

IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/demo@sha256:{'a' * 64}"
ARN = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:demo-production-AbCdEf"
REFERENCES = {"API_KEYS": f"{ARN}:API_KEYS::v1"}
PLAIN = "[service.environment]\nLOG_LEVEL = \"INFO\"\nREQUEST_TIMEOUT = 60\nALLOWED_HOSTS = ['a.example', 'b\"c']\n"


def task(home: Path, more: str = PLAIN) -> dict[str, Any]:
    made = documents.task_definition(placed(home, Recorded({}), SETTINGS + more), "r1", IMAGE, REFERENCES)
    require_accepted("ecs", "RegisterTaskDefinition", made)
    return made


def service(home: Path, more: str = "") -> dict[str, Any]:
    made = documents.service(placed(home, Recorded({}), SETTINGS + more), "arn:td:7")
    require_accepted("ecs", "CreateService", made)
    return made


def test_the_task_definition_is_exactly_this(tmp_path: Path) -> None:
    assert task(tmp_path) == {
        "family": "demo-production",
        "executionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/demo-production-execution",
        "taskRoleArn": f"arn:aws:iam::{ACCOUNT}:role/demo-production-task",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "runtimePlatform": {"operatingSystemFamily": "LINUX", "cpuArchitecture": "X86_64"},
        "cpu": "1024",
        "memory": "2048",
        "containerDefinitions": [
            {
                "name": "decodeat",
                "image": IMAGE,
                "essential": True,
                "portMappings": [{"containerPort": 8000, "protocol": "tcp"}],
                "environment": [
                    {"name": "ALLOWED_HOSTS", "value": 'a.example,b"c'},
                    {"name": "LOG_LEVEL", "value": "INFO"},
                    {"name": "RELEASE_ID", "value": "r1"},
                    {"name": "REQUEST_TIMEOUT", "value": "60"},
                ],
                "secrets": [{"name": "API_KEYS", "valueFrom": f"{ARN}:API_KEYS::v1"}],
                "healthCheck": {
                    "command": ["CMD", "python", "-m", "decodeat.healthcheck"],
                    "interval": 10,
                    "timeout": 5,
                    "retries": 3,
                    "startPeriod": 60,
                },
                "stopTimeout": 90,
                "readonlyRootFilesystem": True,
                "linuxParameters": {"capabilities": {"drop": ["ALL"]}},
                "logConfiguration": {
                    "logDriver": "awslogs",
                    "options": {
                        "awslogs-group": "/ecs/demo-production",
                        "awslogs-region": REGION,
                        "awslogs-stream-prefix": "decodeat",
                        "mode": "non-blocking",
                        "max-buffer-size": "25m",
                    },
                },
            }
        ],
    }


def test_the_service_is_exactly_this(tmp_path: Path) -> None:
    assert service(tmp_path, f'target_group = "{GROUP}"\ngrace_seconds = 30\nalarms = ["errors"]\n') == {
        "cluster": "demo-production",
        "serviceName": "demo-production",
        "taskDefinition": "arn:td:7",
        "desiredCount": 2,
        "launchType": "FARGATE",
        "platformVersion": "1.4.0",
        "schedulingStrategy": "REPLICA",
        "deploymentController": {"type": "ECS"},
        "deploymentConfiguration": {
            "strategy": "ROLLING",
            "alarms": {"alarmNames": ["errors"], "enable": True, "rollback": True},
            "deploymentCircuitBreaker": {"enable": True, "rollback": True},
            "minimumHealthyPercent": 100,
            "maximumPercent": 200,
        },
        "loadBalancers": [{"targetGroupArn": GROUP, "containerName": "decodeat", "containerPort": 8000}],
        "healthCheckGracePeriodSeconds": 30,
        "networkConfiguration": {
            "awsvpcConfiguration": {
                "subnets": ["subnet-0a", "subnet-0b"],
                "securityGroups": ["sg-0c"],
                "assignPublicIp": "DISABLED",
            }
        },
        "enableExecuteCommand": False,
        "enableECSManagedTags": True,
        "propagateTags": "SERVICE",
    }


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("blue-green", {"strategy": "BLUE_GREEN"}),
        ("linear", {"linearConfiguration": {"stepPercent": 25.0, "stepBakeTimeInMinutes": 3}}),
        ("canary", {"canaryConfiguration": {"canaryPercent": 25.0, "canaryBakeTimeInMinutes": 3}}),
    ],
)
def test_a_shift_is_passed_through_with_both_target_groups(
    tmp_path: Path, strategy: str, expected: dict[str, Any]
) -> None:
    found = service(
        tmp_path,
        f'strategy = "{strategy}"\ntarget_group = "{GROUP}"\ngreen_target_group = "{GREEN}"\n'
        f'listener_rule = "{RULE}"\ntest_listener_rule = "{RULE}"\ninfrastructure_role = "shifter"\n'
        "step_percent = 25.0\nstep_minutes = 3\nbake_minutes = 7\npublic_ip = true\n",
    )
    deployment = found["deploymentConfiguration"]
    assert {name: deployment[name] for name in expected} == expected
    assert deployment["bakeTimeInMinutes"] == 7
    assert found["loadBalancers"][0]["advancedConfiguration"] == {
        "alternateTargetGroupArn": GREEN,
        "productionListenerRule": RULE,
        "testListenerRule": RULE,
        "roleArn": f"arn:aws:iam::{ACCOUNT}:role/shifter",
    }
    assert found["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"] == "ENABLED"


def test_what_exec_needs_is_there_only_when_it_is_wanted(tmp_path: Path) -> None:
    found = task(tmp_path, "exec = true\n")
    container = found["containerDefinitions"][0]
    assert [one["containerPath"] for one in container["mountPoints"]] == ["/var/lib/amazon", "/var/log/amazon"]
    assert {one["name"] for one in found["volumes"]} == {one["sourceVolume"] for one in container["mountPoints"]}
    assert container["readonlyRootFilesystem"] is True
    assert "linuxParameters" not in container
    assert service(tmp_path, "exec = true\n")["enableExecuteCommand"] is True


def test_the_platform_and_the_registrys_login_are_those_of_the_settings(tmp_path: Path) -> None:
    found = task(tmp_path, 'pull_secret = "registry"\n[image]\nplatform = "linux/arm64"\n')
    assert found["runtimePlatform"]["cpuArchitecture"] == "ARM64"
    assert found["containerDefinitions"][0]["repositoryCredentials"] == {"credentialsParameter": "registry"}


@pytest.mark.parametrize(
    ("more", "seconds", "told"),
    [
        ("", 120, False),
        ("[service.environment]\nREQUEST_TIMEOUT = 30\n", 60, False),
        ("[service.environment]\nREQUEST_TIMEOUT = 110\n", 120, True),
        ("stop_timeout = 100\n[service.environment]\nREQUEST_TIMEOUT = 70\n", 100, False),
        ("stop_timeout = 60\n[service.environment]\nREQUEST_TIMEOUT = 60\n", 60, True),
    ],
)
def test_a_stop_leaves_time_for_the_longest_request_or_says_that_it_does_not(
    tmp_path: Path, more: str, seconds: int, told: bool
) -> None:
    place = placed(tmp_path, Recorded({}), SETTINGS + more)
    assert documents.stop_timeout(place.loaded) == seconds
    assert bool(documents.told(place.loaded)) is told
    assert task(tmp_path, more)["containerDefinitions"][0]["stopTimeout"] == seconds


def test_a_request_takes_no_longer_than_a_stop_allows_unless_the_operator_says_so(tmp_path: Path) -> None:
    place = placed(tmp_path, Recorded({}))
    assert documents.variables(place.loaded) == {"REQUEST_TIMEOUT": "90"}
    assert documents.variables(placed(tmp_path, Recorded({}), SETTINGS + PLAIN).loaded)["REQUEST_TIMEOUT"] == "60"


@pytest.mark.parametrize("name", sorted(documents.OURS))
def test_variables_that_belong_to_us_are_refused(tmp_path: Path, name: str) -> None:
    place = placed(tmp_path, Recorded({}), f'{SETTINGS}[service.environment]\n{name} = "x"\n')
    with pytest.raises(Configuration, match=name):
        documents.variables(place.loaded)


def test_the_database_is_the_operators_own_here(tmp_path: Path) -> None:
    place = placed(tmp_path, Recorded({}), f'{SETTINGS}[service.environment]\nDATABASE_URL = "none"\n')
    assert documents.variables(place.loaded)["DATABASE_URL"] == "none"


def mark(home: Path, more: str = "", code: str = "c", lock: str = "l", base: str = "b") -> str:
    return documents.fingerprint(placed(home, Recorded({}), SETTINGS + more), code, lock, {"base": base})


def test_the_fingerprint_is_of_all_that_a_release_is_made_of(tmp_path: Path) -> None:
    before = mark(tmp_path)
    changed = {
        mark(tmp_path, code="d"),
        mark(tmp_path, lock="m"),
        mark(tmp_path, base="x"),
        mark(tmp_path, "memory = 4096\n"),
        mark(tmp_path, "public_ip = true\n"),
        mark(tmp_path, 'alarms = ["errors"]\n'),
        mark(tmp_path, PLAIN),
        mark(tmp_path, '[service.secrets]\nAPI_KEYS = "env:KEYS"\n'),
        mark(tmp_path, '[service.secrets]\nAPI_KEYS = "env:OTHER_KEYS"\n'),
    }
    assert len(changed | {before}) == 10


def test_what_makes_no_release_is_not_in_the_fingerprint(tmp_path: Path) -> None:
    for more in ("desired = 7\n", "deploy_minutes = 5.0\n", "keep_revisions = 9\n", "[backup]\nmax_age_hours = 1.0\n"):
        assert mark(tmp_path, more) == mark(tmp_path), more


def test_files_say_what_only_a_deploy_knows_and_show_references_alone(tmp_path: Path) -> None:
    place = placed(tmp_path, Recorded({}), f'{SETTINGS}[service.secrets]\nAPI_KEYS = "env:KEYS"\n')
    found = documents.files(place)
    assert sorted(found) == ["service.json", "task-definition.json"]
    container = json.loads(found["task-definition.json"])["containerDefinitions"][0]
    assert container["image"] == "(the image, by digest)"
    assert container["secrets"] == [{"name": "API_KEYS", "valueFrom": "env:KEYS"}]
    assert json.loads(found["service.json"])["taskDefinition"] == "(its revision)"


def test_googles_key_is_referred_to_and_stands_in_no_variable(tmp_path: Path) -> None:
    secret = '[service.secrets]\nGOOGLE_CREDENTIALS_JSON = "aws-secretsmanager:vision"\n'
    settings = f'{SETTINGS}[service.environment]\nREADER = "vision"\n{secret}'
    place = placed(tmp_path, Recorded({}), settings)
    made = documents.task_definition(place, "r1", IMAGE, {"GOOGLE_CREDENTIALS_JSON": f"{ARN}:::v7"})
    require_accepted("ecs", "RegisterTaskDefinition", made)
    (container,) = made["containerDefinitions"]
    assert container["secrets"] == [{"name": "GOOGLE_CREDENTIALS_JSON", "valueFrom": f"{ARN}:::v7"}]
    assert {one["name"] for one in container["environment"]} == {"READER", "RELEASE_ID", "REQUEST_TIMEOUT"}
    assert "volumes" not in made and "mountPoints" not in container


def test_the_digest_of_a_document_is_that_of_what_ecs_makes_of_it(tmp_path: Path) -> None:
    sent = task(tmp_path)
    told = json.loads(json.dumps(sent))
    container = told["containerDefinitions"][0]
    container |= {"cpu": 0, "mountPoints": [], "volumesFrom": [], "systemControls": []}
    container["portMappings"][0]["hostPort"] = 8000
    container["environment"].reverse()
    told |= {"revision": 7, "status": "ACTIVE", "volumes": [], "placementConstraints": [], "compatibilities": ["EC2"]}
    assert documents.digest(told) == documents.digest(sent)
    assert differences.differences(sent, told) == ()
    container["environment"].append({"name": "BY_HAND", "value": "1"})
    assert documents.digest(told) != documents.digest(sent)
