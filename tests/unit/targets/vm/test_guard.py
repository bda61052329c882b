"""Given scripts that change a machine, one runs at a time, and none for a command that lost the lock."""

import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from decodeat_ops.core.errors import Locked, Lost
from decodeat_ops.core.remote import Answer
from decodeat_ops.targets.vm import keeping
from decodeat_ops.targets.vm.keeper import Timing
from decodeat_ops.targets.vm.ledger import VmLedger
from decodeat_ops.targets.vm.scripts.guard import fed
from tests.support.waiting import wait_for
from tests.unit.targets.vm.ledgers import SHORT, SWIFT, Machines, frozen, keepers

IMPATIENT = replace(SWIFT, orphans=0.0)


class Operator:
    """One operator's command: a ledger, and scripts that it runs on its first machine."""

    def __init__(self, machines: Machines, timing: Timing = SWIFT) -> None:
        self.place = machines.place("a")
        self.ledger = VmLedger(self.place, timing)
        self.ledger.prepare()
        self.host = self.place.hosts["a"]

    def run(self, body: str, *, given: str = "", wait: float = keeping.WAIT, timeout: float = 60.0) -> Answer:
        script = keeping.guarded(self.place, "a", body, wait=wait)
        return keeping.judged(self.host.run(script, given=given, timeout=timeout), "a")

    def leave(self, body: str) -> None:
        """Begin a script, and lose the connection while it runs."""
        with pytest.raises(Lost):
            self.host.run(keeping.guarded(self.place, "a", body), timeout=0.5)  # held
        wait_for((Path(self.root) / "begun").exists)

    @property
    def root(self) -> str:
        return str(self.place.names.root).replace("/at/", "/at-a/")


def orphan(root: str) -> str:
    """Return a script that runs until a file comes, and says when it has begun and ended."""
    return f"cd {root}; : >begun; until [ -e go ]; do sleep 0.05; done; : >ended\n"


def test_a_script_runs_with_its_input_and_its_status(machines: Machines) -> None:
    operator = Operator(machines)
    with operator.ledger.held("deploy"):
        answer = operator.run("cat; echo said; echo wrong >&2; exit 7", given="some input\n")
        assert answer == Answer(7, "some input\nsaid\n", "wrong\n")
        sent = operator.host.send(keeping.guarded(operator.place, "a", "cat"), [b"bytes"])
        assert keeping.judged(sent, "a").stdout == "bytes"
        assert operator.run("set -u; true").status == 0


def test_outside_of_the_lock_no_script_is_made(machines: Machines) -> None:
    operator = Operator(machines)
    with operator.ledger.held("deploy"):
        pass
    with pytest.raises(RuntimeError, match="outside of the lock"):
        operator.run("true")


def test_a_repeat_waits_for_the_script_of_an_earlier_connection(machines: Machines) -> None:
    operator = Operator(machines)
    root = Path(operator.root)
    with operator.ledger.held("deploy"):
        operator.leave(orphan(operator.root))
    again = Operator(machines, IMPATIENT)
    with pytest.raises(Locked, match="On a a step of an earlier command still runs"), again.ledger.held("resume"):
        raise AssertionError("it still runs")
    assert not keepers(root)
    patient = Operator(machines)
    threading.Timer(0.3, (root / "go").touch).start()
    with patient.ledger.held("resume"):
        assert (root / "ended").exists()
        patient.run("true")


def test_within_a_command_a_script_waits_for_another_one_and_says_so_in_vain(machines: Machines) -> None:
    operator = Operator(machines)
    root = Path(operator.root)
    with operator.ledger.held("deploy"):
        beside = threading.Thread(
            target=lambda: operator.host.send(keeping.guarded(operator.place, "a", orphan(operator.root)), [])
        )
        beside.start()
        wait_for((root / "begun").exists)
        with pytest.raises(Lost, match="a ran nothing of it: an earlier script still runs there"):
            operator.run("touch run", wait=0.1)
        threading.Timer(0.3, (root / "go").touch).start()
        assert operator.run("ls ended", timeout=60.0).status != 127
        beside.join()
        assert (root / "ended").exists()


