"""GOOGLE_CREDENTIALS_JSON: what google.auth can use is taken, all else is refused at start, and nothing of it shown."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.auth import _default
from google.auth.exceptions import GoogleAuthError

from decodeat.__main__ import check, table
from decodeat.credentials import FIELDS, SOURCES
from decodeat.engines.vision import identified
from decodeat.settings import SettingsError, inspect, load
from tests.unit.decodeat.google_credentials import content, made, written
from tests.unit.decodeat.web import variables_of_a_child

NAME, FILE = "GOOGLE_CREDENTIALS_JSON", "GOOGLE_APPLICATION_CREDENTIALS"
MARK, OTHER = "m4rk-of-the-tests", "0ther-thing-here!"
NEEDED = [(kind, name) for kind, names in FIELDS.items() for name in names]
# What google.auth itself would only miss at the first call.
LATER = {("external_account", name) for name in ("audience", "subject_token_type", "token_url")}


def said(value: str, **more: str) -> str:
    """Return all that --check-env and a refused start say of a value."""
    environment = {NAME: value, **more}
    report = check(environment)
    refused = str(SettingsError(inspect(environment)[1]))
    return "\n".join((json.dumps(report), table(report), refused))


def test_every_type_of_google_s_is_known_that_can_be_used() -> None:
    assert set(FIELDS) == set(_default._VALID_TYPES) - {"gdch_service_account"}
    assert set(SOURCES) < set(FIELDS)


@pytest.mark.parametrize("kind", FIELDS)
@pytest.mark.parametrize("indent", [None, 2])
def test_what_is_whole_is_taken_and_chooses_the_reader(kind: str, indent: int | None) -> None:
    value = json.dumps(content(kind), indent=indent) + "\n"
    found = load({NAME: value})
    assert json.loads(found.google_credentials_json) == content(kind)
    assert (found.reader, found.google_application_credentials) == ("vision", "")
    assert load({NAME: value, "READER": "embedded"}).reader == "embedded"


@pytest.mark.parametrize(("kind", "name"), NEEDED)
@pytest.mark.parametrize("value", [None, "", 5, []])
def test_a_field_that_is_missing_or_of_another_kind_is_named(kind: str, name: str, value: Any) -> None:
    (problem,) = inspect({NAME: written(kind, **{name: value})})[1]
    assert (problem.name, problem.problem.rpartition(": ")[2]) == (NAME, name)


@pytest.mark.parametrize(("kind", "name"), [one for one in NEEDED if one not in LATER])
def test_google_can_do_without_none_of_them(kind: str, name: str) -> None:
    with pytest.raises(GoogleAuthError):
        identified(json.loads(written(kind, **{name: None})))


def test_all_fields_that_are_missing_are_named_at_once() -> None:
    (problem,) = inspect({NAME: '{"type": "service_account"}'})[1]
    assert problem.problem.endswith("client_email, private_key, token_uri")


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ({"type": "authorized_user", "client_id": "id"}, "source_credentials.client_secret"),
        ({"type": "service_account"}, "source_credentials.private_key"),
        ({"type": "external_account"}, "source_credentials"),
        ({"type": "impersonated_service_account"}, "source_credentials"),
        ({"type": ["authorized_user"]}, "source_credentials"),
        ({}, "source_credentials"),
    ],
)
def test_credentials_inside_of_credentials_are_looked_at(source: dict[str, Any], named: str) -> None:
    (problem,) = inspect({NAME: written("impersonated_service_account", source_credentials=source)})[1]
    assert named in problem.problem.rpartition(": ")[2].split(", ")


BROKEN_KEYS: dict[str, Callable[[str], str]] = {
    "with breaks that were escaped twice": lambda pem: pem.replace("\n", "\\n"),
    "cut off": lambda pem: pem[:900],
    "without its end": lambda pem: pem[: pem.index("-----END")],
    "with a sign too many": lambda pem: pem.replace("\n", "\n!", 1),
    "of nothing": lambda pem: "-----BEGIN PRIVATE KEY-----\n\n-----END PRIVATE KEY-----\n",
    "that is a public one": lambda pem: pem.replace("PRIVATE", "PUBLIC"),
    "that is a certificate": lambda pem: pem.replace("PRIVATE KEY", "CERTIFICATE"),
    "under a password": lambda pem: pem.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"),
    "with two ends": lambda pem: pem.replace("BEGIN", "END"),
}


@pytest.mark.parametrize("damage", BROKEN_KEYS)
def test_a_key_that_was_damaged_on_the_way_is_found_at_start(damage: str) -> None:
    value = written("service_account", private_key=BROKEN_KEYS[damage](made().key["private_key"]))
    (problem,) = inspect({NAME: value})[1]
    assert problem.problem.endswith(": private_key")
    with pytest.raises(GoogleAuthError):
        identified(json.loads(value))


@pytest.mark.parametrize("instead", ["", " ", "\r\n"])
def test_a_key_whose_line_breaks_were_changed_is_a_key_for_google_too(instead: str) -> None:
    value = written("service_account", private_key=made().key["private_key"].replace("\n", instead))
    assert load({NAME: value}).reader == "vision"
    assert identified(json.loads(value)).signer_email == made().key["client_email"]


DAMAGED = {
    "a path": "/run/secrets/{}.json",
    "a reference": "${{{}}}",
    "JSON that is cut off": '{{"type": "service_account", "private_key": "{}',
    "another quote": "{{'type': '{}'}}",
    "JSON without end": "[" * 100_000 + "{}",
    "a text": '"{}"',
    "a list": '["{}"]',
    "no type": '{{"private_key": "{}"}}',
    "an unknown type": '{{"type": "{}"}}',
    "a type of another kind": '{{"type": {{"{}": 1}}}}',
    "a type that is not used here": '{{"type": "gdch_service_account", "private_key": "{}"}}',
    "a service account in part": '{{"type": "service_account", "client_email": "{}"}}',
    "a damaged key": '{{"type": "service_account", "client_email": "a", "token_uri": "b", "private_key": "{}"}}',
    "fields of nobody": '{{"type": "authorized_user", "{}": "x"}}',
    "a damaged source": '{{"type": "impersonated_service_account", "source_credentials": {{"type": "{}"}}}}',
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_damage_is_said_in_words_that_do_not_depend_on_the_value(damage: str) -> None:
    """Where two values with the same damage are told in the same words, no sign of either is among them."""
    told = said(DAMAGED[damage].format(MARK))
    assert f"{NAME} " in told and MARK not in told
    assert told == said(DAMAGED[damage].format(OTHER))


def test_both_at_once_are_refused_in_a_sentence_that_names_both(tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    file.write_text(made().content)
    with pytest.raises(SettingsError, match=f"{NAME} is set, and so is {FILE}") as caught:
        load({NAME: made().content, FILE: str(file)})
    assert len(caught.value.problems) == 1
    damaged = inspect({NAME: "damaged", FILE: "/nowhere/key.json"})[1]
    assert [one.name for one in damaged] == [FILE, NAME, NAME], "and what is wrong with each of them"


def test_it_does_not_show_in_the_settings_nor_in_a_report() -> None:
    shown = repr(load({NAME: made().content})) + said(made().content) + said(made().content, PORT="none")
    assert not [secret for secret in (*made().secrets, made().key["client_email"]) if secret in shown]
    listed = {one["name"]: one for one in check({NAME: made().content})["variables"]}  # type: ignore[attr-defined]
    assert listed[NAME] == {"name": NAME, "secret": True, "set": True, "default": ""}


def test_a_start_with_damaged_credentials_ends_with_3_and_shows_nothing() -> None:
    child = variables_of_a_child(**{NAME: written("service_account", private_key=f"{MARK}\n{OTHER}\n")})
    argv = (sys.executable, "-m", "decodeat")
    done = subprocess.run(argv, env=child, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "private_key" in done.stderr) == (3, True)
    assert MARK not in done.stdout + done.stderr and OTHER not in done.stdout + done.stderr
