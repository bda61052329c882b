"""Given a deployment of any target, when a change goes well, fails, is cut off or meets another one, it ends well."""

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.application import verbs
from decodeat_ops.application.desk import Desk
from decodeat_ops.application.workflow import Change
from decodeat_ops.core import events
from decodeat_ops.core.errors import Interrupted, Locked, Lost, StepFailed, UndoFailed, Usage
from decodeat_ops.core.outcome import Outcome
from tests.contract.ecs import EcsWorld
from tests.contract.local import LocalWorld
from tests.contract.vm import ThreeMachines, VmWorld
from tests.contract.world import Killed, MemoryWorld, World, after, at
from tests.support.deployments import service_source
from tests.support.waiting import wait_for

__all__ = ["service_source"]
pytestmark = pytest.mark.timeout(1800)  # `make proof` breaks every step of the slow targets, too

Verb = Callable[[Desk, Change], Outcome]
Cut = Callable[..., events.Emit]
Worlds = Callable[[], World]
EachStep = Callable[..., Iterator[tuple[str, World]]]
BROKEN = StepFailed("broken on purpose")
UNKNOWN = Lost("no answer")
MADE: dict[str, type[Any]] = {"local": LocalWorld, "ecs": EcsWorld, "vm": VmWorld, "vm-three": ThreeMachines}


@pytest.fixture(params=["memory", *(pytest.param(target, marks=pytest.mark.share) for target in MADE)])
def worlds(request: pytest.FixtureRequest, tmp_path: Path, source: Path) -> Iterator[Worlds]:
    """Return what makes a new, empty world of a target each time it is called."""
    numbers = itertools.count(1)
    with contextlib.ExitStack() as open_worlds:

        def make() -> World:
            home = tmp_path / str(next(numbers))
            home.mkdir()
            if request.param == "memory":
                return MemoryWorld(home)
            world: World = open_worlds.enter_context(MADE[request.param].made(home, source))
            return world

        yield make


def deployed(worlds: Worlds) -> World:
    """Return a world in which two releases were deployed, and a third could be."""
    world = worlds()
    verbs.deploy(world.desk(), Change())
    world.change_code()
    verbs.deploy(world.desk(), Change())
    world.change_code()
    return world


@pytest.fixture
def each_step(worlds: Worlds, share: Callable[[Sequence[Any], int], Sequence[Any]]) -> EachStep:
    """Return what yields each step that a verb would take, with a world in which it can be broken.

    The proof takes all steps, else a share if they are slow. There is always one: a test that breaks no step would
    assert nothing.
    """

    def chosen(
        verb: Verb = verbs.deploy, *, before_commit: bool = False, made: Callable[[Worlds], World] = deployed
    ) -> Iterator[tuple[str, World]]:
        world = made(worlds)
        found = [one["id"] for one in plan(world, verb) if not (before_commit and one["after_commit"])]
        taken = share(found, world.every)
        assert taken, f"of {found} nothing is left to break"
        for number, step in enumerate(taken):
            yield step, made(worlds) if number else world

    return chosen


def plan(world: World, verb: Verb = verbs.deploy) -> Sequence[Any]:
    """Return the steps that a verb would take now."""
    steps: Sequence[Any] = verb(world.desk(), Change(dry_run=True)).data["plan"]["steps"]
    return steps


def looked_at(world: World) -> tuple[str, str]:
    """Return which release takes the traffic and which one's data is today's, as the view and an observation say."""
    desk = world.desk()
    active, observed = desk.view.active(), desk.target.observe()
    told = active.id if active else "", desk.view.current_id()
    assert told == (observed.active_id, observed.current.id if observed.current else "")
    return told


def test_a_first_deploy_serves(worlds: Worlds) -> None:
    world = worlds()
    assert world.serving() == looked_at(world) == ("", "")
    outcome = verbs.deploy(world.desk(), Change())
    release, _ = world.serving()
    assert outcome.changed == 1 and outcome.data["release"] == release != ""
    observed = world.desk().target.observe()
    assert observed.active_id == release and observed.serving
    assert [one.id for one in observed.releases] == [release]
    assert looked_at(world) == (release, release)
    assert world.desk().ledger.unfinished() == ""


def test_a_dry_run_changes_nothing(worlds: Worlds) -> None:
    world = worlds()
    assert plan(world)
    assert world.writes() == 0 and world.serving() == ("", "")


