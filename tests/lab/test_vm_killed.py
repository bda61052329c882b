"""Given a change of machines that is killed at any step, one command gets back to clean, from this place or another."""

import shutil
from pathlib import Path

import pytest

from tests.lab.vm_operator import Operator
from tests.lab.vm_watching import under_way, watched

pytestmark = [pytest.mark.lab, pytest.mark.timeout(3000), pytest.mark.share(4, part=1)]

# What a deploy does when code, configuration and nginx's files have changed, and what a rollback does.
DEPLOY = (
    "image-build", "image", "files", "gate-pre", "edge", "migrate", "start", "gate-candidate", "admit", "gate-post",
    "retire", "prune",
)  # fmt: skip
ROLLBACK = ("migrate", "start", "gate-candidate", "admit", "gate-post", "retire", "prune")
COMMITTED = ("retire", "prune")  # the steps from which nothing is undone
PART = 47  # each commit in four runs one in so many of the cases; a prime, so that all of them get their turn


def cases(steps: tuple[str, ...]) -> list[tuple[str, str, str]]:
    """Return every step broken at every place; the ways out of it take turns."""
    found: list[tuple[str, str, str]] = []
    for number, step in enumerate(steps):
        ways = ("deploy", "elsewhere", "resume") if step in COMMITTED else ("deploy", "undo", "elsewhere", "resume")
        for turn, when in enumerate(("before", "during", "inside", "after")):
            found.append((step, when, ways[(number + turn) % len(ways)]))
    return found


def test_the_steps_at_which_it_is_killed_are_those_of_a_real_change(steady: Operator) -> None:
    steady.change_something()
    steady.deploy()  # the release before has the same files of nginx then
    steady.wait_alone()
    assert steady.planned("rollback") == ROLLBACK
    steady.change_code()
    steady.change_for("edge")
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
    assert made.ok("lock", "status")["data"]["locked"] is False
    assert made.unsettled() == ""


def all_well(made: Operator) -> None:
    made.ok("deploy", "--yes")
    assert made.ok("deploy", "--yes")["changed"] == 0
    assert made.serving()


@pytest.mark.share(PART)
@pytest.mark.parametrize(("step", "when", "way"), cases(DEPLOY))
def test_a_deploy_killed_at_any_step_gets_back_to_clean(
    steady: Operator, tmp_path: Path, step: str, when: str, way: str
) -> None:
    before = steady.serving()
    steady.change_for(step)
    with watched(steady.first) as seen:
        status, _ = steady.drive("deploy", step, when)
        assert status == -9
        back_to_clean(steady, way, tmp_path)
    assert "" not in seen and before in seen, "clients are served all the while"
    if way == "undo":
        assert steady.serving() == before == steady.releases()[0]
    all_well(steady)
    assert steady.serving() != before


@pytest.mark.share(PART)
@pytest.mark.parametrize(("step", "when", "way"), cases(ROLLBACK))
def test_a_rollback_killed_at_any_step_gets_back_to_clean(
    steady: Operator, tmp_path: Path, step: str, when: str, way: str
) -> None:
    older = steady.serving()
    steady.change_something()
    newer = steady.deploy()
    with watched(steady.first) as seen:
        status, _ = steady.drive("rollback", step, when)
        assert status == -9
        back_to_clean(steady, way, tmp_path)
    assert "" not in seen and set(seen) <= {older, newer, steady.serving()}
    if way == "undo":
        assert steady.serving() == newer
    if way == "resume":
        assert steady.serving() == older
    all_well(steady)


@pytest.mark.share(PART)
@pytest.mark.parametrize("when", ["before", "during", "inside"])
def test_one_killed_while_it_waits_for_the_other_colour_harms_nobody(steady: Operator, when: str) -> None:
    old = steady.serving()
    with under_way(steady) as held:
        steady.change_something()
        first = steady.deploy()
        steady.change_something()
        assert steady.drive("deploy", "drained", when)[0] == -9
        assert steady.serving() == first
        held.finish()
        answer = held.answer()
    assert (answer.status_code, answer.headers["x-release-id"]) == (200, old)
    all_well(steady)
    assert steady.serving() not in {old, first}


@pytest.mark.share(PART)
@pytest.mark.parametrize("step", DEPLOY)
def test_one_killed_whose_journal_is_lost_is_made_good_by_the_next(steady: Operator, step: str) -> None:
    """The operator's own machine has lost all that it had, too."""
    before = steady.serving()
    steady.change_for(step)
    assert steady.drive("deploy", step, "inside")[0] == -9
    steady.first.ok(f"rm -r {steady.root}/journal")
    shutil.rmtree(steady.home / "state", ignore_errors=True)
    steady.ok("deploy", "--yes", "--lock-wait", "120")
    assert steady.serving() not in {"", before}
    assert steady.unsettled() == ""
    all_well(steady)


def test_two_operators_at_two_places_exclude_each_other(steady: Operator, tmp_path: Path) -> None:
    steady.change_something()
    colleague = steady.elsewhere(tmp_path / "colleague")
    with steady.held("deploy", "start") as first:
        for words in (("deploy", "--yes"), ("rollback", "--yes"), ("stop", "--yes")):
            assert f"process {first.process.pid}" in colleague.refused(7, *words)["what"]
        assert colleague.ok("lock", "status")["data"]["owner"]["pid"] == first.process.pid
        first.go()
        status, told = first.ended()
    assert status == 0, told
    assert colleague.ok("status")["data"]["release"] == steady.serving() == told["data"]["release"]
    assert colleague.ok("deploy", "--yes")["changed"] == 0
