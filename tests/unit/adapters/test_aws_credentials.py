"""Credentials that AWS never took are a setting to mend; those that end in the middle leave the change open."""

from pathlib import Path

import pytest

from decodeat_ops.adapters.aws import Sdk
from decodeat_ops.core.errors import Configuration, Lost
from tests.unit.adapters.aws_server import Server, Told, answer, operator, refusal, sdk, server

__all__ = ["operator", "sdk", "server"]  # fixtures
pytestmark = pytest.mark.usefixtures("operator")

ROLE = "arn:aws:iam::111122223333:role/deployer"
ASSUMED = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
<AssumedRoleUser><AssumedRoleId>A:b</AssumedRoleId><Arn>arn:aws:sts::111122223333:assumed-role/deployer/b</Arn>
</AssumedRoleUser><Credentials><AccessKeyId>AKIDOFROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey>
<SessionToken>t</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult>
</AssumeRoleResponse>"""
DENIED_ROLE = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
<Code>AccessDenied</Code><Message>not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>"""


Codes = pytest.mark.parametrize(
    "code", ["ExpiredTokenException", "ExpiredToken", "RequestExpired", "UnrecognizedClientException"]
)


@Codes
def test_credentials_that_never_worked_are_a_matter_of_configuration(server: Server, sdk: Sdk, code: str) -> None:
    server.answers = [refusal(code)]
    with pytest.raises(Configuration, match=code) as caught:
        sdk.call("ecs", "ListServices")
    assert "Sign in again" in caught.value.advice.hint


@Codes
def test_credentials_that_end_in_the_middle_leave_the_change_open(server: Server, sdk: Sdk, code: str) -> None:
    server.answers = [answer(), refusal(code)]
    sdk.call("ecs", "ListServices")
    with pytest.raises(Lost, match=code) as caught:
        sdk.call("ecs", "UpdateService", service="a")
    assert "Sign in again" in caught.value.advice.hint


def test_without_credentials_nothing_is_sent(server: Server, sdk: Sdk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(Configuration, match="There are no credentials for AWS"):
        sdk.call("ecs", "ListServices")
    with pytest.raises(Configuration, match="of the profile nobody") as caught:
        Sdk("nobody", "eu-central-1", "", server.url).call("ecs", "ListServices")
    assert caught.value.where == "ecs.profile"
    assert not server.asked


def test_a_profile_is_used(server: Server, tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("[work]\naws_access_key_id = AKIDOFWORK\naws_secret_access_key = s\n")
    Sdk("work", "eu-central-1", "", server.url).call("ecs", "ListServices")
    assert "Credential=AKIDOFWORK/" in server.asked[0][2]["Authorization"]


def test_a_role_is_assumed_once_and_signs_what_follows(server: Server) -> None:
    server.answers = [Told(200, ASSUMED), answer()]
    sdk = Sdk("", "eu-central-1", ROLE, server.url)
    sdk.call("ecs", "ListServices")
    sdk.call("ecs", "ListClusters")
    keys = [headers["Authorization"].partition("Credential=")[2].partition("/")[0] for _, _, headers in server.asked]
    assert keys == ["AKIDOFUSER", "AKIDOFROLE", "AKIDOFROLE"]
    assert f"RoleArn={ROLE.replace(':', '%3A').replace('/', '%2F')}" in server.asked[0][1]
    assert sdk.calls["sts", "AssumeRole"] == 1


def test_a_role_that_may_not_be_assumed(server: Server) -> None:
    server.answers = [Told(403, DENIED_ROLE)]
    with pytest.raises(Configuration, match=f"the role {ROLE} can't be assumed: not authorized"):
        Sdk("", "eu-central-1", ROLE, server.url).call("ecs", "ListServices")


def test_credentials_that_end_between_two_pages(server: Server, sdk: Sdk) -> None:
    server.answers = [answer(serviceArns=["a"], nextToken="1"), refusal("ExpiredTokenException")]
    pages = sdk.pages("ecs", "ListServices", "serviceArns")
    assert next(pages) == "a"
    with pytest.raises(Lost, match="ExpiredTokenException"):
        next(pages)
