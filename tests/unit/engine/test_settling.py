"""Test what the next change may do about an interrupted one, and what it asks first."""

import errno
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.application import workflow
from decodeat_ops.application.targets import open_desk
from decodeat_ops.application.workflow import Change
from decodeat_ops.core.errors import DoneInPart, Interrupted, Locked, StepFailed, UndoFailed, Usage
from decodeat_ops.core.outcome import Outcome
from decodeat_ops.core.plan import Action, Plan, Step
from decodeat_ops.engine.executor import Context, Do, Results
from decodeat_ops.engine.journal import read, unfinished
from decodeat_ops.operations import elsewhere
from decodeat_ops.settings.load import load
from tests.support.acting import acting, machine_of


def plan(subject: str, *names: str) -> Plan:
    """Make a plan in which steps whose names begin with "after" come after the point of no return."""
    steps = (
        Step(
            name, f"Step {name}", Action("mark", {"name": name}), undo=Action("unmark", {"name": name}),
            after_commit=name.startswith("after"),
        )
        for name in names
    )  # fmt: skip
    return Plan("deploy", "tested-production", subject, tuple(steps))


@dataclass
class World:
    """Run changes through the real workflow; `trouble` breaks a step by name, `asked` lists the plans to approve."""

    home: Path
    marks: list[str] = field(default_factory=list)
    trouble: dict[str, BaseException] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.home / "decodeat-ops.toml").write_text('name = "tested"\n[local]\nstate_dir = "state"\n')
        self.desk = open_desk(load(self.home / "decodeat-ops.toml", None, {}), secrets={})
        self.actions: Mapping[str, Do] = {
            "mark": self._mark,
            "unmark": lambda context, params: self.marks.remove(params["name"]),
        }

    def _mark(self, context: Context, params: Mapping[str, Any]) -> Results | None:
        if params["name"] not in self.marks:
            self.marks.append(params["name"])
        if params["name"] in self.trouble:
            raise self.trouble[params["name"]]
        return None

    def _how(self, answers: tuple[bool, ...], dry_run: bool) -> Change:
        left = list(answers)

        def approve(plan: Plan) -> bool:
            self.asked.append(f"{plan.verb} {plan.subject}: {', '.join(step.title for step in plan.steps)}")
            return left.pop(0)

        return Change(approve=approve, dry_run=dry_run)

    def change(self, wanted: Plan, *answers: bool, verb: str = "deploy") -> Outcome:
        how = self._how(answers, False)
        return workflow.carry_out(
            acting(self.desk, self.actions),
            verb,
            lambda observed: wanted,
            how,
            lambda p, r: Outcome(verb, "Done.", changed=1),
        )

    def resume(self, *answers: bool, undo: bool = False, dry_run: bool = False) -> Outcome:
        how = self._how(answers, dry_run)
        desk = acting(self.desk, self.actions)
        return workflow.resume(desk, how, lambda p, r: Outcome("resume", "Done.", changed=1), undo=undo)

    @property
    def journals(self) -> Path:
        return machine_of(self.desk).layout.journals

    @property
    def left_open(self) -> Path | None:
        return unfinished(self.journals)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def interrupted(world: World) -> World:
    """Leave a deploy that was killed in its second step."""
    world.trouble = {"two": KeyboardInterrupt()}
    with pytest.raises(Interrupted):
        world.change(plan("r1", "one", "two"), True)
    world.trouble.clear()
    world.asked.clear()
    return world


def test_declining_leaves_what_was_interrupted_as_it_was(interrupted: World) -> None:
    with pytest.raises(Interrupted) as caught:
        interrupted.change(plan("r2", "three"), False)
    assert interrupted.asked == ["undo deploy of r1: Undo: Step two, Undo: Step one"]
    assert "Nothing was changed" in caught.value.advice.state
    assert interrupted.marks == ["one", "two"]
    assert interrupted.left_open is not None


def test_undoing_first_and_the_change_itself_are_approved_one_by_one(interrupted: World) -> None:
    with pytest.raises(Interrupted) as caught:
        interrupted.change(plan("r2", "three"), True, False)
    assert interrupted.asked[1:] == ["deploy r2: Step three"]
    assert caught.value.advice.state == workflow.SETTLED
    assert interrupted.marks == []
    interrupted.change(plan("r2", "three"), True)
    assert interrupted.marks == ["three"]


def test_resume_undo_just_takes_it_back(interrupted: World) -> None:
    shown = interrupted.resume(undo=True, dry_run=True)
    assert [step["title"] for step in shown.data["plan"]["steps"]] == ["Undo: Step two", "Undo: Step one"]
    with pytest.raises(Interrupted):
        interrupted.resume(False, undo=True)
    assert interrupted.marks == ["one", "two"]
    outcome = interrupted.resume(True, undo=True)
    assert outcome.summary == "The interrupted deploy of r1 is undone."
    assert interrupted.marks == []
    assert interrupted.left_open is None
    assert interrupted.resume(undo=True).changed == 0


