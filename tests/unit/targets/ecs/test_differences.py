"""Two documents of ECS are compared with its defaults filled in, line by line, and no secret is shown."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.targets.ecs import documents
from decodeat_ops.targets.ecs.differences import HIDDEN, diff_text, differences, filled, masked
from tests.support.aws import GROUP, SETTINGS, Recorded, placed

GUIDE: dict[str, Any] = {
    "family": "nutrition-label-api",
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "cpu": "1024",
    "memory": "2048",
    "executionRoleArn": "arn:aws:iam::account:role/ecsTaskExecutionRole",
    "containerDefinitions": [
        {
            "name": "decodeat",
            "image": "your-account.dkr.ecr.region.amazonaws.com/nutrition-label-api:latest",
            "portMappings": [{"containerPort": 8000, "protocol": "tcp"}],
            "environment": [
                {"name": "DEBUG", "value": "false"},
                {"name": "GEMINI_API_KEY", "value": "AIza-very-secret"},
                {"name": "REDIS_URL", "value": "redis://user:very-secret@cache/0"},
            ],
        }
    ],
}


def ours(home: Path, more: str = "") -> dict[str, Any]:
    return documents.task_definition(placed(home, Recorded({}), SETTINGS + more), "r1", "i@sha256:1", {})


def service(home: Path, more: str = "") -> dict[str, Any]:
    return documents.service(placed(home, Recorded({}), SETTINGS + more), "arn:td:7")


def answered(document: dict[str, Any]) -> dict[str, Any]:
    """Return a service as DescribeServices tells of it."""
    told = copy.deepcopy(document)
    told |= {
        "serviceArn": "arn:service",
        "clusterArn": "arn:cluster",
        "status": "ACTIVE",
        "desiredCount": 9,
        "runningCount": 9,
        "taskDefinition": "arn:td:1",
        "events": [{"id": "1"}],
        "placementStrategy": [],
        "serviceRegistries": [],
        "loadBalancers": told.get("loadBalancers", []),
        "healthCheckGracePeriodSeconds": told.get("healthCheckGracePeriodSeconds", 0),
    }
    deployment = told["deploymentConfiguration"]
    deployment["alarms"] = deployment.get("alarms", {"alarmNames": [], "rollback": False, "enable": False})
    deployment["bakeTimeInMinutes"] = deployment.get("bakeTimeInMinutes", 0)
    told["networkConfiguration"]["awsvpcConfiguration"]["subnets"].reverse()
    return told


@pytest.mark.parametrize("more", ["", f'target_group = "{GROUP}"\n', 'alarms = ["errors"]\npublic_ip = true\n'])
def test_a_service_equals_what_ecs_tells_of_it(tmp_path: Path, more: str) -> None:
    sent = service(tmp_path, more)
    assert differences(answered(sent), sent) == ()
    assert diff_text(answered(sent), sent, ("a", "b")) == ()


def test_what_was_not_set_may_be_told_as_an_empty_text(tmp_path: Path) -> None:
    sent = ours(tmp_path)
    assert differences({**sent, "pidMode": "", "ipcMode": ""}, sent) == ()
    assert documents.digest({**sent, "pidMode": "", "ipcMode": ""}) == documents.digest(sent)
    assert differences({**sent, "pidMode": "task"}, sent) == ("pidMode: task goes",)


def test_each_change_of_a_service_is_a_line(tmp_path: Path) -> None:
    told = answered(service(tmp_path))
    told["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"] = "ENABLED"
    told["deploymentConfiguration"]["deploymentCircuitBreaker"] = {"enable": False, "rollback": False}
    assert differences(told, service(tmp_path, f'target_group = "{GROUP}"\n')) == (
        "deploymentConfiguration.deploymentCircuitBreaker.enable: false -> true",
        "deploymentConfiguration.deploymentCircuitBreaker.rollback: false -> true",
        "loadBalancers.0.targetGroupArn: " + GROUP + " is new",
        "loadBalancers.0.containerName: decodeat is new",
        "loadBalancers.0.containerPort: 8000 is new",
        "healthCheckGracePeriodSeconds: 60 is new",
        "networkConfiguration.awsvpcConfiguration.assignPublicIp: ENABLED -> DISABLED",
    )


def test_variables_and_containers_are_found_by_their_names(tmp_path: Path) -> None:
    before = ours(tmp_path, '[service.environment]\nLOG_LEVEL = "INFO"\nWORKERS = 2\n')
    after = ours(tmp_path, '[service.environment]\nLOG_LEVEL = "DEBUG"\nALLOWED_HOSTS = "a"\n')
    assert differences(before, after) == (
        "containerDefinitions.decodeat.environment.ALLOWED_HOSTS.value: a is new",
        "containerDefinitions.decodeat.environment.LOG_LEVEL.value: INFO -> DEBUG",
        "containerDefinitions.decodeat.environment.WORKERS.value: 2 goes",
    )


def test_the_guides_mistakes_show_in_a_comparison(tmp_path: Path) -> None:
    lines = "\n".join(differences(GUIDE, ours(tmp_path)))
    for told in (
        "containerDefinitions.decodeat.image: your-account.dkr.ecr.region.amazonaws.com/nutrition-label-api:latest ->",
        'containerDefinitions.decodeat.healthCheck.command: ["CMD", "python", "-m", "decodeat.healthcheck"] is new',
        "containerDefinitions.decodeat.stopTimeout: 120 is new",
        "containerDefinitions.decodeat.readonlyRootFilesystem: true is new",
        "executionRoleArn: arn:aws:iam::account:role/ecsTaskExecutionRole ->",
        "containerDefinitions.decodeat.logConfiguration.options.mode: non-blocking is new",
    ):
        assert told in lines, told


def test_a_secret_in_a_plain_variable_is_never_shown(tmp_path: Path) -> None:
    shown = "\n".join((*differences(GUIDE, ours(tmp_path)), *diff_text(GUIDE, ours(tmp_path), ("a", "b"))))
    assert "very-secret" not in shown
    assert f"environment.GEMINI_API_KEY.value: {HIDDEN} goes" in shown
    assert f"environment.REDIS_URL.value: {HIDDEN} goes" in shown
    assert "DEBUG" in shown
    rotated = copy.deepcopy(GUIDE)
    rotated["containerDefinitions"][0]["environment"][1]["value"] = "another-very-secret"
    path = "containerDefinitions.decodeat.environment.GEMINI_API_KEY.value"
    assert differences(GUIDE, rotated) == (f"{path}: {HIDDEN} -> {HIDDEN}",)
    assert "very-secret" not in json.dumps(masked(GUIDE))


def test_defaults_are_filled_in_without_changing_the_document() -> None:
    before = copy.deepcopy(GUIDE)
    container = filled(GUIDE)["containerDefinitions"][0]
    assert before == GUIDE
    assert (container["essential"], container["cpu"]) == (True, 0)
    assert container["portMappings"] == [{"containerPort": 8000, "hostPort": 8000, "protocol": "tcp"}]
    assert filled({**GUIDE, "cpu": 1024})["cpu"] == "1024"
    assert filled(filled(GUIDE)) == filled(GUIDE)


def test_a_diff_is_a_unified_one(tmp_path: Path) -> None:
    lines = diff_text(ours(tmp_path), ours(tmp_path, "memory = 4096\n"), ("release r1", "new"))
    assert lines[:2] == ("--- release r1", "+++ new")
    assert '-  "memory": "2048",' in lines
    assert '+  "memory": "4096",' in lines
