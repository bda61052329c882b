"""How a task definition written by hand calls Google is compared with the one secret that a deploy brings."""

import json
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core.abilities import Defect
from decodeat_ops.targets.ecs import documents
from tests.unit.targets.ecs.test_diff import view

NAME, FILE = "GOOGLE_CREDENTIALS_JSON", "GOOGLE_APPLICATION_CREDENTIALS"
SECRET = f'[service.secrets]\n{NAME} = "aws-secretsmanager:vision"\n'
ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:vision-AbCdEf:::v7"
KEY = '{"type": "service_account", "private_key": "m4rk"}'


def compared(home: Path, container: dict[str, Any], more: str = "") -> tuple[dict[int, Defect], str]:
    """Return the mistakes about Google by number, and all that the comparison shows."""
    told = {"family": "labels", "containerDefinitions": [{"name": "api", "image": "i@sha256:1", **container}]}
    found = view(home, more=more).compared({"task.json": json.dumps(told)})
    return {one.number: one for one in found.defects if "Google" in one.found or "GOOGLE" in one.found}, repr(found)


@pytest.mark.parametrize(
    ("more", "instead"),
    [
        ("", "reads labels without Google; Cloud Vision takes GOOGLE_CREDENTIALS_JSON under [service.secrets]"),
        ('[service.environment]\nREADER = "embedded"\n', "reads labels without Google"),
        ('[service.environment]\nREADER = "vision"\n', "READER=vision takes GOOGLE_CREDENTIALS_JSON under"),
        (SECRET, "GOOGLE_CREDENTIALS_JSON comes from Secrets Manager when a task starts, by valueFrom"),
    ],
)
def test_without_credentials_it_is_said_how_a_deploy_brings_them(tmp_path: Path, more: str, instead: str) -> None:
    found, _ = compared(tmp_path, {}, more)
    assert set(found) == {30} and instead in found[30].instead


def test_a_file_in_the_image_is_answered_with_the_secret(tmp_path: Path) -> None:
    found, _ = compared(tmp_path, {"environment": [{"name": FILE, "value": "/app/gcp-key.json"}]})
    assert set(found) == {10}
    assert f"{NAME} comes from Secrets Manager" in found[10].instead and "Revoke" in found[10].instead


def test_a_key_in_plain_text_is_a_mistake_and_is_not_shown(tmp_path: Path) -> None:
    found, shown = compared(tmp_path, {"environment": [{"name": NAME, "value": KEY}]})
    assert set(found) == {10} and "plain text" in found[10].found and "Revoke" in found[10].instead
    assert "m4rk" not in shown


@pytest.mark.parametrize("name", [NAME, FILE])
def test_what_comes_by_valuefrom_is_no_mistake(tmp_path: Path, name: str) -> None:
    found, _ = compared(tmp_path, {"secrets": [{"name": name, "valueFrom": ARN}]})
    assert found == {}


def test_our_own_task_definition_with_the_secret_has_no_mistake_left(tmp_path: Path) -> None:
    opened = view(tmp_path, more=SECRET)
    image = "registry.example.com/demo@sha256:" + "0" * 64
    ours = documents.task_definition(opened.place, "r1", image, {NAME: ARN})
    assert opened.compared({"task.json": json.dumps(ours)}).defects == ()
