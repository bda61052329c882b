"""Given a plan for machines, one that the settings don't name any more stops a step, and no undo."""

from pathlib import Path

import pytest

from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.remote import Answer, Remote
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.vm import keeping
from decodeat_ops.targets.vm.bootstrap import daemon, marks, network, packages, upgrades
from decodeat_ops.targets.vm.firewall import applying
from decodeat_ops.targets.vm.place import Act, Place
from tests.unit.targets.vm.told import Told, place_of

GONE = "b is not among vm.hosts any more: what this change has left there stays."
PARAMS = {"mark": "m1", "seconds": 60, "hosts": {"a": {}, "b": {}}}


class Quiet(Told):
    """A machine on which every script succeeds and says nothing."""

    def run(self, script: str, *, given: str = "", timeout: float = 60.0) -> Answer:
        self.scripts.append((script, given))
        return Answer(0, "", "")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = place_of(tmp_path, Quiet("a", ""))
    made.remembered[keeping.TOKEN] = "held"
    return made


def test_a_step_is_refused_before_anything_is_done(place: Place) -> None:
    def work(host: Remote) -> marks.Said:
        raise AssertionError(host.name)

    with pytest.raises(Configuration, match="b is not among"):
        marks.at_each(place, Context(), PARAMS, work)
    with pytest.raises(Configuration, match="b is not among"):
        applying.apply(place, Context(), PARAMS)


@pytest.mark.parametrize(
    "undo",
    [packages.remove, daemon.unconfigure, network.unmake, upgrades.unmake, applying.take_back],
    ids=["packages", "engine's file", "network", "upgrades", "firewall"],
)
def test_an_undo_does_without_it_and_says_so(place: Place, undo: Act) -> None:
    context = Context()
    undo(place, context, PARAMS)
    assert context.warnings == [GONE]
    assert len(place.hosts["a"].scripts) == 1  # type: ignore[attr-defined]
