"""Given a change of machines that breaks at any step, one command gets back to clean, from this place or another."""

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lab.conftest import Engage
from tests.lab.vm_operator import Operator
from tests.lab.vms import SMALL, Vm

pytestmark = [pytest.mark.lab, pytest.mark.timeout(3000), pytest.mark.share(3, part=1)]

# What a deploy does when code and configuration have changed, and what a rollback does.
DEPLOY = (
    "image-build", "image", "files", "gate-pre", "migrate", "start", "gate-candidate", "admit", "gate-post", "retire",
    "prune",
)  # fmt: skip
ROLLBACK = ("migrate", "start", "gate-candidate", "admit", "gate-post", "retire", "prune")
COMMITTED = ("retire", "prune")  # the steps from which nothing is undone
SILENT = 32.0  # seconds: longer than a keeper of the lock waits for a word
INTO = 0.3  # seconds into a step at which something from outside breaks


def cases(steps: tuple[str, ...]) -> list[tuple[str, str, str]]:
    """Return every step broken at every place; the ways out of it take turns."""
    found: list[tuple[str, str, str]] = []
    for number, step in enumerate(steps):
        ways = ("deploy", "elsewhere", "resume") if step in COMMITTED else ("deploy", "undo", "elsewhere", "resume")
        for turn, when in enumerate(("before", "during", "inside", "after")):
            found.append((step, when, ways[(number + turn) % len(ways)]))
    return found


def test_the_steps_at_which_it_is_killed_are_those_of_a_real_change(steady: Operator) -> None:
    assert steady.planned("rollback") == ROLLBACK
    steady.change_code()
    steady.change_something()
    assert steady.planned() == DEPLOY
    steady.deploy()


def back_to_clean(made: Operator, way: str, tmp_path: Path) -> None:
    """Settle what is left open from the same place, or from another one that has the same settings."""
    match way:
        case "undo":
            made.ok("resume", "--undo", "--yes", "--lock-wait", "120")
        case "elsewhere":
            colleague = made.elsewhere(tmp_path / "colleague")
            colleague.ok("deploy", "--yes", "--lock-wait", "120")
        case _:
            made.ok(way, "--yes", "--lock-wait", "120")


def all_well(made: Operator) -> None:
    assert made.unsettled() == ""
    made.ok("deploy", "--yes")
    assert made.ok("deploy", "--yes")["changed"] == 0
    assert made.serving()


@pytest.mark.share
@pytest.mark.parametrize(("step", "when", "way"), cases(DEPLOY))
def test_a_deploy_killed_at_any_step_gets_back_to_clean(
    steady: Operator, tmp_path: Path, step: str, when: str, way: str
) -> None:
    before = steady.serving()
    if step.startswith("image"):
        steady.change_code()
    steady.change_something()
    status, _ = steady.drive("deploy", step, when)
    assert status == -9
    assert steady.serving(), "clients are served all the while"
    back_to_clean(steady, way, tmp_path)
    if way == "undo":
        steady.wait_serving(before)
        assert steady.releases()[0] == before
    all_well(steady)
    assert steady.serving() != before


@pytest.mark.share
@pytest.mark.parametrize(("step", "when", "way"), cases(ROLLBACK))
def test_a_rollback_killed_at_any_step_gets_back_to_clean(
    steady: Operator, tmp_path: Path, step: str, when: str, way: str
) -> None:
    steady.change_something()
    newer = steady.deploy()
    status, _ = steady.drive("rollback", step, when)
    assert status == -9
    assert steady.serving()
    back_to_clean(steady, way, tmp_path)
    if way == "undo":
        steady.wait_serving(newer)
    all_well(steady)


@contextlib.contextmanager
def silence(machine: Vm) -> Iterator[None]:
    with machine.silent():
        time.sleep(SILENT)
        yield


@contextlib.contextmanager
def at_once(fault: Callable[[Vm], None], machine: Vm) -> Iterator[None]:
    fault(machine)
    yield


