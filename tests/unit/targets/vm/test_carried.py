"""Given steps that begin, their records are on the disk before anything depends on them, without a trip for each."""

import pytest

from decodeat_ops.core.errors import Lost
from decodeat_ops.core.plan import Action, Plan, Step
from decodeat_ops.targets.vm import keeping
from decodeat_ops.targets.vm.ledger import VmLedger
from decodeat_ops.targets.vm.place import Place
from tests.unit.targets.vm.ledgers import MUTE, Machines

ADMIT, UNDO = Action("admit"), Action("admit-back")
GATE, LAST = Step("gate", "Gate", Action("probe")), Step("retire", "Retire", Action("retire"), after_commit=True)
OURS, OTHERS = Step("admit", "Admit", ADMIT, undo=UNDO), Step("push", "Push", Action("push"), undo=Action("unpush"))
PLAN = Plan("deploy", "demo-production", "r1", (GATE, OURS, OTHERS, LAST))


class Change:
    """A change that has the lock, on these machines; `written` says which steps have begun as far as the disk knows."""

    def __init__(self, machines: Machines, *names: str) -> None:
        self.machines = machines
        self.place: Place = machines.place(*names)
        self.ledger = VmLedger(self.place, MUTE)
        self.ledger.prepare()

    @property
    def written(self) -> list[str]:
        (file,) = (self.machines.root("a") / "journal").iterdir()
        return VmLedger(self.place, MUTE).read(f"a:{self.place.names.journals / file.name}").begun

    def run(self, host: str, body: str) -> str:
        answer = self.place.hosts[host].run(keeping.guarded(self.place, host, body))
        return keeping.judged(answer, host).stdout


def test_on_one_machine_the_script_of_a_step_says_first_that_the_step_has_begun(machines: Machines) -> None:
    change = Change(machines, "a")
    with change.ledger.held("deploy"):
        journal = change.ledger.begin(PLAN)
        for step in (GATE, OURS):
            journal.step("begun", step.id)
            assert change.written == []
            if step is GATE:
                journal.step("done", step.id, results={"text": "it's 100 % of \\n and 한글"})
        file = change.place.names.journals / journal.name.rpartition("/")[2]
        known = f"""tr -d '\\0' <'{file}' | grep -c '"begun"'"""
        assert change.run("a", known).strip() == "2", "before anything else of the script"
        assert change.run("a", known).strip() == "2"
        assert change.written == ["gate", "admit"]
        journal.step("done", "admit", results={})
        journal.step("begun", "push")
        assert change.written == ["gate", "admit", "push"], "nothing on the machine says so but the journal"
        assert change.run("a", "true") == ""
        journal.step("done", "push", results={})
        journal.step("begun", "retire")
        assert change.written == ["gate", "admit", "push"]
        change.run("a", "true")
        assert change.written == ["gate", "admit", "push", "retire"]
        progress = change.ledger.read(journal.name)
        assert list(progress.done) == ["gate", "admit", "push"] and progress.committed
        assert progress.done["gate"] == {"text": "it's 100 % of \\n and 한글"}
        journal.end("done")
    assert change.ledger.unfinished() == ""


def test_on_several_machines_only_what_has_no_undo_and_no_commit_before_it_waits(machines: Machines) -> None:
    change = Change(machines, "a", "b")
    with change.ledger.held("deploy"):
        journal = change.ledger.begin(PLAN)
        journal.step("begun", "gate")
        change.run("b", "true")
        assert change.written == []
        for step in (OURS, OTHERS, LAST):
            journal.step("begun", step.id)
            assert change.written[-1] == step.id
        assert change.written == ["gate", "admit", "push", "retire"]


def test_a_journal_that_is_left_or_taken_up_again_has_all_records(machines: Machines) -> None:
    change = Change(machines, "a")
    with change.ledger.held("deploy"):
        journal = change.ledger.begin(PLAN)
        journal.step("begun", "admit")
        journal.close()
        assert change.written == ["admit"]
        change.run("a", "true")
    with change.ledger.held("resume"):
        again = change.ledger.reopen(journal.name)
        again.step("done", "admit", results={})
        again.step("begun", "retire")
        change.run("a", "true")
        assert change.written == ["admit", "retire"]
        again.end("done")
    assert change.ledger.read(journal.name).ended == "done"
    assert change.written == ["admit", "retire"]


def test_a_script_that_cant_write_the_journal_changes_nothing(machines: Machines) -> None:
    change = Change(machines, "a")
    with change.ledger.held("deploy"):
        journal = change.ledger.begin(PLAN)
        journal.step("begun", "admit")
        (file,) = (machines.root("a") / "journal").iterdir()
        file.rename(file.with_suffix(".gone"))
        with pytest.raises(Lost, match=r"the journal can't be written .*No such file") as lost:
            change.run("a", f": >{machines.root('a')}/changed")
        assert "resume" in lost.value.advice.hint and not (machines.root("a") / "changed").exists()
