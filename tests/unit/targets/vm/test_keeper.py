"""Given a command that holds the lock, when its keeper ends, it stops; and its journal tells what is known."""

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from decodeat_ops.core.errors import Configuration, Interrupted, Locked, Lost, StepFailed, Unreachable
from decodeat_ops.core.plan import Action, Plan, Step
from decodeat_ops.core.progress import Progress
from decodeat_ops.engine.executor import Context, Engine
from decodeat_ops.engine.journal import KEPT, SPACE, progress_of
from decodeat_ops.targets.vm.ledger import VmLedger
from tests.support.local_remote import Cut
from tests.support.waiting import wait_for
from tests.unit.targets.vm.ledgers import MUTE, PLAN, SHORT, SWIFT, Machines, frozen, keepers


def test_a_killed_keeper_frees_the_lock_and_ends_the_command_at_its_next_step(machines: Machines) -> None:
    ledger, other = machines.ledger("a", "b", timing=MUTE), machines.ledger("a", "b")
    with ledger.held("deploy"):
        journal = ledger.begin(PLAN)
        journal.step("begun", "one")
        (keeper,) = keepers(machines.root("a"))
        os.kill(keeper, signal.SIGKILL)
        wait_for(lambda: not keepers(machines.root("a")))
        with pytest.raises(Lost, match="The lock on a is not held any more"):
            journal.step("begun", "two")
        with pytest.raises(Lost):
            journal.end("done")
    progress = other.read(other.unfinished())
    assert progress.begun == ["one"] and not progress.done
    with other.held("resume"):
        pass


def test_no_step_begins_when_any_machines_keeper_is_gone(machines: Machines) -> None:
    ledger = machines.ledger("a", "b")
    with ledger.held("deploy"):
        journal = ledger.begin(PLAN)
        for keeper in keepers(machines.root("b")):
            os.kill(keeper, signal.SIGKILL)
        lost = ledger._keepers["b"]
        wait_for(lambda: lost._lost)
        with pytest.raises(Lost, match="The lock on b is not held any more"):
            journal.step("begun", "one")


def test_a_command_that_is_silent_loses_the_lock(machines: Machines) -> None:
    ledger, other = machines.ledger("a", timing=SHORT), machines.ledger("a")
    with ledger.held("deploy"):
        journal = ledger.begin(PLAN)
        with frozen(ledger):
            wait_for(lambda: other.holder() is None)
        with other.held("rollback"), pytest.raises(Lost) as lost:
            journal.step("begun", "one")
    assert "resume" in lost.value.advice.hint
    assert other.read(journal.name).begun == []


def test_a_command_that_speaks_keeps_the_lock(machines: Machines) -> None:
    ledger, other = machines.ledger("a", timing=SHORT), machines.ledger("a")
    with ledger.held("deploy"):
        began = time.monotonic()
        wait_for(lambda: time.monotonic() - began > 1.5 * SHORT.silence)
        assert other.holder() is not None
        ledger.begin(PLAN).end("done")


def test_a_connection_that_breaks_off_frees_the_lock(machines: Machines) -> None:
    place = machines.place("a")
    ledger = VmLedger(place, SWIFT)
    ledger.prepare()
    with ledger.held("deploy"):
        journal = ledger.begin(PLAN)
        place.hosts["a"].break_off()  # type: ignore[attr-defined]
        wait_for(lambda: not keepers(machines.root("a")))
        with pytest.raises(Lost):
            journal.step("begun", "one")
    with machines.ledger("a").held("resume"):
        pass


def test_a_keeper_that_ends_before_anything_began_changed_nothing(machines: Machines) -> None:
    ledger = machines.ledger("a", timing=MUTE)
    with ledger.held("deploy"):
        for keeper in keepers(machines.root("a")):
            os.kill(keeper, signal.SIGKILL)
        with pytest.raises(Lost) as lost:
            ledger.begin(PLAN)
        assert lost.value.advice.state == "No step has begun."
    place = machines.place("a", "b")
    place.hosts["b"].cut_on("held=\n", Cut.AFTER)  # type: ignore[attr-defined]
    with pytest.raises(Unreachable) as down, VmLedger(place, SWIFT).held("deploy"):
        pass
    assert type(down.value) is Unreachable and down.value.advice.state == "Nothing was changed."
    assert not keepers(machines.root("a"))


def test_the_engine_leaves_the_journal_open_and_undoes_nothing(machines: Machines) -> None:
    ledger, undone = machines.ledger("a", timing=MUTE), []
    step = Step("one", "One", Action("kill"), undo=Action("undo"))

    def kill(context: Context, params: object) -> None:
        for keeper in keepers(machines.root("a")):
            os.kill(keeper, signal.SIGKILL)

    actions = {"kill": kill, "undo": lambda context, params: undone.append(1)}
    with ledger.held("deploy"), pytest.raises(Lost, match="The lock on a is not held any more"):
        Engine(actions, ledger).carry_out(Plan("deploy", "demo-production", "r1", (step,)), Context())
    assert not undone
    again = machines.ledger("a")
    assert again.read(again.unfinished()).begun == ["one"]


def test_space_is_taken_at_the_beginning_and_given_back_at_the_end(machines: Machines) -> None:
    ledger = machines.ledger("a")
    with ledger.held("deploy"):
        journal = ledger.begin(PLAN)
        (file,) = (machines.root("a") / "journal").iterdir()
        assert file.stat().st_size == SPACE and file.stat().st_blocks * 512 >= SPACE
        journal.step("begun", "one")
        journal.step("done", "one", results={"text": "a 'quoted' \\ text\tof $HOME and 한글 \udc80"})
        journal.end("done in part")
        assert file.stat().st_size < 4096
    progress = ledger.read(journal.name)
    assert progress.done == {"one": {"text": "a 'quoted' \\ text\tof $HOME and 한글 \udc80"}}
    assert progress.ended == "done in part"
    assert ledger.unfinished() == ""


