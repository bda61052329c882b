"""Test that the tests named in the threat model exist."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
NAMED = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (REPOSITORY / "docs" / "security.md").read_text())


def test_it_names_tests() -> None:
    assert len(NAMED) > 40


@pytest.mark.parametrize(("file", "test"), NAMED, ids=lambda part: part or "whole")
def test_what_is_named_exists(file: str, test: str) -> None:
    path = REPOSITORY / file
    assert path.is_file()
    assert not test or f"def {test}(" in path.read_text()
