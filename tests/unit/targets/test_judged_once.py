"""Test that a deploy asks the service's code once about its variables, and again about other code or values."""

from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.target import Target
from tests.unit.checks.stage import Stage


@pytest.fixture
def told(stage: Stage, tmp_path: Path) -> Path:
    """Return the file that the service's check writes whenever it runs."""
    stage.settings = {"service": {"environment": {"SEEN": str(tmp_path / "seen")}}}
    return tmp_path / "seen"


def asked(target: Target[Any, Any], told: Path) -> bool:
    """Verify what a deploy would make, as its plan does, and tell whether the service's code was asked."""
    told.unlink(missing_ok=True)
    candidate = target.candidate()
    target.verify(candidate.release, candidate.origin, target.observe())
    return told.exists()


def test_the_same_code_and_values_are_judged_once(stage: Stage, told: Path) -> None:
    target = stage.desk.target
    assert [asked(target, told) for _ in range(2)] == [True, False]
    stage.package("source", "a = 2\n")
    assert [asked(target, told) for _ in range(2)] == [True, False]


def test_a_faulty_value_stays_faulty(stage: Stage, told: Path) -> None:
    stage.settings["service"]["environment"]["LIMIT"] = "many"
    target = stage.desk.target
    for _ in range(2):
        with pytest.raises(Configuration, match="LIMIT must be a whole number"):
            asked(target, told)
