"""Given deployments on several machines, two commands never change one at once, and each knows of the other."""

import json
import os
import re
import stat

import pytest

from decodeat_ops.core.errors import Configuration, Locked, Unreachable
from decodeat_ops.targets.vm import keeping
from decodeat_ops.targets.vm.claim import FORMAT
from decodeat_ops.targets.vm.ledger import VmLedger
from tests.support.local_remote import Cut
from tests.unit.targets.vm.ledgers import PLAN, SWIFT, Machines, files, keepers


def test_the_lock_is_held_on_every_machine_and_names_its_owner(machines: Machines) -> None:
    ledger, other = machines.ledger("a", "b"), machines.ledger("a", "b")
    assert other.holder() is None
    with ledger.held("deploy") as owner:
        assert other.holder() == owner and "@" in owner.user
        for machine in "ab":
            says = rf"locked on {machine}: deploy by .*, since {re.escape(owner.since)}"
            with pytest.raises(Locked, match=says), machines.ledger(machine).held("rollback"):
                pass
        assert (machines.root("a") / "lock").stat().st_size == 1024
        with pytest.raises(Locked), ledger.held("deploy"):
            pass
    assert other.holder() is None
    assert not keepers(machines.root("a")) and not keepers(machines.root("b"))
    with other.held("rollback"):
        pass


def test_a_command_waits_for_the_lock_as_long_as_it_was_told(machines: Machines) -> None:
    first, second = machines.ledger("a"), machines.ledger("a")
    holding = first.held("deploy")
    holding.__enter__()
    beats = iter(range(3))

    class Clock:
        def now(self) -> float:
            if next(beats, None) == 2:  # when the lock was asked for in vain
                holding.__exit__(None, None, None)
            return 0.0

    object.__setattr__(second._place, "clock", Clock())
    with second.held("rollback", wait=60.0):
        assert first.holder() is not None


@pytest.mark.parametrize("order", [("a", "b", "c"), ("c", "b", "a")])
def test_the_second_of_three_is_locked_and_none_stays_locked(machines: Machines, order: tuple[str, ...]) -> None:
    ledger = machines.ledger(*order)
    with machines.ledger("b").held("backup"):
        with pytest.raises(Locked, match=r"locked on b: backup by"), ledger.held("deploy"):
            raise AssertionError("it was locked")
        assert not keepers(machines.root("a")) and not keepers(machines.root("c"))
    with ledger.held("deploy"):
        pass


def test_a_machine_that_is_down_is_named_and_nothing_stays_locked(machines: Machines) -> None:
    machines.ledger("a", "b")
    place = machines.place("a", "b")
    ledger = VmLedger(place, SWIFT)
    place.hosts["b"].cut_on("held=\n", Cut.REFUSED)  # type: ignore[attr-defined]
    with pytest.raises(Unreachable, match="b refuses the connection") as down, ledger.held("deploy"):
        pass
    assert down.value.advice.state == "Nothing was changed."
    assert "`decodeat-ops resume --undo` takes back on the others" in down.value.advice.hint
    assert not keepers(machines.root("a"))
    for again, others in ((ledger, True), (VmLedger(machines.place("b"), SWIFT), False)):
        again._place.hosts["b"].cut_on("kept", Cut.REFUSED)  # type: ignore[attr-defined]
        with pytest.raises(Unreachable, match="b refuses the connection") as down:
            again.unfinished()
        assert ("decodeat-ops resume --undo" in down.value.advice.hint) is others


def test_a_change_that_was_left_behind_with_a_machine_is_not_gone_on_with(machines: Machines) -> None:
    """It was taken out of the settings in the middle of it, and the others have changed since."""
    both = machines.ledger("a", "b")
    with both.held("deploy"):
        both.begin(PLAN).close()
    assert machines.ledger("a", "b").unfinished().startswith("a:")
    rest = machines.ledger("b")
    assert rest.unfinished() == ""
    with rest.held("deploy"):
        rest.begin(PLAN).end("done")
    for order in (("a", "b"), ("b", "a")):
        assert machines.ledger(*order).unfinished() == ""
        later = machines.ledger(*order)
        with later.held("deploy"):
            later.begin(PLAN).close()
        assert machines.ledger("a", "b").unfinished().startswith(f"{order[0]}:")
        with later.held("deploy"):
            later.reopen(later.unfinished()).end("done")


def test_directories_belong_to_whom_they_should_and_are_made_once(machines: Machines) -> None:
    ledger = machines.ledger("a")
    root = machines.root("a")
    modes = {
        name: (info.st_uid, info.st_gid, f"{stat.S_IMODE(info.st_mode):o}")
        for name in ("", "run", "run/blue", "data", "journal", "salt", "lock")
        for info in [(root / name).stat()]
    }
    assert modes == {
        "": (0, 0, "700"),
        "run": (0, 10010, "750"),
        "run/blue": (10001, 10010, "2750"),
        "data": (10001, 10010, "700"),
        "journal": (0, 0, "700"),
        "salt": (0, 0, "600"),
        "lock": (0, 0, "600"),
    }
    assert json.loads((root / "format.json").read_text()) == {"format": FORMAT, "name": "demo", "env": "production"}
    before = files(root)
    assert set(before) == {"format.json", "lock", "salt", "step.lock"}
    ledger.prepare()
    assert files(root) == before