def test_what_serves_already_is_left_alone(worlds: Worlds) -> None:
    world = worlds()
    verbs.deploy(world.desk(), Change())
    before = world.writes()
    assert verbs.deploy(world.desk(), Change()).changed == 0
    assert world.writes() == before


def test_changed_code_or_a_rotated_secret_is_deployed(worlds: Worlds) -> None:
    world = worlds()
    verbs.deploy(world.desk(), Change())
    for change in (world.change_code, world.rotate_secret):
        before = world.serving()
        change()
        assert verbs.deploy(world.desk(), Change()).changed == 1
        assert world.serving()[0] != before[0]


NAMES = ("first", "old", "new")  # the releases by their sequence
# What is observed after each phase of a third deploy's move, "" before it, and "admitting" after the first of several
# steps by which clients get it: the active release, the one that clients are told to get and get, those that run, and
# those that drain.
SEEN: dict[type[Any], dict[str, tuple[str, str, str, str]]] = {
    MemoryWorld: {
        "": ("old", "old", "first old", "first"),
        "prepare": ("old", "old", "first old", "first"),
        "clear": ("old", "old", "old", ""),
        "start": ("old", "old", "old new", ""),
        "admit": ("new", "new", "old new", ""),
        "retire": ("new", "new", "old new", "old"),
    },
    LocalWorld: {
        "": ("old", "old", "old", ""),
        "prepare": ("old", "old", "old", ""),
        "start": ("old", "old", "old new", ""),
        "admitting": ("new", "new", "old new", ""),
        "admit": ("new", "new", "old new", ""),
        "retire": ("new", "new", "new", ""),
    },
    EcsWorld: {
        "": ("old", "old", "old", ""),
        "prepare": ("old", "old", "old", ""),
        "admitting": ("new", "old", "old", "old"),
        "admit": ("new", "new", "new", ""),
        "retire": ("new", "new", "new", ""),
    },
    VmWorld: {
        "": ("old", "old", "old", ""),
        "prepare": ("old", "old", "old", ""),
        "start": ("old", "old", "old new", ""),
        "admit": ("new", "new", "old new", "old"),
        "retire": ("new", "new", "new", ""),
    },
}
SEEN[ThreeMachines] = {**SEEN[VmWorld], "admitting": ("old", "old", "old new", "old")}


def seen(world: World) -> tuple[str, str, str, str]:
    """Return one row of that table, as it is now."""
    observed = world.desk().target.observe()
    names = {one.id: NAMES[one.sequence - 1] for one in observed.releases} | {"": ""}
    running, draining = (
        " ".join(sorted((names[one] for one in there), key=NAMES.index))
        for there in (observed.running, observed.draining)
    )
    told, got = observed.reached.id if observed.reached else "", world.serving()[0]
    served = names[got] if told == got else f"{got}, and {told} is told"
    return names[observed.active_id], served, running, draining


def becomes(world: World, phase: str) -> None:
    """Wait until the world looks as the table says: a release that drains ends by itself."""
    wanted = SEEN[type(world)][phase]
    wait_for(lambda: seen(world) == wanted, otherwise=lambda: f"{phase}: {seen(world)} is not {wanted}")


def phases(world: World) -> dict[str, str]:
    """Return the last step of each phase that a third deploy would have, in order."""
    target = world.desk().target
    observed, candidate = target.observe(), target.candidate()
    target.verify(candidate.release, candidate.origin, observed)
    move = target.move(replace(candidate.release, id="next"), candidate.origin, observed)
    found = {"prepare": move.prepare, "clear": move.clear, "start": move.start}
    found |= {"admitting": move.admit[:1] if len(move.admit) > 1 else (), "admit": move.admit, "retire": move.retire}
    return {phase: made[-1].id for phase, made in found.items() if made}


def test_each_phase_is_seen(worlds: Worlds) -> None:
    """When a deploy is cut off after a phase, what is observed is what the phases so far have made."""
    world = deployed(worlds)
    becomes(world, "")
    cuts = phases(world)
    assert {"", *cuts} == SEEN[type(world)].keys()
    verb: Verb = verbs.deploy
    for phase, step in cuts.items():
        with pytest.raises(Interrupted):
            verb(world.desk(), Change(emit=after(step, KeyboardInterrupt)))
        verb = verbs.resume
        becomes(world, phase)
    verbs.resume(world.desk(), Change())
    assert world.desk().ledger.unfinished() == "" and world.desk().target.observe().serving


