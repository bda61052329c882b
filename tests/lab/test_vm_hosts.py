"""Given three machines, when a release goes to them, the first one shows it before the rest, and all stay together."""

import time
from collections.abc import Callable, Iterator

import pytest

from tests.lab.conftest import Engage
from tests.lab.test_vm_faults import ENDS, INTO, OUTSIDE, mended
from tests.lab.test_vm_killed import PART
from tests.lab.vm_operator import Operator
from tests.lab.vms import Vm

pytestmark = [pytest.mark.lab, pytest.mark.timeout(3000), pytest.mark.proof]

NAMES = ("vm1", "vm2", "vm3")
MOVING = ("start", "admit", "watch", "admit-2", "gate-post", "retire")  # the steps at which machines may differ
CHAT = 1_000_000  # bytes that a change may say to a machine


@pytest.fixture(scope="module")
def three(engage: Engage) -> Operator:
    made = engage(*NAMES, name="group", ports=(8092, 8492), variables={"WORKERS": 1, "DATABASE_URL": "none"})
    made.deploy()
    made.wait_alone()
    return made


@pytest.fixture
def group(three: Operator) -> Iterator[Operator]:
    yield three
    assert three.unsettled() == ""
    three.wait_alone()
    assert " and " not in three.serving()


def each(made: Operator) -> list[str]:
    return [machine.serving(made.ports[1]) for machine in made.machines]


def test_the_first_machine_shows_it_before_the_rest(group: Operator) -> None:
    before = group.serving()
    group.change_something()
    assert [one for one in group.planned() if one.startswith(("admit", "watch"))] == ["admit", "watch", "admit-2"]
    with group.held("deploy", "admit-2") as going:
        first, *rest = each(group)
        assert first not in {"", before} and rest == [before, before]
        going.go()
        status, told = going.ended()
    assert status == 0, told
    assert each(group) == [first] * 3


def without_container(made: Operator, machine: Vm) -> None:
    """Kill what is started there as the new release."""
    colour = {"blue": "green", "green": "blue"}[made.colour(machine)]
    machine.docker("kill", f"{made.deployment}-{colour}")


def without_image(made: Operator, machine: Vm) -> None:
    """Take away what the new release would be made of."""
    release = machine.ok(f"ls -t {made.root}/releases | head -n 1")
    image = machine.ok(f"cat {made.root}/releases/{release}/image")
    machine.docker("image", "rm", "--force", image)


@pytest.mark.parametrize(("step", "breaks"), [("admit-2", without_container), ("start", without_image)])
def test_what_fails_on_the_third_brings_all_of_them_back(
    group: Operator, step: str, breaks: Callable[[Operator, Vm], None]
) -> None:
    before, releases = group.serving(), group.releases()
    group.change_code()
    group.change_something()
    with group.held("deploy", step) as going:
        breaks(group, group.machines[2])
        going.go()
        status, told = going.ended()
    assert status == 5, told
    assert "vm3" in told["what"] and "undone" in told["state"], told
    assert each(group) == [before] * 3 and group.releases() == releases
    group.wait_alone()
    assert group.deploy() == group.serving() != before


@pytest.mark.share(PART)
@pytest.mark.parametrize("when", ["before", "during", "inside", "after"])
@pytest.mark.parametrize("step", MOVING)
def test_a_deploy_to_three_killed_in_the_middle_leaves_none_behind(group: Operator, step: str, when: str) -> None:
    before = group.serving()
    group.change_something()
    assert group.drive("deploy", step, when)[0] == -9
    assert "" not in each(group), "clients of all are served all the while"
    group.ok("deploy", "--yes", "--lock-wait", "120")
    assert group.unsettled() == ""
    assert len(set(each(group))) == 1 and group.serving() != before
    assert group.ok("deploy", "--yes")["changed"] == 0


@pytest.mark.share(PART)
@pytest.mark.parametrize("step", MOVING)
@pytest.mark.parametrize("fault", OUTSIDE)
def test_what_breaks_on_the_third_machine_is_mended_on_all_by_one_command(
    group: Operator, fault: str, step: str
) -> None:
    before = group.serving()
    group.change_something()
    with group.held("deploy", step) as going:
        going.go()
        time.sleep(INTO)
        OUTSIDE[fault](group.machines[2])
        status, told = going.ended()
    assert status in ENDS, told
    if status == 5:
        assert group.wait_same() == before, "what is undone is undone on all"
    group.ok("deploy", "--yes", "--lock-wait", "120")
    mended(group, before)


def test_a_machine_that_does_not_answer_is_named_before_anything_changes(group: Operator) -> None:
    before = group.serving()
    group.change_something()
    with group.machines[1].silent():
        error = group.refused(8, "deploy", "--yes")
        assert "vm2" in error["what"], error
        ran = group.run("status", "--json")
        assert (ran.status, ran.json["data"]["silent"]) == (8, ["vm2"]), str(ran)
    assert group.serving() == before
    assert group.deploy() == group.serving() != before


def test_all_go_back_and_stop_and_start_together(group: Operator) -> None:
    older = group.serving()
    group.change_something()
    newer = group.deploy()
    received = [machine.received for machine in group.machines]
    group.ok("rollback", "--yes")
    assert each(group) == [older] * 3 != [newer] * 3
    assert all(now.received - was < CHAT for now, was in zip(group.machines, received, strict=True))
    group.ok("stop", "--yes")
    assert each(group) == [""] * 3
    group.ok("start", "--yes")
    assert each(group) == [older] * 3


def test_the_logs_of_all_of_them_say_where_they_are_from(group: Operator) -> None:
    release = group.serving()
    lines = group.run("logs", "--lines", "300").stdout.splitlines()
    sources = {line.split(" ", 1)[0] for line in lines if f'"release": "{release}"' in line}
    assert sources == set(NAMES), lines


def test_one_that_rebooted_serves_what_the_others_do(group: Operator) -> None:
    release = group.serving()
    group.machines[2].reboot()
    group.wait_serving(release)
    assert group.ok("deploy", "--yes")["changed"] == 0
