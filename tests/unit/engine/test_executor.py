"""Given a plan of small steps: what the engine does, undoes, journals and says when something breaks."""

import errno
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core import events
from decodeat_ops.core.errors import DoneInPart, GateFailed, Interrupted, OpsError, StepFailed, UndoFailed
from decodeat_ops.core.layout import Layout
from decodeat_ops.core.plan import Action, Plan, Step
from decodeat_ops.core.secret import Secret
from decodeat_ops.deployment.ledger import StateLedger
from decodeat_ops.engine.executor import Context, Engine, OpsConflict
from decodeat_ops.engine.journal import read
from decodeat_ops.settings.schema import Loaded, Settings

NAMES = ("one", "two", "three", "after")


def plan(inputs: str = "as planned") -> Plan:
    steps = [
        Step(
            id=name,
            title=f"Step {name}",
            do=Action("mark", {"name": name}),
            undo=Action("unmark", {"name": name}),
            after_commit=name == "after",
        )
        for name in NAMES
    ]
    return Plan("deploy", "tested", "r1", tuple(steps), inputs=inputs)


class World:
    """Marks are what steps leave behind; `break_at` maps an action and a name to what goes wrong there."""

    def __init__(self, state: Path) -> None:
        self.marks: list[str] = []
        self.calls: list[str] = []
        self.break_at: dict[str, Callable[[], None]] = {}
        loaded = Loaded(settings=Settings(), env="production", files=(), directory=state, origins={})
        self.ledger = StateLedger(Layout(state), loaded)
        self.journals = self.ledger.layout.journals
        self.events: list[events.Event] = []
        self.context = self.fresh()
        self.engine = Engine({"mark": self._mark, "unmark": self._unmark}, self.ledger)

    def fresh(self) -> Context:
        return Context({"KEY": Secret("s3cret-value")}, self.events.append)

    def _mark(self, context: Context, params: Mapping[str, Any]) -> dict[str, Any]:
        name = params["name"]
        self.calls.append(name)
        if name not in self.marks:
            self.marks.append(name)
        self.break_at.get(name, lambda: None)()
        return {"name": name}

    def _unmark(self, context: Context, params: Mapping[str, Any]) -> None:
        self.calls.append(f"undo {params['name']}")
        self.break_at.get(f"undo {params['name']}", lambda: None)()
        if params["name"] in self.marks:
            self.marks.remove(params["name"])


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def fails(error: BaseException) -> Callable[[], None]:
    def go() -> None:
        raise error

    return go


def test_everything_is_done_in_order_and_the_journal_is_closed(world: World) -> None:
    results = world.engine.carry_out(plan(), world.context)
    assert world.marks == list(NAMES)
    assert results["two"] == {"name": "two"}
    assert not world.ledger.unfinished()
    (journal,) = world.journals.glob("*.jsonl")
    assert read(journal).ended == "done"
    assert journal.stat().st_size < 8192, "the space that was taken and not needed is given back"


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (StepFailed("the disk said no"), StepFailed, 5),
        (GateFailed("health: FAIL"), GateFailed, 4),
        (OSError(errno.ENOSPC, "No space left on device"), StepFailed, 5),
    ],
)
def test_a_step_that_fails_undoes_what_was_begun_newest_first(
    world: World, error: Exception, kind: type[OpsError], code: int
) -> None:
    world.break_at["three"] = fails(error)
    with pytest.raises(kind) as caught:
        world.engine.carry_out(plan(), world.context)
    assert caught.value.code == code
    assert world.marks == []
    assert world.calls == ["one", "two", "three", "undo three", "undo two", "undo one"]
    assert "undone (3 steps)" in caught.value.advice.state
    assert not world.ledger.unfinished()


def test_an_undo_that_leaves_what_another_deployed_does_not_say_that_the_old_one_serves(tmp_path: Path) -> None:
    world = World(tmp_path)
    left = {"warnings": ["r9 of somebody else serves."], "another_serves": True}
    engine = Engine({"mark": world._mark, "unmark": lambda context, params: left}, world.ledger)
    world.break_at["one"] = fails(StepFailed("replaced"))
    with pytest.raises(StepFailed) as caught:
        engine.carry_out(plan(), world.context)
    assert caught.value.advice.state == "Everything was undone (1 steps). r9 of somebody else serves."