OUTSIDE = {"sshd": Vm.break_connections, "docker": Vm.restart_docker, "reboot": Vm.reboot, "power": Vm.lose_power}


def broken(made: Operator, step: str, fault: str) -> tuple[int, str]:
    """Begin a deploy, and let something break on the machine a moment into a step; exit status and what it said."""
    going = made.driven("deploy", step, "hold")
    assert going.stdin is not None and going.stdout is not None
    assert going.stdout.readline() == "held\n", going.communicate()
    going.stdin.write("\n")
    going.stdin.flush()
    time.sleep(INTO)
    try:
        with silence(made.first) if fault == "silent" else at_once(OUTSIDE[fault], made.first):
            pass
        said, errors = going.communicate(timeout=900)
    except subprocess.TimeoutExpired:
        going.kill()
        raise
    assert said.strip(), errors
    return going.returncode, said.splitlines()[-1]


@pytest.mark.share
@pytest.mark.parametrize("step", [step for step in DEPLOY if step not in {"image-build", "gate-pre"}])
@pytest.mark.parametrize("fault", ["sshd", "silent", "docker", "reboot", "power"])
def test_what_breaks_on_the_machine_at_any_step_is_told_and_mended_by_one_command(
    steady: Operator, fault: str, step: str
) -> None:
    if step == "image":
        steady.change_code()
    steady.change_something()
    status, said = broken(steady, step, fault)
    assert status in {0, 4, 5, 6, 8}, said
    steady.wait_serving(steady.serving() or next(iter(steady.releases())))
    steady.ok("deploy", "--yes", "--lock-wait", "120")
    all_well(steady)


@pytest.fixture(scope="module")
def small(engage: Engage) -> Iterator[Operator]:
    """Return an operator of a deployment whose disk can be filled."""
    made = engage("vm1", name="small", ports=(8090, 8490), vm={"directory": f"{SMALL}/decodeat-ops"})
    made.deploy()
    made.change_something()
    made.deploy()
    yield made
    made.ok("remove", "--yes", "--name", made.deployment, "--delete-data")


@pytest.mark.share
@pytest.mark.parametrize("step", [step for step in DEPLOY if step not in {"image-build", "image"}])
def test_a_disk_that_is_full_at_any_step_is_told(small: Operator, step: str) -> None:
    release = small.serving()
    small.change_something()
    going = small.driven("deploy", step, "hold")
    assert going.stdout is not None and going.stdout.readline() == "held\n", going.communicate()
    with small.first.full():
        said, errors = going.communicate("\n", timeout=900)
        assert said.strip(), errors
        assert small.serving(), "clients are served all the while"
        assert going.returncode in {0, 5, 6, 8}, said
    small.ok("deploy", "--yes", "--lock-wait", "120")
    assert small.unsettled() == "" and small.serving() not in {"", release}


def test_a_full_disk_is_told_before_anything_changes(small: Operator) -> None:
    release = small.serving()
    small.change_something()
    with small.first.full():
        error = small.refused(3, "deploy", "--yes")
    assert "MiB" in str(error) and small.serving() == release
    small.deploy()


def test_two_operators_at_two_places_exclude_each_other(steady: Operator, tmp_path: Path) -> None:
    steady.change_something()
    first = steady.driven("deploy", "start", "hold")
    assert first.stdout is not None and first.stdout.readline() == "held\n"
    colleague = steady.elsewhere(tmp_path / "colleague")
    for words in (("deploy", "--yes"), ("rollback", "--yes"), ("stop", "--yes")):
        assert f"process {first.pid}" in colleague.refused(7, *words)["what"]
    said, errors = first.communicate("\n", timeout=900)
    assert first.returncode == 0, said + errors
    assert colleague.ok("status")["data"]["release"] == steady.serving()
    assert colleague.ok("deploy", "--yes")["changed"] == 0
