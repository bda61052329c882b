"""Names of several tables are joined, and never take each other's place."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from decodeat_ops.core.names import joined
from decodeat_ops.engine.executor import Context, Do, Results
from tests.contract.memory import MemoryTarget
from tests.contract.world import MemoryWorld


def nothing(context: Context, params: Mapping[str, object]) -> Results | None:
    return None


class NamesTheGate(MemoryTarget):
    """A target that calls an action of its own as the engine's gate is called."""

    @property
    def actions(self) -> Mapping[str, Do]:
        return {**super().actions, "gate": nothing}


def test_tables_without_a_common_name_become_one() -> None:
    assert joined({"a": 1}, {}, {"b": 2, "c": 3}) == {"a": 1, "b": 2, "c": 3}
    assert joined() == {}


def test_names_that_are_there_twice_are_refused_and_told() -> None:
    with pytest.raises(ValueError, match=r"^a, c is defined twice$"):
        joined({"a": 1, "b": 2, "c": 3}, {"d": 4}, {"c": 3, "a": 9})


def test_no_action_takes_the_place_of_the_gate(tmp_path: Path) -> None:
    world = MemoryWorld(tmp_path)
    desk = world.desk()
    assert {"gate", "publish"} <= desk.actions.keys()
    with pytest.raises(ValueError, match="gate is defined twice"):
        _ = replace(desk, target=NamesTheGate(world.platform, world.source)).actions
    with pytest.raises(ValueError, match="publish is defined twice"):
        _ = replace(desk, shared={"publish": nothing}).actions
