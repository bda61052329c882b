"""Test what can go wrong before Google's text reader is called."""

import asyncio
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from google.auth.exceptions import DefaultCredentialsError

from decodeat.condition import Condition
from decodeat.credentials import FIELDS
from decodeat.deadline import Deadline
from decodeat.engines import opening
from decodeat.engines.ports import EngineFailed
from decodeat.engines.vision import VisionReader, identified
from decodeat.settings import Settings, load
from tests.servers.google_account import SCOPE
from tests.unit.decodeat.google_credentials import AUDIENCE, content, made, written
from tests.unit.decodeat.hostile_images import PNG
from tests.unit.decodeat.test_reading import picture

MARK = "m4rk-of-the-tests"


def refused(credentials: str | Mapping[str, Any]) -> None:
    """Assert that neither a health check nor a label gets beyond these credentials."""

    async def story() -> None:
        reader = VisionReader(credentials, "", price=None, wait_for_breaker=False)
        assert await reader.condition() == Condition(False, "Google Cloud Vision: credentials")
        with pytest.raises(EngineFailed) as failed:
            await reader.read([picture(PNG)], Deadline(60.0))
        assert failed.value.reason == "credentials"
        assert MARK not in f"{failed.value} {failed.value!r}"

    asyncio.run(story())


def test_credentials_that_can_t_be_read_any_more_are_said(tmp_path: Path) -> None:
    """They could when the service started; a directory in their place can't be read by root either."""
    refused(str(tmp_path))


# What no look at the fields finds; google.auth puts some of these values into its own messages.
BEYOND_THE_FIELDS: dict[str, dict[str, Any]] = {
    "a key of nothing": {"type": "service_account", "client_email": "a", "token_uri": "b"}
    | {"private_key": f"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n# {MARK}"},
    "an address that names nobody": content("impersonated_service_account")
    | {"service_account_impersonation_url": f"https://iamcredentials.googleapis.com/{MARK}"},
    "a source of no kind": content("external_account") | {"credential_source": {MARK: "x"}},
    "a source of another kind": content("external_account") | {"credential_source": {"certificate": MARK}},
    "a day that is none": content("authorized_user") | {"expiry": MARK},
}


@pytest.mark.parametrize("damage", BEYOND_THE_FIELDS)
def test_damage_that_google_alone_finds_shows_in_readiness_and_in_no_log(
    damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    refused(BEYOND_THE_FIELDS[damage])
    assert "there are no credentials for text recognition: " in caplog.text
    assert MARK not in caplog.text


def test_a_field_of_another_kind_is_no_error_of_ours() -> None:
    with pytest.raises(DefaultCredentialsError, match="a form that Google does not know") as caught:
        identified(BEYOND_THE_FIELDS["a source of another kind"])
    assert caught.value.__suppress_context__ and MARK not in str(caught.value)


MADE_BY = {
    "service_account": "google.oauth2.service_account",
    "external_account": "google.auth.identity_pool",
    "external_account_authorized_user": "google.auth.external_account_authorized_user",
    "impersonated_service_account": "google.auth.impersonated_credentials",
    "authorized_user": "google.oauth2.credentials",
}


@pytest.mark.parametrize("kind", FIELDS)
def test_credentials_are_made_of_each_type_of_content(kind: str) -> None:
    assert type(identified(content(kind))).__module__ == MADE_BY[kind]


def test_a_service_account_calls_as_itself_and_for_cloud_platform_alone() -> None:
    credentials = identified(made().key)
    assert credentials.service_account_email == made().key["client_email"]
    assert list(credentials.scopes) == [SCOPE]


def test_a_workload_asks_for_cloud_platform_alone() -> None:
    credentials = identified(content("external_account"))
    assert (credentials.info["audience"], list(credentials.scopes)) == (AUDIENCE, [SCOPE])


def test_a_file_and_its_content_make_the_same_credentials(tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    file.write_text(made().content)
    for source in (str(file), json.loads(made().content)):
        assert identified(source).signer_email == made().key["client_email"]


@pytest.mark.parametrize(
    ("settings", "given"),
    [
        (load({"GOOGLE_CREDENTIALS_JSON": written("authorized_user")}), content("authorized_user")),
        (Settings(reader="vision", google_application_credentials="/srv/key.json"), "/srv/key.json"),
        (Settings(reader="vision"), ""),
    ],
    ids=["content", "file", "platform"],
)
def test_the_reader_gets_what_the_settings_name(settings: Settings, given: Any) -> None:
    (engine,) = opening.engines(settings)
    assert isinstance(engine.reader, VisionReader)
    assert engine.reader._credentials == given
