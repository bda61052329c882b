"""What every command does before its own work begins is done once."""

import sys
from collections import Counter
from pathlib import Path
from types import FrameType, FunctionType
from typing import Any

import pytest

from decodeat_ops.application.targets import open_desk
from decodeat_ops.deployment import identity
from decodeat_ops.settings import trust
from decodeat_ops.settings.load import load


@pytest.mark.parametrize("archives", ["", '[backup]\ndirectory = "elsewhere"\n'])
def test_each_place_is_looked_at_once(tmp_path: Path, archives: str) -> None:
    (tmp_path / "decodeat-ops.toml").write_text(f'name = "tested"\n[local]\nstate_dir = "state"\n{archives}')
    loaded = load(tmp_path / "decodeat-ops.toml", None, {})
    counted: Counter[Any] = Counter()

    def count(frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            counted[frame.f_code] += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        open_desk(loaded, secrets={})
    finally:
        sys.setprofile(before)

    def times(function: Any) -> int:
        assert isinstance(function, FunctionType)
        return counted[function.__code__]

    assert times(identity.check) == 1
    assert times(trust.check) == 3, "the state, the Python environments, the archives"
