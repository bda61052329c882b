"""AWS refuses, throttles, breaks off and answers in pages: each becomes one error of ours, or none."""

import json
import socket
from typing import Any

import pytest

from decodeat_ops.adapters import aws
from decodeat_ops.adapters.aws import Sdk
from decodeat_ops.core.aws import AwsRefused
from decodeat_ops.core.errors import Lost
from decodeat_ops.core.secret import Secret
from tests.unit.adapters.aws_server import Server, Told, answer, operator, refusal, sdk, server

__all__ = ["operator", "sdk", "server"]  # fixtures
pytestmark = pytest.mark.usefixtures("operator")


def test_a_call_is_sent_as_awss_api_has_it_and_is_counted(server: Server, sdk: Sdk) -> None:
    server.answers = [answer(services=[{"serviceName": "a"}])]
    told = sdk.call("ecs", "DescribeServices", cluster="c", services=["a"])
    assert told["services"] == [{"serviceName": "a"}]
    target, body, headers = server.asked[0]
    assert target.endswith(".DescribeServices")
    assert json.loads(body) == {"cluster": "c", "services": ["a"]}
    assert "decodeat-ops/" in headers["User-Agent"]
    sdk.call("ecs", "UpdateService", service="a")
    assert sdk.calls == {("ecs", "DescribeServices"): 1, ("ecs", "UpdateService"): 1}
    assert (sdk.reads, sdk.writes, sdk.region) == (1, 1, "eu-central-1")


def test_a_refusal_has_awss_code_and_says_what_is_missing(server: Server, sdk: Sdk) -> None:
    message = "User: x is not authorized. Encoded authorization failure message: kilobytes"
    server.answers = [refusal("AccessDeniedException", message)]
    with pytest.raises(AwsRefused) as caught:
        sdk.call("ecs", "UpdateService", service="a")
    assert caught.value.denied
    assert caught.value.error == "AccessDeniedException"
    assert caught.value.advice.what == (
        "AWS refused ecs:UpdateService: User: x is not authorized (AccessDeniedException)."
    )
    hint = caught.value.advice.hint
    assert all(named in hint for named in ("ecs:UpdateService", "docs/policies in", "decodeat_ops/policies"))


def test_a_refusal_for_another_reason_is_no_missing_permission(server: Server, sdk: Sdk) -> None:
    server.answers = [refusal("ServiceNotFoundException")]
    with pytest.raises(AwsRefused) as caught:
        sdk.call("ecs", "UpdateService", service="a")
    assert not caught.value.denied and not caught.value.advice.hint


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (refusal("ThrottlingException"), "throttles"),
        (refusal("ServerException", status=500), "error of its own"),
        (Told(200, "{", cut=True), "got no answer"),
        (Told(200, "{}", cut=True), "got no answer"),
        (Told(200, "<html>"), "not JSON"),
    ],
    ids=["throttled", "broken", "cut", "cut where it could end", "unreadable"],
)
def test_without_an_answer_after_all_retries_the_outcome_is_unknown(
    server: Server, sdk: Sdk, told: Told, words: str
) -> None:
    server.answers = [told]
    with pytest.raises(Lost, match=words) as caught:
        sdk.call("ecs", "UpdateService", service="a")
    assert caught.value.advice.state == "Whether it was done is unknown."
    assert caught.value.advice.hint
    with pytest.raises(Lost) as caught:
        sdk.call("ecs", "DescribeServices", services=["a"])
    assert caught.value.advice.state == "Nothing was changed."


def test_throttling_is_waited_out_and_is_one_call(server: Server, sdk: Sdk) -> None:
    server.answers = [refusal("ThrottlingException"), answer(serviceArns=["a"])]
    assert sdk.call("ecs", "ListServices")["serviceArns"] == ["a"]
    assert len(server.asked) == 2
    assert sdk.calls == {("ecs", "ListServices"): 1}


def test_an_operation_that_a_server_does_not_know_is_refused(server: Server, sdk: Sdk) -> None:
    server.answers = [refusal("InternalFailure", status=501)]
    with pytest.raises(AwsRefused):
        sdk.call("ecs", "ListServices")


def test_nobody_listens(sdk: Sdk) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        silent = Sdk("", "eu-central-1", "", f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(Lost, match="ecs:ListServices got no answer"):
            silent.call("ecs", "ListServices")


def test_an_answer_that_never_comes(server: Server, sdk: Sdk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws, "READ_SECONDS", 0.2)
    server.answers = [Told(hang=True)]
    with pytest.raises(Lost, match="ecs:UpdateService got no answer"):
        sdk.call("ecs", "UpdateService", service="a")


def test_a_wrong_parameter_is_told_without_its_value(server: Server, sdk: Sdk) -> None:
    with pytest.raises(AwsRefused) as caught:
        sdk.call("secretsmanager", "PutSecretValue", SecretId="a", SecretString=["a-secret-value"])
    assert caught.value.error == "ParamValidation"
    assert "SecretString" in caught.value.advice.what and "a-secret-value" not in caught.value.advice.what
    with pytest.raises(AwsRefused) as caught:
        sdk.call("secretsmanager", "PutSecretValue", SecretId="a", SecretString=Secret("a-secret-value"))
    assert "a-secret-value" not in str(caught.value)
    assert not server.asked


def test_empty_pages_are_not_the_end(server: Server, sdk: Sdk) -> None:
    server.answers = [
        answer(serviceArns=["a"], nextToken="1"),
        answer(serviceArns=[], nextToken="2"),
        answer(serviceArns=["b"]),
    ]
    assert [*sdk.pages("ecs", "ListServices", "serviceArns", cluster="c")] == ["a", "b"]
    assert [json.loads(body).get("nextToken") for _, body, _ in server.asked] == [None, "1", "2"]
    assert sdk.calls == {("ecs", "ListServices"): 3}


def test_pages_go_on_where_the_sdk_has_no_paginator(server: Server, sdk: Sdk) -> None:
    server.answers = [answer(nextToken="1"), answer(serviceDeployments=[{"status": "PENDING"}])]
    found = [*sdk.pages("ecs", "ListServiceDeployments", "serviceDeployments", service="s")]
    assert found == [{"status": "PENDING"}]
    assert json.loads(server.asked[1][1]) == {"service": "s", "nextToken": "1"}


@pytest.mark.parametrize("operation", ["ListServices", "ListServiceDeployments"])
def test_a_list_that_never_ends_is_no_list(server: Server, sdk: Sdk, operation: str) -> None:
    server.answers = [answer(nextToken="1")]
    given = {"service": "s"} if operation == "ListServiceDeployments" else {}
    with pytest.raises(Lost):
        list(sdk.pages("ecs", operation, "serviceArns", **given))


def test_a_client_is_made_at_its_first_use(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**given: Any) -> None:
        raise AssertionError("a session was opened")

    monkeypatch.setattr("boto3.Session", refuse)
    sdk = Sdk("", "eu-central-1")
    with pytest.raises(AssertionError, match="a session was opened"):
        sdk.call("ecs", "ListServices")


def test_an_interrupt_is_not_swallowed(server: Server, sdk: Sdk, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*given: Any, **named: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Sdk, "_client", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sdk.call("ecs", "ListServices")
