"""AWS's password goes to ECR's registries of the region, and to nobody else."""

import base64
from collections.abc import Mapping
from typing import Any

import pytest

from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.image import Login
from decodeat_ops.core.secret import Secret
from decodeat_ops.targets.ecs.login import SECONDS, EcrLogins
from tests.support.deployments import REPOSITORY
from tests.unit.targets.ecs.cloud import ACCOUNT, REGION, Cloud, Reply, Ticking

ECR = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
OTHER = Login("me", Secret("mine"))
CALL = ("ecr", "GetAuthorizationToken")


def logins(reply: Reply) -> tuple[EcrLogins, Cloud, Ticking]:
    cloud, clock = Cloud({CALL: reply}), Ticking()
    return EcrLogins(cloud, lambda registry: OTHER, clock), cloud, clock


def token(text: str) -> Mapping[str, Any]:
    data = base64.b64encode(text.encode()).decode()
    return {"authorizationData": [{"authorizationToken": data, "proxyEndpoint": f"https://{ECR}"}]}


def test_the_password_is_awss_and_is_asked_for_once_an_hour() -> None:
    ask, cloud, clock = logins(token("AWS:pass:word"))
    assert ask(ECR) == ask(ECR) == Login("AWS", Secret("pass:word"))
    assert cloud.asked == [CALL]
    clock.sleep(SECONDS + 1)
    ask(ECR)
    assert cloud.asked == [CALL, CALL]


@pytest.mark.parametrize(
    "registry",
    [
        "registry.example.com",
        "localhost:5000",
        f"{ECR}.example.com",
        f"example.com.{ECR}",
        f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com",
    ],
)
def test_nobody_else_is_given_it(registry: str) -> None:
    ask, cloud, _ = logins(token("AWS:password"))
    assert ask(registry) == OTHER
    assert cloud.asked == []


@pytest.mark.parametrize(
    "reply",
    ["AccessDeniedException", {"authorizationData": []}, {"authorizationData": [{"authorizationToken": "AWS:plain"}]}],
)
def test_without_a_password_there_is_no_push(reply: Reply) -> None:
    ask, _, _ = logins(reply)
    with pytest.raises(Configuration) as caught:
        ask(ECR)
    assert caught.value.where == "image.repository"
    assert "AWS:plain" not in str(caught.value)


def test_a_denied_password_leads_to_the_policy_that_allows_it() -> None:
    ask, _, _ = logins("AccessDeniedException")
    with pytest.raises(Configuration) as caught:
        ask(ECR)
    named = ("ecr:GetAuthorizationToken", "operator-deploy.json", "docs/policies in", "decodeat_ops/policies")
    assert all(one in caught.value.advice.hint for one in named)
    assert CALL[1] in (REPOSITORY / "docs" / "policies" / "operator-deploy.json").read_text()