@pytest.mark.parametrize(
    ("serves", "said"),
    [("r0", "What served before serves still."), ("", "Nothing serves, as before."), (None, "What served before")],
)
def test_a_step_that_fails_tells_what_serves_by_what_the_plan_says_to_programs(
    world: World, serves: str | None, said: str
) -> None:
    world.break_at["three"] = fails(StepFailed("no"))
    with pytest.raises(StepFailed) as caught:
        world.engine.carry_out(replace(plan(), serves_now=serves), world.context)
    assert said in caught.value.advice.state


def test_after_the_commit_nothing_is_undone_and_resume_finishes(world: World) -> None:
    world.break_at["after"] = fails(StepFailed("prune failed"))
    with pytest.raises(DoneInPart) as caught:
        world.engine.carry_out(plan(), world.context)
    assert caught.value.code == 10
    assert "resume" in caught.value.advice.hint
    assert "three" in world.marks
    world.break_at.clear()
    left_open = world.ledger.unfinished()
    assert left_open
    world.engine.resume(left_open, world.fresh(), "whatever: what is committed is finished")
    assert world.calls[-1] == "after"
    assert not world.ledger.unfinished()


def test_an_undo_that_fails_leaves_the_journal_open_and_resume_goes_on_undoing(world: World) -> None:
    world.break_at["three"] = fails(StepFailed("no"))
    world.break_at["undo two"] = fails(OSError(errno.EIO, "I/O error"))
    with pytest.raises(UndoFailed) as caught:
        world.engine.carry_out(plan(), world.context)
    assert caught.value.code == 6
    assert "two, one" in caught.value.advice.state
    world.break_at.clear()
    left_open = world.ledger.unfinished()
    assert left_open
    with pytest.raises(StepFailed, match="undo is complete"):
        world.engine.resume(left_open, world.fresh(), "as planned")
    assert world.marks == []
    assert not world.ledger.unfinished()


def test_resume_skips_what_is_done_and_repeats_what_was_only_begun(world: World) -> None:
    killed = KeyboardInterrupt()
    world.break_at["two"] = fails(killed)
    with pytest.raises(Interrupted):
        world.engine.carry_out(plan(), world.context)
    left_open = world.ledger.unfinished()
    assert left_open
    world.break_at.clear()
    world.calls.clear()
    world.engine.resume(left_open, world.fresh(), "as planned")
    assert world.calls == ["two", "three", "after"]
    assert world.marks == list(NAMES)


def test_the_undo_of_an_interrupted_change_knows_what_its_steps_did(world: World) -> None:
    world.break_at["two"] = fails(KeyboardInterrupt())
    with pytest.raises(Interrupted):
        world.engine.carry_out(plan(), world.context)
    context = world.fresh()
    world.engine.undo(world.ledger.unfinished(), context)
    assert context.results == {"one": {"name": "one"}}
    assert world.marks == []


def test_resume_refuses_when_what_the_plan_was_made_of_has_changed(world: World) -> None:
    world.break_at["two"] = fails(KeyboardInterrupt())
    with pytest.raises(Interrupted):
        world.engine.carry_out(plan(), world.context)
    left_open = world.ledger.unfinished()
    assert left_open
    with pytest.raises(OpsConflict) as caught:
        world.engine.resume(left_open, world.fresh(), "something else")
    assert caught.value.code == 7
    assert world.ledger.unfinished() == left_open
    world.break_at.clear()
    world.engine.undo(left_open, world.fresh())
    assert world.marks == []


def test_a_stop_wish_is_heard_between_steps(world: World) -> None:
    world.break_at["one"] = lambda: setattr(world.context, "interrupted", True)
    with pytest.raises(Interrupted) as caught:
        world.engine.carry_out(plan(), world.context)
    assert "resume" in caught.value.advice.hint
    assert world.marks == ["one"]


