"""Given a target that is not the operator's machine, when something changes there, the plan says where and as whom."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.application import verbs
from decodeat_ops.application.desk import Desk
from decodeat_ops.application.workflow import Change
from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.release import Release
from decodeat_ops.core.target import Facts, Observed, Origin
from tests.contract.memory import MemoryTarget
from tests.contract.world import MemoryWorld

WHERE: Facts = (("account", "111122223333"), ("caller", "user/ann"))


@dataclass(frozen=True)
class FarTarget(MemoryTarget):
    """A target in somebody's account, where parts of a release may be gone."""

    asked: list[tuple[str, str]] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    todays: str = "secrets, data and network"

    def told(self) -> Facts:
        return WHERE

    def startable(self, release: Release, origin: Origin, observed: Observed[Any]) -> Facts:
        self.asked.append((release.id, origin.how))
        if self.gone:
            raise Configuration(f"{len(self.gone)} problems keep release {release.id} from getting into service.")
        return WHERE


@pytest.fixture
def world(tmp_path: Path) -> MemoryWorld:
    return MemoryWorld(tmp_path)


def far(world: MemoryWorld) -> tuple[Desk, FarTarget]:
    target = FarTarget(world.platform, world.source)
    return replace(world.desk(), target=target), target


def facts(verb: Any, desk: Desk) -> list[tuple[str, str]]:
    plan = verb(desk, Change(dry_run=True)).data["plan"]
    return [(name, value) for name, value in plan["facts"]]


@pytest.mark.parametrize("verb", [verbs.stop, verbs.restart, verbs.remove])
def test_a_plan_says_where_it_changes_something(world: MemoryWorld, verb: Any) -> None:
    verbs.deploy(world.desk(), Change())
    desk, _ = far(world)
    here, there = facts(verb, world.desk()), facts(verb, desk)
    assert there == [*here, *WHERE], "and one on the operator's own machine says nothing of it"


def test_a_start_says_it_too(world: MemoryWorld) -> None:
    verbs.deploy(world.desk(), Change())
    verbs.stop(world.desk(), Change())
    desk, _ = far(world)
    assert facts(verbs.start, desk) == [*facts(verbs.start, world.desk()), *WHERE]


def test_what_is_started_again_is_looked_at_first(world: MemoryWorld) -> None:
    verbs.deploy(world.desk(), Change())
    desk, target = far(world)
    release = world.serving()[0]
    assert verbs.start(desk, Change()).summary == "0 changed: it serves already." and target.asked == []
    verbs.restart(desk, Change())
    assert set(target.asked) == {(release, "copied")}
    copy = world.serving()[0]
    assert copy != release
    verbs.stop(desk, Change())
    target.asked.clear()
    target.gone.append("its image")
    before = world.writes()
    for verb, how in ((verbs.start, "kept"), (verbs.restart, "copied")):
        with pytest.raises(Configuration, match="1 problems keep"):
            verb(desk, Change())
        assert target.asked.pop() == (copy, how)
    assert world.writes() == before
    target.gone.clear()
    assert verbs.start(desk, Change()).changed == 1 and world.serving()[0] == copy


def test_a_rollback_says_what_is_todays_there(world: MemoryWorld) -> None:
    verbs.deploy(world.desk(), Change())
    world.change_code()
    verbs.deploy(world.desk(), Change())
    desk, _ = far(world)
    assert verbs.rollback(desk, Change()).summary.endswith(
        "serves again, with its own code and settings and today's secrets, data and network."
    )
    world.change_code()
    verbs.deploy(world.desk(), Change())
    assert verbs.rollback(world.desk(), Change()).summary.endswith(
        "serves again, with its own code and settings and today's secrets and data."
    )
