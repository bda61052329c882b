"""An image's tag names what it is made of, and nothing else."""

import re
from dataclasses import replace

import pytest

from decodeat_ops.core.image import Recipe, Reference, RemoteImage

RECIPE = Recipe("c0de", "10c4", "d0c4", "python:3.11", "linux/amd64", "0.1.0", "0123456789ab")


@pytest.mark.parametrize(
    "changed",
    [{"code": "other"}, {"lock": "other"}, {"dockerfile": "other"}, {"base": "other"}, {"platform": "linux/arm64"}],
    ids=lambda changed: str(*changed),
)
def test_whatever_decides_on_the_content_decides_on_the_tag(changed: dict[str, str]) -> None:
    assert replace(RECIPE, **changed).tag != RECIPE.tag


def test_two_commits_of_the_same_files_are_one_image() -> None:
    assert RECIPE.tag == "0.1.0-f0de335bb134e5de070a419c"
    assert replace(RECIPE, revision="fedcba987654").tag == replace(RECIPE, revision="").tag == RECIPE.tag


def test_what_was_built_of_changed_files_never_stands_for_a_commit() -> None:
    dirty = replace(RECIPE, revision="0123456789ab-dirty")
    assert dirty.dirty and not RECIPE.dirty
    assert (dirty.tag, dirty.digest) == (f"{RECIPE.tag}-dirty", RECIPE.digest)


@pytest.mark.parametrize("version", ["1.0+local.7", "", ".5", "한국", "x" * 200, "unknown"])
def test_every_version_makes_a_tag_that_registries_take(version: str) -> None:
    tag = replace(RECIPE, version=version, revision="0123456789ab-dirty").tag
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", tag)


def test_labels_tell_what_it_is_made_of() -> None:
    assert RECIPE.labels == {
        "org.opencontainers.image.base.name": "python:3.11",
        "decodeat.code": "c0de",
        "decodeat.lock": "10c4",
    }
    assert replace(RECIPE, revision="").arguments == {
        "PYTHON_IMAGE": "python:3.11", "VERSION": "0.1.0", "REVISION": "unknown",
    }  # fmt: skip


def test_a_reference_knows_its_registry() -> None:
    named = Reference("127.0.0.1:5000/team/decodeat", "1")
    assert (named.registry, str(named)) == ("127.0.0.1:5000", "127.0.0.1:5000/team/decodeat:1")
    assert named.at("sha256:ab") == "127.0.0.1:5000/team/decodeat@sha256:ab"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("127.0.0.1:5000/team/decodeat:1.2", Reference("127.0.0.1:5000/team/decodeat", "1.2")),
        ("127.0.0.1:5000/decodeat@sha256:ab", Reference("127.0.0.1:5000/decodeat", "", "sha256:ab")),
        ("r.example.com/decodeat:1@sha256:ab", Reference("r.example.com/decodeat", "1", "sha256:ab")),
        ("", Reference("", "")),
    ],
)
def test_a_reference_is_read_as_it_is_written(text: str, found: Reference) -> None:
    assert Reference.parse(text) == found
    assert not text or str(found) == text.replace(":1@", "@"), "the digest names the content, the tag does not count"


@pytest.mark.parametrize(
    ("platform", "found", "runs"),
    [
        ("linux/amd64", ("linux/amd64", "linux/arm64/v8"), True),
        ("linux/arm64", ("linux/arm64/v8",), True),
        ("linux/arm64/v8", ("linux/arm64",), True),
        ("linux/amd64", ("linux/arm64",), False),
        ("linux/arm", ("linux/arm64",), False),
        ("linux/amd64", (), True),
    ],
)
def test_what_an_image_runs_on(platform: str, found: tuple[str, ...], runs: bool) -> None:
    assert RemoteImage("sha256:ab", frozenset(found)).runs_on(platform) is runs