def test_a_directory_that_somebody_else_has_made_is_roots(machines: Machines) -> None:
    root = machines.root("a")
    root.mkdir(parents=True, mode=0o755)
    os.chown(root, 12345, 12345)
    machines.ledger("a")
    assert (root.stat().st_uid, root.stat().st_gid, stat.S_IMODE(root.stat().st_mode)) == (0, 0, 0o700)


def test_all_machines_get_the_salt_of_the_first_that_has_one(machines: Machines) -> None:
    machines.ledger("b")
    salt = (machines.root("b") / "salt").read_text().strip()
    place = machines.place("a", "b", "c")
    drawn = keeping.salt(place)
    VmLedger(place, SWIFT).prepare()
    assert keeping.salt(place) == salt != drawn
    assert {(machines.root(one) / "salt").read_text().strip() for one in "abc"} == {salt}
    assert stat.S_IMODE((machines.root("a") / "salt").stat().st_mode) == 0o600


def test_the_salt_of_a_first_plan_is_the_one_that_is_written(machines: Machines) -> None:
    place = machines.place("a", "b")
    drawn = keeping.salt(place)
    VmLedger(place, SWIFT).prepare()
    assert keeping.salt(place) == drawn == (machines.root("b") / "salt").read_text().strip()


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ('{"format": 1, "name": "shop", "env": "production"}', "belongs to shop, environment production, not to demo"),
        ('{"format": 99, "name": "demo", "env": "production"}', "by a newer version"),
        ("{}", "damaged"),
        ("nonsense", "damaged"),
    ],
)
def test_another_deployments_directory_is_left_as_it_is(machines: Machines, record: str, says: str) -> None:
    machines.root("b").mkdir(parents=True)
    (machines.root("b") / "format.json").write_text(record + "\n")
    with pytest.raises(Configuration, match=says) as refused:
        machines.ledger("a", "b")
    assert "b" in refused.value.advice.what
    assert files(machines.root("b")) == {"format.json": record.encode() + b"\n"}


def test_releases_of_nobody_are_refused(machines: Machines) -> None:
    (machines.root("a") / "releases" / "r1").mkdir(parents=True)
    with pytest.raises(Configuration, match="nothing says of which deployment"):
        machines.ledger("a")


def test_a_record_in_other_words_is_ours(machines: Machines) -> None:
    machines.root("a").mkdir(parents=True)
    record = '{"name": "demo", "env": "production", "format": 1, "more": 1}\n'
    (machines.root("a") / "format.json").write_text(record)
    machines.ledger("a")
    assert (machines.root("a") / "format.json").read_text() == record


def test_a_journal_left_open_is_found_whichever_machine_is_named_first(machines: Machines) -> None:
    first = machines.ledger("a", "b")
    with first.held("deploy"):
        journal = first.begin(PLAN)
        journal.step("begun", "one")
        journal.close()
    second = machines.ledger("b", "a")
    assert second.exists() and second.unfinished() == journal.name
    assert journal.name.startswith("a:/")
    assert second.read(journal.name).begun == ["one"]
    with second.held("resume"):
        second.reopen(journal.name).end("undone")
    assert second.unfinished() == first.unfinished() == ""


def test_nothing_is_there_before_it_is_prepared(machines: Machines) -> None:
    ledger = VmLedger(machines.place("a"), SWIFT)
    assert not ledger.exists() and ledger.unfinished() == "" and ledger.holder() is None
    ledger.discard()
    assert not machines.root("a").exists()


def test_a_removal_leaves_nothing_but_what_others_own(machines: Machines) -> None:
    ledger = machines.ledger("a", "b")
    with ledger.held("remove"):
        ledger.begin(PLAN).end("done")
    (machines.root("b") / "data" / "kept").touch()
    ledger.discard()
    assert not machines.root("a").exists()
    assert set(files(machines.root("b"))) == {"data/kept", "format.json", "lock", "salt", "step.lock"}
    again = machines.ledger("a", "b")
    assert again.unfinished() == ""


def test_a_removal_leaves_lock_and_journals_to_a_command_that_came_in_between(machines: Machines) -> None:
    ledger, other = machines.ledger("a"), machines.ledger("a")
    with other.held("deploy"):
        other.begin(PLAN).close()
        ledger.discard()
    ledger.discard()
    assert other.unfinished()


def test_the_lock_of_a_deployment_that_was_removed_meanwhile_is_made_anew(machines: Machines) -> None:
    ledger, other = machines.ledger("a"), machines.ledger("a")
    other.discard()
    with ledger.held("deploy"):
        ledger.prepare()
        assert other.holder() is not None
        ledger.begin(PLAN).end("done")