@pytest.mark.parametrize("cut", [at, after])
def test_a_step_that_fails_undoes_all_before_it(each_step: EachStep, cut: Cut) -> None:
    for step, world in each_step(before_commit=True):
        before, seen = world.serving(), world.desk().target.observe()
        with pytest.raises(StepFailed):
            verbs.deploy(world.desk(), Change(emit=cut(step, BROKEN)))
        assert world.serving() == before, step
        now = world.desk().target.observe()
        assert [one.id for one in now.releases] == [one.id for one in seen.releases], step
        assert world.desk().ledger.unfinished() == ""
        assert verbs.deploy(world.desk(), Change()).changed == 1, step


def test_a_first_deploy_that_fails_leaves_nothing(each_step: EachStep) -> None:
    for step, world in each_step(before_commit=True, made=lambda worlds: worlds()):
        with pytest.raises(StepFailed):
            verbs.deploy(world.desk(), Change(emit=after(step, BROKEN)))
        assert world.serving() == ("", "") and world.runs() == 0
        assert world.desk().target.observe().releases == ()


@pytest.mark.parametrize("cut", [at, after])
@pytest.mark.parametrize("verb", [verbs.deploy, verbs.rollback, verbs.restart], ids=["deploy", "rollback", "restart"])
def test_a_killed_change_goes_on(each_step: EachStep, verb: Verb, cut: Cut) -> None:
    for step, world in each_step(verb):
        with pytest.raises(Killed):
            verb(world.desk(), Change(emit=cut(step, Killed)))
        assert world.serving()[0], step
        outcome = verbs.resume(world.desk(), Change())
        assert outcome.data["subject"] == world.serving()[0], step
        assert world.desk().ledger.unfinished() == ""
        assert world.desk().target.observe().serving


def test_a_killed_change_is_taken_back(each_step: EachStep) -> None:
    for step, world in each_step(before_commit=True):
        before = world.serving()
        with pytest.raises(Killed):
            verbs.deploy(world.desk(), Change(emit=after(step, Killed)))
        # Its end was not noted, so it counts as begun, and the change is not committed yet.
        verbs.resume(world.desk(), Change(), undo=True)
        assert world.serving() == before, step


def test_a_lost_journal_does_not_matter(each_step: EachStep) -> None:
    """Cut off at any step, from a machine that is gone: what is observed is enough for another one's deploy."""
    for step, world in each_step():
        with pytest.raises(Killed):
            verbs.deploy(world.stranger(), Change(emit=after(step, Killed)))
        verbs.deploy(world.stranger(), Change())
        observed = world.desk().target.observe()
        assert observed.serving and observed.active_id == world.serving()[0], step
        assert verbs.deploy(world.stranger(), Change()).changed == 0, step


def test_the_way_back_and_forth(worlds: Worlds) -> None:
    world = deployed(worlds)
    newer = world.serving()[0]
    verbs.rollback(world.desk(), Change())
    older = world.serving()[0]
    assert older < newer
    verbs.rollback(world.desk(), Change(), newer)
    assert world.serving()[0] == newer
    verbs.rollback(world.desk(), Change(), older[-7:])
    assert world.serving()[0] == older
    with pytest.raises(Usage, match="There is no release"):
        verbs.rollback(world.desk(), Change(), "20200101T000000Z-0000000")


def test_a_rollback_never_brings_back_a_rotated_secret(worlds: Worlds) -> None:
    world = deployed(worlds)
    _, before = world.serving()
    world.rotate_secret()
    verbs.rollback(world.desk(), Change())
    _, today = world.serving()
    assert today not in {"", before}
    assert today == world.desk().target.secrets_digest()


def test_nothing_to_go_back_to_is_told(worlds: Worlds) -> None:
    world = worlds()
    with pytest.raises(Usage, match="nothing to go back from"):
        verbs.rollback(world.desk(), Change())
    verbs.deploy(world.desk(), Change())
    with pytest.raises(Usage, match="no older release"):
        verbs.rollback(world.desk(), Change())


