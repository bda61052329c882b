"""Test that config show, doctor and a dry run already check the service's variables."""

from pathlib import Path

import pytest

from tests.unit.cli.program import run

KEY = "a-key-that-must-not-show"


def written(home: Path, *lines: str) -> Path:
    with (home / "decodeat-ops.toml").open("a") as stream:
        stream.write("[service.environment]\n" + "".join(f"{line}\n" for line in lines))
    return home


WORDS: tuple[tuple[str, ...], ...] = (("config", "show"), ("deploy", "--dry-run"), ("doctor",))


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_a_misspelt_variable_is_told_with_what_was_meant(home: Path, words: tuple[str, ...]) -> None:
    ran = run(written(home, 'LOG_LEVLE = "INFO"'), *words, "--json")
    assert ran.status in (3, 4), str(ran)
    assert "LOG_LEVLE" in ran.stdout and "is not a variable of this service" in ran.stdout
    assert "Did you mean LOG_LEVEL?" in ran.stdout


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
@pytest.mark.parametrize(
    "line",
    [
        f'API_KEYS = "{KEY}"',
        f'REDIS_URL = "redis://:{KEY}@127.0.0.1/0"',
        f'GOOGLE_CREDENTIALS_JSON = \'{{"type": "service_account", "private_key": "{KEY}"}}\'',
    ],
)
def test_a_secret_in_plain_text_is_refused_and_not_shown(home: Path, words: tuple[str, ...], line: str) -> None:
    ran = run(written(home, line), *words, "--json")
    assert ran.status in (3, 4), str(ran)
    assert "is a secret and stands under service.environment" in ran.stdout
    assert KEY not in ran.stdout + ran.stderr
    people = run(home, *words)
    assert KEY not in people.stdout + people.stderr


def test_what_opens_nothing_may_stand_in_the_settings(home: Path) -> None:
    digest = "sha256:" + "ab" * 32
    ran = run(written(home, f'API_KEYS = "{digest}"', 'REDIS_URL = "redis://127.0.0.1/0"'), "config", "show", "--json")
    assert ran.status == 0, str(ran)
    assert ran.json["data"]["settings"]["service"]["environment"]["API_KEYS"] == digest


def test_right_variables_are_shown_as_ever(home: Path) -> None:
    ran = run(written(home, 'LOG_LEVEL = "INFO"'), "config", "show", "--json")
    assert (ran.status, ran.json["warnings"], ran.json["data"]["problems"]) == (0, [], [])
