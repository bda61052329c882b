"""Verbs that only some targets have: a target that has them is asked, and what it answers is carried out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.application import executing
from decodeat_ops.application.scaling import scale
from decodeat_ops.application.verbs import deploy
from decodeat_ops.application.workflow import Change
from decodeat_ops.core.abilities import Attached, Scaling
from decodeat_ops.core.errors import Usage
from decodeat_ops.core.plan import Action, Step
from decodeat_ops.core.secret import Secret
from decodeat_ops.core.target import Observed
from decodeat_ops.engine.executor import Do
from tests.contract.memory import MemoryTarget, MemoryView, Platform
from tests.contract.world import MemoryWorld


@dataclass(frozen=True)
class ScalingTarget(MemoryTarget):
    """A target whose platform counts instances."""

    counts: dict[str, int] = field(default_factory=lambda: {"now": 1})

    @property
    def actions(self) -> Mapping[str, Do]:
        return {**super().actions, "count": lambda context, params: self.counts.update(now=params["count"])}

    def scale(self, observed: Observed[Any], count: int) -> Scaling:
        if self.counts["now"] == count:
            return Scaling()
        back = Action("count", {"count": self.counts["now"]})
        return Scaling((Step("scale", "Scale", Action("count", {"count": count}), back),), (("runs now", "1"),))


@pytest.fixture
def world(tmp_path: Path) -> MemoryWorld:
    return MemoryWorld(tmp_path)


def test_scale_is_a_change_and_then_none(world: MemoryWorld) -> None:
    deploy(world.desk(), Change())
    target = ScalingTarget(world.platform, world.source)
    desk = replace(world.desk(), target=target)
    assert scale(desk, Change(dry_run=True), 3).data["dry_run"] is True
    assert target.counts == {"now": 1}
    done = scale(desk, Change(), 3)
    assert (done.changed, done.summary) == (1, f"3 tasks of release {world.platform.traffic} run.")
    assert target.counts == {"now": 3}
    again = scale(desk, Change(), 3)
    assert (again.changed, again.summary[:9]) == (0, "0 changed")


def test_scale_is_refused_where_nothing_can_be_scaled(world: MemoryWorld) -> None:
    with pytest.raises(Usage, match="no number of instances"):
        scale(world.desk(), Change(), 3)


@dataclass(frozen=True)
class EnteredView(MemoryView):
    """A view into which one can go."""

    entered: list[tuple[tuple[str, ...], str]] = field(default_factory=list)

    def enter(self, words: Sequence[str], instance: str) -> Attached:
        self.entered.append((tuple(words), instance))
        return Attached(("plugin", "x"), {"TOKEN": Secret("token-value")}, "task 1a2b")


@dataclass
class Screen:
    """A terminal that keeps what it was given."""

    given: list[tuple[tuple[str, ...], dict[str, str]]] = field(default_factory=list)

    def attach(self, argv: Sequence[str], variables: Any) -> int:
        self.given.append((tuple(argv), dict(variables)))
        return 3


def test_exec_attaches_what_the_view_says(world: MemoryWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    view, screen, said = EnteredView(Platform()), Screen(), list[str]()
    monkeypatch.setattr(executing, "open_view", lambda loaded: view)
    monkeypatch.setattr(executing, "this_terminal", lambda: screen)
    loaded = world.desk().loaded
    assert executing.enter(loaded, ("ls", "-l"), "1a", said.append) == 3
    assert executing.enter(loaded, (), "", said.append) == 3
    assert view.entered == [(("ls", "-l"), "1a"), (("/bin/sh",), "")]
    assert screen.given[0] == (("plugin", "x"), {"TOKEN": "token-value"})
    assert said == ["task 1a2b", "task 1a2b"]


def test_exec_is_refused_where_there_is_nothing_to_enter(world: MemoryWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executing, "open_view", lambda loaded: MemoryView(Platform()))
    with pytest.raises(Usage, match="nothing to enter"):
        executing.enter(world.desk().loaded, (), "", print)