def test_secrets_are_masked_in_errors_events_and_journals(world: World) -> None:
    world.break_at["two"] = fails(StepFailed("login with s3cret-value failed", lines=("key=s3cret-value",)))
    with pytest.raises(StepFailed) as caught:
        world.engine.carry_out(plan(), world.context)
    seen = f"{caught.value} {caught.value.advice} {world.events} "
    seen += "".join(p.read_text() for p in world.journals.glob("*.jsonl"))
    assert "s3cret-value" not in seen
    assert "login with" in seen


def test_no_room_for_the_journal_means_nothing_begins(tmp_path: Path) -> None:
    world = World(tmp_path)
    limit = 4096
    if os.fork() == 0:  # a file-size limit cannot be lifted again, hence the child
        import resource
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        try:
            world.engine.carry_out(plan(), world.context)
        except StepFailed as error:
            os._exit(0 if not world.calls and "journal" in error.advice.what else 2)
        os._exit(1)
    _, status = os.wait()
    assert os.waitstatus_to_exitcode(status) == 0
    assert not world.ledger.unfinished()


def test_a_plan_reads_the_same_after_a_journal(world: World) -> None:
    made = plan()
    world.engine.carry_out(made, world.context)
    (journal,) = world.journals.glob("*.jsonl")
    assert read(journal).plan.fingerprint == made.fingerprint
    assert read(journal).plan.text() == made.text()


class TestWarnings:
    """What a step has to say to the operator without failing; it is part of its results, and so of the journal."""

    @pytest.fixture
    def outspoken(self, tmp_path: Path) -> World:
        world = World(tmp_path)

        def mark(context: Context, params: Mapping[str, Any]) -> dict[str, Any]:
            return {**world._mark(context, params), "warnings": [f"{params['name']} with s3cret-value"]}

        def unmark(context: Context, params: Mapping[str, Any]) -> dict[str, Any] | None:
            world._unmark(context, params)
            return {"warnings": ["Something of it is left."]} if params["name"] == "one" else None

        world.engine = Engine({"mark": mark, "unmark": unmark}, world.ledger)
        return world

    def test_are_collected_without_secrets(self, outspoken: World) -> None:
        outspoken.engine.carry_out(plan(), outspoken.context)
        assert outspoken.context.warnings == [f"{name} with ••••••" for name in NAMES]

    def test_outlive_an_interruption(self, outspoken: World) -> None:
        outspoken.break_at["two"] = fails(KeyboardInterrupt())
        with pytest.raises(Interrupted):
            outspoken.engine.carry_out(plan(), outspoken.context)
        outspoken.break_at.clear()
        left_open, again = outspoken.ledger.unfinished(), outspoken.fresh()
        assert left_open
        outspoken.engine.resume(left_open, again, "as planned")
        assert again.warnings == [f"{name} with ••••••" for name in NAMES]

    def test_of_an_undo_stand_beside_what_happened(self, outspoken: World) -> None:
        outspoken.break_at["two"] = fails(StepFailed("no"))
        with pytest.raises(StepFailed) as caught:
            outspoken.engine.carry_out(plan(), outspoken.context)
        assert caught.value.advice.state.endswith(
            "What served before serves still. one with •••••• Something of it is left."
        )


def test_what_an_undo_had_to_say_is_told_also_when_the_next_one_fails(world: World) -> None:
    """The journal keeps results of steps, not of their undoing: a later run can't tell it any more."""
    warned = {"warnings": ["Some of it stays."]}
    world.break_at["three"] = fails(StepFailed("broken"))
    broken = plan()
    first = replace(broken.steps[0], undo=Action("stuck", {}))

    def stuck(context: Context, params: Mapping[str, Any]) -> None:
        raise StepFailed("stuck")

    actions = {"mark": world._mark, "unmark": lambda context, params: warned, "stuck": stuck}
    with pytest.raises(UndoFailed) as caught:
        Engine(actions, world.ledger).carry_out(replace(broken, steps=(first, *broken.steps[1:])), world.context)
    assert "steps left: one. Some of it stays." in caught.value.advice.state
