"""A target with firewalls is asked for a plan and for what there is; others refuse."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.application import firewall
from decodeat_ops.application.workflow import Change
from decodeat_ops.core.errors import Usage
from decodeat_ops.core.firewall import Wall
from decodeat_ops.core.plan import Action, Plan, Step
from decodeat_ops.core.target import Observed
from decodeat_ops.engine.executor import Do
from tests.contract.memory import MemoryTarget
from tests.contract.world import MemoryWorld


@dataclass(frozen=True)
class FencedTarget(MemoryTarget):
    """A target with one machine, whose firewall is closed by a step."""

    closed: dict[str, int] = field(default_factory=dict)

    @property
    def actions(self) -> Mapping[str, Do]:
        return {**super().actions, "close": lambda context, params: self.closed.update(within=params["seconds"])}

    def firewall(self, observed: Observed[Any], mark: str, seconds: int) -> Plan | None:
        step = Step("firewall", "Close it", Action("close", {"seconds": seconds}))
        return None if self.closed else Plan("firewall", "demo", "one", (step,))

    def walls(self) -> tuple[Wall, ...]:
        return (Wall("one", bool(self.closed), ("22 ALLOW",), () if self.closed else ("ufw is not active",)),)


@pytest.fixture
def world(tmp_path: Path) -> MemoryWorld:
    return MemoryWorld(tmp_path)


def test_a_firewall_is_changed_once(world: MemoryWorld) -> None:
    target = FencedTarget(world.platform, world.source)
    desk = replace(world.desk(), target=target)
    assert firewall.apply(desk, Change(dry_run=True), 60).data["dry_run"] is True
    differs = firewall.status(desk)
    assert (differs.exit_code, differs.data["hosts"]["one"]["differs"]) == (4, ["ufw is not active"])
    done = firewall.apply(desk, Change(), 90)
    assert (done.changed, target.closed) == (1, {"within": 90})
    assert done.summary == "The firewall of one is changed, and confirmed over a new connection."
    assert firewall.apply(desk, Change(), 90).changed == 0
    assert firewall.status(desk).exit_code == 0


def test_others_have_no_firewall(world: MemoryWorld) -> None:
    with pytest.raises(Usage, match="no firewall to change"):
        firewall.apply(world.desk(), Change(), 60)
    with pytest.raises(Usage, match="no firewall to change"):
        firewall.status(world.desk())
