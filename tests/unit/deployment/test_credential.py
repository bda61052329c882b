"""Whatever access is configured, the tool opens the service with what it knows, or says that it can't."""

import json
from collections.abc import Mapping

import pytest
from fastapi.testclient import TestClient

from decodeat.main import create
from decodeat.settings import load
from decodeat_ops.checks import words
from decodeat_ops.checks.run import run
from decodeat_ops.core.check import Status
from decodeat_ops.core.errors import StepFailed
from decodeat_ops.deployment import credential
from decodeat_ops.settings import envfile
from decodeat_ops.targets.local import readiness
from tests.unit.checks.stage import NEW, Stage, serving

KEY, OTHER = "k3y-for-tests-0001-abcdef", "k3y-for-tests-0002-abcdef"
DIGEST = "sha256:" + "0" * 64
SIGNING = "s1gning-0001-5f0c7d9e8b6a4c3d2e1f"
JWT = {"JWT_ISSUER": "https://login.kr", "JWT_AUDIENCE": "labels"}


def headers(stage: Stage, secrets: Mapping[str, str], plain: Mapping[str, str]) -> Mapping[str, str] | None:
    stage.release(NEW)
    stage.layout.environment(NEW).write_text(envfile.render(dict(plain)))
    stage.secrets = dict(secrets)
    return credential.headers(stage.layout, NEW, stage.resolved)


@pytest.mark.parametrize(
    ("secrets", "plain", "shown"),
    [
        ({}, {}, {}),
        ({}, {"LOG_LEVEL": "INFO"}, {}),
        ({"API_KEYS": KEY}, {}, {"X-API-Key": KEY}),
        ({"API_KEYS": f" {KEY} , {OTHER}"}, {}, {"X-API-Key": KEY}),
        ({"API_KEYS": json.dumps([KEY, OTHER])}, {}, {"X-API-Key": KEY}),
        ({"API_KEYS": f"{DIGEST},{KEY}"}, {}, {"X-API-Key": KEY}),
        ({"API_KEYS": json.dumps([DIGEST, OTHER])}, {}, {"X-API-Key": OTHER}),
        ({"API_KEYS": KEY, "JWT_SECRET": SIGNING}, JWT, {"X-API-Key": KEY}),
        ({"API_KEYS": DIGEST}, {}, None),
        ({}, {"API_KEYS": DIGEST}, None),
        ({"API_KEYS": "[broken"}, {}, {}),
    ],
)
def test_the_first_key_that_can_be_shown(
    stage: Stage, secrets: dict[str, str], plain: dict[str, str], shown: dict[str, str] | None
) -> None:
    assert headers(stage, secrets, plain) == shown


@pytest.mark.parametrize("secrets", [
    {"API_KEYS": f"{DIGEST},{KEY}"}, {"JWT_SECRET": SIGNING}, {"JWT_SECRET": json.dumps([SIGNING, SIGNING[::-1]])},
    {"API_KEYS": DIGEST, "JWT_SECRET": SIGNING},
])  # fmt: skip
def test_the_service_itself_lets_it_in(stage: Stage, secrets: dict[str, str]) -> None:
    """The two never import each other: here what one signs meets what the other checks."""
    variables = {**secrets, **(JWT if "JWT_SECRET" in secrets else {}), "DATABASE_URL": "none"}
    shown = headers(stage, secrets, JWT)
    assert shown is not None
    with TestClient(create(load(variables))) as client:
        assert client.post("/api/v1/analyze", json={"image_urls": []}).status_code == 401
        assert client.post("/api/v1/analyze", json={"image_urls": []}, headers=dict(shown)).status_code == 422


def test_a_release_is_asked_with_the_settings_it_was_started_with(stage: Stage) -> None:
    """After a rollback those may differ from today's."""
    stage.settings = {"service": {"environment": {"JWT_ISSUER": "https://today.kr", "JWT_AUDIENCE": "today"}}}
    shown = headers(stage, {"JWT_SECRET": SIGNING}, JWT)
    variables = {"JWT_SECRET": SIGNING, **JWT, "DATABASE_URL": "none"}
    with TestClient(create(load(variables))) as client:
        answer = client.post("/api/v1/analyze", json={"image_urls": []}, headers=dict(shown or {}))
    assert answer.status_code == 422


def test_the_check_says_that_it_has_nothing_to_show(stage: Stage) -> None:
    stage.settings = {"checks": {"label_url": "https://labels.example/one.png"}}
    stage.secrets = {"API_KEYS": DIGEST}
    with serving(stage, status=401) as (service, subject):
        (found,) = run(("api.label",), subject)
    assert (found.status, found.says, service.keys) == (Status.SKIP, "api.no_key", [])
    assert words.says(found) == "Only digests of keys are known here"
    assert "JWT_SECRET" in words.hint(found)


def not_ready(stage: Stage) -> str:
    machine = stage.machine
    return readiness._not_ready(machine, machine.store.private(NEW), NEW, stage.resolved)


@pytest.mark.parametrize(
    ("secrets", "status", "keyless", "refused"),
    [
        ({}, 422, 0, False), ({}, 401, 0, True), ({}, 200, 0, True), ({}, 429, 0, False),
        ({"API_KEYS": KEY}, 422, 401, False), ({"API_KEYS": KEY}, 401, 0, True), ({"API_KEYS": KEY}, 422, 0, True),
        ({"API_KEYS": DIGEST}, 401, 0, False), ({"API_KEYS": DIGEST}, 422, 0, True),
        ({"API_KEYS": DIGEST}, 500, 0, True),
        ({"API_KEYS": DIGEST}, 422, 200, True), ({"API_KEYS": KEY}, 422, 404, True),
    ],
)  # fmt: skip
def test_a_new_release_must_answer_as_its_access_says(
    stage: Stage, secrets: dict[str, str], status: int, keyless: int, refused: bool
) -> None:
    """Ask with a key, and once without where access is configured: a release that accepts both is not ready."""
    stage.secrets = secrets
    with serving(stage, fetches=False, refuses=status, closed=keyless):
        if refused:
            with pytest.raises(StepFailed, match=f"answered {keyless or status}"):
                not_ready(stage)
        else:
            assert not_ready(stage) == ""


def test_a_limit_that_others_used_up_proves_no_lock(stage: Stage) -> None:
    stage.secrets = {"API_KEYS": KEY}
    with serving(stage, fetches=False, refuses=422, closed=429):
        told = not_ready(stage)
    assert "answers 429 to a request without a key" in told
