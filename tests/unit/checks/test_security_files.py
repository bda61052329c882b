"""Test that security.files finds every directory above our files in which another user could replace them."""

from pathlib import Path

import pytest

from decodeat_ops.checks.registry import checks_of
from decodeat_ops.core.check import Status
from tests.unit.checks.stage import Stage


@pytest.mark.parametrize("above", [".", "deep", "deep/down"])
def test_a_directory_above_the_state_that_others_may_write_fails(tmp_path: Path, above: str) -> None:
    home = tmp_path / "deep" / "down"
    home.mkdir(parents=True)
    stage = Stage(home)
    for name in ("environments", "backups"):
        (home / name).mkdir(mode=0o700)
    subject = stage.subject()
    check = checks_of(subject.view)["security.files"]
    assert check.probe(subject).status is Status.PASS
    (tmp_path / above).chmod(0o777)
    found = check.probe(subject)
    assert found.status is Status.FAIL
    assert any(str(tmp_path / above) in text and "0777" in text for text in found.evidence["files"])