def test_a_command_that_was_silent_runs_nothing_any_more(machines: Machines) -> None:
    first, other = Operator(machines, SHORT), Operator(machines)
    root = Path(first.root)
    with first.ledger.held("deploy"):
        first.run(f": >{root}/first")
        with frozen(first.ledger):
            wait_for(lambda: not keepers(root))
        with pytest.raises(Lost, match="does not hold the lock there any more") as lost:  # nobody else has it yet
            first.run(f": >{root}/second")
        assert "resume" in lost.value.advice.hint
        with other.ledger.held("rollback"):
            with pytest.raises(Lost, match="does not hold the lock there any more"):
                first.run(f": >{root}/second")
            other.run(f": >{root}/theirs")
    assert {one.name for one in root.iterdir()} >= {"first", "theirs"} and not (root / "second").exists()


def test_a_script_that_waited_too_long_finds_the_lock_with_another_one(machines: Machines) -> None:
    """The guard looks who holds the lock when it is the script's turn, not when it was sent."""
    first = Operator(machines)
    root = Path(first.root)
    with first.ledger.held("deploy"):
        beside = threading.Thread(
            target=lambda: first.host.send(keeping.guarded(first.place, "a", orphan(first.root)), [])
        )
        beside.start()
        wait_for((root / "begun").exists)
        answers: list[BaseException] = []

        def late() -> None:
            try:
                first.run(f": >{root}/late")
            except Lost as error:
                answers.append(error)

        waiting = threading.Thread(target=late)
        waiting.start()
        wait_for(lambda: any("late" in script for script in first.host.scripts))  # type: ignore[attr-defined]
        for keeper in keepers(root):
            os.kill(keeper, signal.SIGKILL)
        (root / "go").touch()
        waiting.join()
        beside.join()
    assert len(answers) == 1 and not (root / "late").exists()


@pytest.mark.parametrize("gone", ["lock", "step.lock", "."])
def test_without_the_files_of_the_lock_nothing_runs(machines: Machines, gone: str) -> None:
    operator = Operator(machines)
    root = Path(operator.root)
    with operator.ledger.held("deploy"):
        if gone == ".":
            root.rename(root.with_name("elsewhere"))
        else:
            (root / gone).unlink()
        if gone == "step.lock":  # it is made again: who holds the lock is known without it
            assert operator.run("true").status == 0
            return
        with pytest.raises(Lost, match="a ran nothing of it"):
            operator.run(f": >{root}/ran")
    assert not (root / "ran").exists()


def test_a_sender_that_is_frozen_keeps_nobody_out(machines: Machines) -> None:
    """What reads an image's layers ends when their sender's lock is gone, though its connection stands."""
    first = Operator(machines)
    root, awake = Path(first.root), threading.Event()
    answers: list[Answer] = []

    def layers() -> Iterator[bytes]:
        yield b"some"
        awake.wait()

    with first.ledger.held("deploy"):
        names, token = first.place.names, keeping.token(first.place, "a")
        body = f': >{names.root}/begun\n{fed(names, token, "cat", beat=0.1)}echo "status=$status"\n'
        script = keeping.guarded(first.place, "a", body)
        sending = threading.Thread(target=lambda: answers.append(first.host.send(script, layers())))
        sending.start()
        wait_for((root / "begun").exists)
        for keeper in keepers(root):
            os.kill(keeper, signal.SIGKILL)
        with Operator(machines).ledger.held("resume"):  # it waits for what runs
            pass
        awake.set()
        sending.join()
    assert answers[0].stdout == "somestatus=143\n"


def test_what_is_sent_comes_whole_and_its_end_is_told(machines: Machines) -> None:
    operator = Operator(machines)
    with operator.ledger.held("deploy"):
        body = fed(operator.place.names, keeping.token(operator.place, "a"), "sh -c 'cat; exit 7'") + 'exit "$status"\n'
        sent = operator.host.send(keeping.guarded(operator.place, "a", body), [b"one ", b"two"])
    assert (sent.stdout, sent.status) == ("one two", 7)
