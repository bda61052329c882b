"""Given a change of machines, when one breaks at any step, what serves goes on and one command gets back to clean."""

import contextlib
import time
from collections.abc import Callable, Iterator

import pytest

from tests.lab.conftest import Engage
from tests.lab.test_vm_killed import DEPLOY, PART
from tests.lab.vm_operator import Operator
from tests.lab.vm_watching import watched
from tests.lab.vms import SMALL, STORE, Vm

pytestmark = [pytest.mark.lab, pytest.mark.timeout(3000), pytest.mark.proof]

SILENT = 32.0  # seconds: longer than a keeper of the lock waits for a word
INTO = 0.3  # seconds into a step at which something breaks: it is at its first script then, or right behind it
ENDS = {0, 4, 5, 6, 8, 10}  # done, a gate or a step failed, an undo too, unknown, cleaning up failed


def silence(machine: Vm) -> None:
    with machine.silent():
        time.sleep(SILENT)


OUTSIDE: dict[str, Callable[[Vm], None]] = {
    "sshd": Vm.break_connections,
    "silent": silence,
    "docker": Vm.restart_docker,
    "reboot": Vm.reboot,
    "power": Vm.lose_power,
}
QUIET = {"sshd", "silent"}  # of which clients notice nothing


def mended(made: Operator, before: str) -> None:
    """Demand that one good release serves everywhere and nobody holds the lock, and that one command gets to clean."""
    served = made.wait_same()
    assert served in {before, made.releases()[0]}
    made.wait_unlocked()
    made.ok("deploy", "--yes", "--lock-wait", "120")
    assert made.unsettled() == ""
    assert made.wait_same() != before
    assert made.ok("deploy", "--yes")["changed"] == 0


@pytest.mark.share(PART)
@pytest.mark.parametrize("step", [step for step in DEPLOY if step != "image-build"])
@pytest.mark.parametrize("fault", OUTSIDE)
def test_what_breaks_on_the_machine_at_any_step_is_told_and_mended_by_one_command(
    steady: Operator, fault: str, step: str
) -> None:
    before = steady.serving()
    steady.change_for(step)
    with watched(steady.first) as seen, steady.held("deploy", step) as going:
        going.go()
        time.sleep(INTO)
        OUTSIDE[fault](steady.first)
        status, told = going.ended()
    assert status in ENDS, told
    assert status == 0 or told["hint"], told
    if fault in QUIET:
        assert "" not in seen, "clients are served all the while"
    mended(steady, before)


@pytest.fixture(scope="module")
def small(engage: Engage) -> Iterator[Operator]:
    """Return an operator of a deployment whose disk can be filled, on a machine that never starts anew."""
    made = engage("vm-small", name="small", vm={"directory": f"{SMALL}/decodeat-ops"})
    made.deploy()
    made.change_something()
    made.deploy()
    yield made
    made.ok("remove", "--yes", "--name", made.deployment, "--delete-data")


@pytest.fixture
def tight(small: Operator) -> Iterator[Operator]:
    small.wait_alone()
    yield small
    assert small.unsettled() == ""


@pytest.mark.share(PART)
@pytest.mark.parametrize("step", [step for step in DEPLOY if step not in {"image-build", "image"}])
def test_a_disk_that_is_full_at_any_step_is_told(tight: Operator, step: str) -> None:
    before = tight.serving()
    tight.change_for(step)
    with watched(tight.first) as seen, tight.held("deploy", step) as going, tight.first.full():
        going.go()
        status, told = going.ended()
        assert tight.serving() in {before, tight.releases()[0]}
    assert status in ENDS, told
    assert "" not in seen, "clients are served all the while"
    mended(tight, before)


def test_a_disk_without_a_byte_is_told_before_anything_changes(tight: Operator) -> None:
    before = tight.serving()
    tight.change_something()
    with tight.first.full():
        error = tight.refused(3, "deploy", "--yes")
    assert "vm-small has 0 MiB left" in str(error) and tight.serving() == before
    tight.deploy()


@pytest.fixture(scope="module")
def filled(engage: Engage) -> Operator:
    """Return an operator of a machine whose engine has little room."""
    made = engage("vm-filled", name="filled", disk="2g")
    made.deploy()
    return made


@pytest.mark.proof
def test_an_engine_without_room_for_the_image_is_told(filled: Operator) -> None:
    before = filled.serving()
    filled.change_code()
    with filled.first.full(STORE):
        error = filled.refused(5, "deploy", "--yes")
        assert "vm-filled has no room for the image" in error["what"] and "undone" in error["state"], error
        assert filled.serving() == before
    assert filled.releases() == [before]
    mended(filled, before)


@pytest.mark.proof
def test_an_engine_whose_room_goes_while_the_image_comes_is_told(filled: Operator) -> None:
    """Its archive has its place, and what is unpacked of it has not."""
    before = filled.serving()
    filled.change_code()
    with filled.held("deploy", "image") as going, contextlib.ExitStack() as stack:
        going.go()
        time.sleep(INTO)
        stack.enter_context(filled.first.full(STORE))
        status, told = going.ended()
        assert status in {0, 5}, told  # it may have come by then
        assert status == 0 or "no room" in told["what"], told
    mended(filled, before)