def test_a_plan_that_takes_back_names_where_it_changes_something(
    interrupted: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = ("account", "111122223333 as ann")
    monkeypatch.setattr(elsewhere, "told", lambda target: (where,))
    shown = interrupted.resume(undo=True, dry_run=True)
    assert tuple(shown.data["plan"]["facts"][-1]) == where
    plans: list[Plan] = []

    def approve(wanted: Plan) -> bool:
        plans.append(wanted)
        return False

    desk = acting(interrupted.desk, interrupted.actions)
    with pytest.raises(Interrupted):
        workflow.carry_out(
            desk, "deploy", lambda o: plan("r2"), Change(approve=approve), lambda p, r: Outcome("deploy", "")
        )
    assert plans[0].verb == "undo" and plans[0].facts[-1] == where


def test_start_undoes_what_a_reboot_interrupted(interrupted: World) -> None:
    """It is what a machine runs when it comes up, and nobody is there to settle anything."""
    interrupted.change(plan("r0", "three"), True, True, verb="start")
    assert interrupted.asked[0] == "undo deploy of r1: Undo: Step two, Undo: Step one"
    assert interrupted.marks == ["three"]
    assert interrupted.left_open is None


def test_other_verbs_wait_until_it_is_settled(interrupted: World) -> None:
    with pytest.raises(Locked):
        interrupted.change(plan("backup", "three"), True, verb="backup")
    assert interrupted.asked == []


@pytest.fixture
def half_clean(world: World) -> World:
    """Leave a completed deploy whose first of two clean-ups failed."""
    world.trouble = {"after-one": OSError(errno.ELOOP, "Too many levels of symbolic links", "/dev/shm/planted")}
    with pytest.raises(DoneInPart) as caught:
        world.change(plan("r1", "one", "after-one", "after-two"), True)
    assert caught.value.code == 10
    assert caught.value.advice.what == "Step after-one: Too many levels of symbolic links (/dev/shm/planted)."
    assert "deploy r1 is complete" in caught.value.advice.state
    world.asked.clear()
    return world


def test_a_clean_up_that_fails_keeps_the_others_from_nothing(half_clean: World) -> None:
    assert half_clean.marks == ["one", "after-one", "after-two"]


@pytest.mark.parametrize("verb", ["deploy", "rollback", "backup", "restore", "restart", "stop", "remove"])
def test_a_clean_up_that_fails_again_blocks_no_later_change(half_clean: World, verb: str) -> None:
    outcome = half_clean.change(plan("r2", "three"), True, True, verb=verb)
    assert half_clean.asked[0] == "finish deploy of r1: Step after-one"
    assert "three" in half_clean.marks
    assert ["tried again" in warning for warning in outcome.warnings] == [True]
    assert half_clean.left_open is None
    assert "done in part" in [read(path).ended for path in half_clean.journals.glob("*.jsonl")]


def test_stopping_while_it_cleans_up_says_that_the_change_stands(world: World) -> None:
    world.trouble = {"after-one": KeyboardInterrupt()}
    with pytest.raises(Interrupted) as caught:
        world.change(plan("r1", "one", "after-one"), True)
    assert "deploy r1 is complete" in caught.value.advice.state
    assert "undoes" not in caught.value.advice.hint


def test_resume_tries_a_clean_up_again_and_finishes(half_clean: World) -> None:
    with pytest.raises(DoneInPart):
        half_clean.resume(True)
    half_clean.trouble.clear()
    half_clean.resume(True)
    assert half_clean.left_open is None


def test_a_change_that_stands_is_not_taken_back_by_undo(half_clean: World) -> None:
    with pytest.raises(Usage, match="nothing to undo"):
        half_clean.resume(True, undo=True)
    assert half_clean.left_open is not None


def test_a_step_before_the_commit_still_undoes_everything(world: World) -> None:
    world.trouble = {"two": StepFailed("no")}
    with pytest.raises(StepFailed):
        world.change(plan("r1", "one", "two", "after-one"), True)
    assert world.marks == []


def test_what_is_being_undone_is_shown_as_an_undo_before_it_goes_on(world: World) -> None:
    world.trouble = {"two": StepFailed("broken")}
    unmark, world.actions = world.actions["unmark"], {**world.actions, "unmark": _refuses}
    with pytest.raises(UndoFailed):
        world.change(plan("r1", "one", "two"), True)
    world.actions = {**world.actions, "unmark": unmark}
    world.asked.clear()
    shown = world.resume(dry_run=True)
    assert shown.data["plan"]["verb"] == "undo"
    with pytest.raises(Interrupted):
        world.resume(False)
    assert world.asked == ["undo deploy of r1: Undo: Step two, Undo: Step one"]
    assert world.marks == ["one", "two"]


def _refuses(context: Context, params: Mapping[str, Any]) -> Results | None:
    raise StepFailed("it can't be undone yet")