def test_a_full_disk_begins_nothing(machines: Machines) -> None:
    ledger = machines.ledger("a")
    with ledger.held("deploy"):
        (keeper,) = keepers(machines.root("a"))
        resource_limit(keeper, 64 * 1024)
        with pytest.raises(StepFailed, match="The journal could not be written on a: "):
            ledger.begin(PLAN)
        assert list((machines.root("a") / "journal").iterdir()) == []
    assert ledger.unfinished() == ""


def test_an_undo_is_recorded_on_a_disk_that_has_become_full(machines: Machines) -> None:
    ledger = machines.ledger("a")
    with ledger.held("deploy"):
        ledger.begin(PLAN).close()
    with ledger.held("resume"):
        (keeper,) = keepers(machines.root("a"))
        resource_limit(keeper, SPACE)
        journal = ledger.reopen(ledger.unfinished())
        journal.step("undoing", "")
        journal.end("undone")
    assert ledger.read(journal.name).ended == "undone"


def resource_limit(process: int, size: int) -> None:
    """Let a process and those that it starts make no file longer than this, as a full disk does."""
    import resource

    resource.prlimit(process, resource.RLIMIT_FSIZE, (size, size))


def test_every_beginning_of_a_journal_is_read_or_refused(machines: Machines) -> None:
    ledger = machines.ledger("a")
    with ledger.held("deploy"):
        journal = ledger.begin(PLAN)
        journal.step("begun", "one")
        journal.end("undone")
    (file,) = (machines.root("a") / "journal").iterdir()
    whole = file.read_bytes()
    readings: list[Progress | None] = []
    for cut in range(len(whole) + 1):
        try:
            readings.append(progress_of(whole[:cut], journal.name))
        except Configuration as refused:
            assert journal.name in refused.advice.what
            readings.append(None)
    plan = whole.index(b"\n") + 1
    assert all(one is None for one in readings[:plan]) and None not in readings[plan:]
    end = whole.rindex(b"\n", 0, -1) + 1
    for cut in (0, 1, plan - 1, plan, end - 1, end, end + 1, len(whole) - 2, len(whole) - 1, len(whole)):
        file.write_bytes(whole[:cut] + bytes(64))  # as the space behind it is
        assert ledger.unfinished() == ("" if cut == len(whole) else journal.name), cut
    assert readings[-1] is not None and readings[-1] == ledger.read(journal.name) and readings[-1].ended == "undone"


def test_what_follows_a_torn_record_is_read(machines: Machines) -> None:
    ledger = machines.ledger("a")
    with ledger.held("deploy"):
        ledger.begin(PLAN).close()
    (file,) = (machines.root("a") / "journal").iterdir()
    with file.open("r+b") as stream:
        stream.seek(len(file.read_bytes().rstrip(b"\0")))
        stream.write(b'{"record": "begun", "step": "o' + b"x" * 300)
    with ledger.held("resume"):
        journal = ledger.reopen(ledger.unfinished())
        journal.step("begun", "two")
        assert ledger.read(journal.name).begun == ["two"]
        journal.end("undone")
    assert ledger.read(journal.name).ended == "undone" and ledger.unfinished() == ""


def test_the_oldest_journals_that_have_ended_are_deleted(machines: Machines) -> None:
    ledger = machines.ledger("a")
    directory = machines.root("a") / "journal"
    with ledger.held("deploy"):
        ledger.begin(PLAN).end("done")
        (ended,) = directory.iterdir()
        for number in range(2, KEPT + 3):
            (directory / f"n{number:08}-x-deploy.jsonl").write_bytes(ended.read_bytes())
        (directory / "n00000002-x-deploy.jsonl").write_text("open")
        (directory / "left.partial").touch()
        journal = ledger.begin(PLAN)
    names = sorted(one.name for one in directory.iterdir())
    assert len(names) == KEPT + 1 and names[0] == "n00000002-x-deploy.jsonl"
    assert names[-1].startswith(f"n{KEPT + 3:08}-") and journal.name.endswith(names[-1])


@pytest.fixture
def interrupted() -> Iterator[threading.Event]:
    """Handle SIGINT as the command line does: the first asks the engine to stop."""
    event = threading.Event()
    before = signal.signal(signal.SIGINT, lambda number, frame: event.set())
    yield event
    signal.signal(signal.SIGINT, before)


def test_an_owner_is_interrupted_as_by_ctrl_c(machines: Machines, interrupted: threading.Event) -> None:
    ledger, other = machines.ledger("a", "b"), machines.ledger("b", "a")
    context = Context()

    def work(context: Context, params: object) -> None:
        other.interrupt(other.holder() or pytest.fail("it is held"))
        wait_for(interrupted.is_set)
        context.interrupted = True

    with ledger.held("deploy") as owner, pytest.raises(Interrupted):
        Engine({"mark": work}, ledger).carry_out(PLAN, context)
    assert ledger.holder() is None
    with pytest.raises(Locked, match="not the one that holds it"):
        other.interrupt(owner)
    interrupted.clear()
    with other.held("resume"):
        other.reopen(other.unfinished()).end("undone")
        assert not interrupted.is_set()  # what was said to the owner before is not said to this one


def test_another_owner_is_not_interrupted(machines: Machines, interrupted: threading.Event) -> None:
    ledger, other = machines.ledger("a"), machines.ledger("a")
    with ledger.held("deploy") as first:
        pass
    with ledger.held("rollback"):
        with pytest.raises(Locked):
            other.interrupt(first)
        ledger.begin(PLAN).end("done")
    assert not interrupted.is_set()
