"""Given a deploy that is complete, when what serves can't be looked at once more, then it is a success all the same."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from decodeat_ops.application import verbs
from decodeat_ops.application.workflow import Change
from decodeat_ops.core import events
from decodeat_ops.core.errors import Lost
from decodeat_ops.core.release import Release
from decodeat_ops.core.target import Observed
from tests.contract.memory import MemoryTarget
from tests.contract.world import MemoryWorld


@dataclass(frozen=True)
class Blind(MemoryTarget):
    """A target that can't be looked at any more from some moment on."""

    since: list[str] = field(default_factory=list)

    def observe(self) -> Observed[Release]:
        if self.since:
            raise Lost("The credentials have expired.", state="Nothing was changed.")
        return super().observe()


def test_the_change_stands_with_a_warning(tmp_path: Path) -> None:
    world = MemoryWorld(tmp_path / "world")
    desk = world.desk()
    target = Blind(world.platform, world.source)
    last = verbs.deploy(desk, Change(dry_run=True)).data["plan"]["steps"][-1]["id"]

    def expire(event: events.Event) -> None:
        if isinstance(event, events.StepFinished) and event.step.id == last:
            target.since.append(last)

    done = verbs.deploy(replace(desk, target=target), Change(emit=expire))
    assert target.since and (done.exit_code, done.changed) == (0, 1)
    assert done.data["release"] == world.serving()[0]
    assert done.warnings == ("What serves could not be looked at once more: The credentials have expired.",)
    assert "serves." in done.summary and desk.ledger.unfinished() == ""