def test_an_unknown_outcome_is_never_undone_blindly(each_step: EachStep) -> None:
    """No answer came to a request that was carried out: the journal stays open, and `resume` finds that it was."""
    for step, world in each_step(before_commit=True):
        with pytest.raises(Lost, match="no answer came") as caught:
            verbs.deploy(world.desk(), Change(emit=after(step, UNKNOWN)))
        assert caught.value.code == 8 and "resume" in caught.value.advice.hint
        assert world.desk().ledger.unfinished() != ""
        outcome = verbs.resume(world.desk(), Change())
        assert outcome.data["subject"] == world.serving()[0]


def test_an_undo_of_unknown_outcome_goes_on_with_resume(worlds: Worlds) -> None:
    world = deployed(worlds)
    before = world.serving()

    def broken(event: events.Event) -> None:
        after(world.probed, BROKEN)(event)
        at(world.undone, UNKNOWN, undoing=True)(event)

    with pytest.raises(Lost, match="Undoing"):
        verbs.deploy(world.desk(), Change(emit=broken))
    with pytest.raises(StepFailed, match="the undo is complete now"):
        verbs.resume(world.desk(), Change())
    assert world.serving() == before


def test_an_undo_that_fails_says_what_is_left(worlds: Worlds) -> None:
    world = deployed(worlds)

    def broken(event: events.Event) -> None:
        after(world.probed, BROKEN)(event)
        at(world.undone, BROKEN, undoing=True)(event)

    with pytest.raises(UndoFailed, match="Undoing"):
        verbs.deploy(world.desk(), Change(emit=broken))
    assert world.desk().ledger.unfinished() != ""


def test_two_operators_exclude_each_other(worlds: Worlds) -> None:
    world = deployed(worlds)
    met: list[str] = []

    def second(event: events.Event) -> None:
        if isinstance(event, events.StepStarted) and event.step.id == "gate-pre":
            with pytest.raises(Locked) as caught:
                verbs.rollback(world.desk(), Change())
            met.append(caught.value.advice.what)

    verbs.deploy(world.desk(), Change(emit=second))
    assert len(met) == 1 and "deploy" in met[0]


def test_an_interrupted_change_is_settled_first(worlds: Worlds) -> None:
    world = deployed(worlds)
    before = world.serving()
    with pytest.raises(Killed):
        verbs.deploy(world.desk(), Change(emit=after(world.probed, Killed)))
    with pytest.raises(Locked, match="waiting to be settled"):
        verbs.restart(world.desk(), Change())
    outcome = verbs.deploy(world.desk(), Change())
    assert outcome.changed == 1 and world.serving()[0] not in {"", before[0]}


def test_stop_start_and_restart(worlds: Worlds) -> None:
    world = deployed(worlds)
    release = world.serving()[0]
    assert verbs.stop(world.desk(), Change()).changed == 1
    assert world.serving() == ("", "") and world.runs() == 0
    assert verbs.stop(world.desk(), Change()).changed == 0
    assert world.desk().target.observe().stopped is not None
    assert looked_at(world) == ("", release)
    assert verbs.start(world.desk(), Change()).changed == 1
    assert world.serving()[0] == release
    assert verbs.start(world.desk(), Change()).changed == 0
    assert verbs.restart(world.desk(), Change()).changed == 1
    assert world.serving()[0] not in {"", release}


def test_a_removal_leaves_nothing_but_data(worlds: Worlds) -> None:
    world = deployed(worlds)
    outcome = verbs.remove(world.desk(), Change())
    assert outcome.changed == 1 and outcome.data["stays"]
    assert world.serving() == looked_at(world) == ("", "") and world.runs() == 0
    assert bool(world.desk().target.observe().left) is world.leaves
    assert verbs.remove(world.desk(), Change()).changed == 0
    verbs.deploy(world.desk(), Change())
    verbs.remove(world.desk(), Change(), delete_data=True)
    assert world.desk().target.observe().left == ""


def test_old_releases_go_and_those_in_use_stay(worlds: Worlds) -> None:
    world = deployed(worlds)
    for _ in range(6):
        verbs.deploy(world.desk(), Change())
        world.change_code()
    observed = world.desk().target.observe()
    assert 2 <= len(observed.releases) <= 6
    assert observed.active_id == world.serving()[0]
    verbs.rollback(world.desk(), Change())
