"""Given a change of ECS that is killed at any step, one command gets back to clean, from this machine or another."""

from pathlib import Path

import pytest

from tests.lab.ecs import Operator

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800), pytest.mark.share(2, part=1)]

# What a deploy does when code, configuration and a secret have changed, and what a rollback does.
DEPLOY = (
    "image-build",
    "image-push",
    "secrets",
    "register",
    "gate-pre",
    "update",
    "follow",
    "confirm",
    "gate-post",
    "prune",
)
ROLLBACK = ("update", "follow", "confirm", "gate-post", "prune")
COMMITTED = "prune"  # the step from which nothing is undone


def cases(steps: tuple[str, ...]) -> list[tuple[str, str, str]]:
    """Return every step broken at every place; "inside", where most is unknown, is left to `resume` at each of them."""
    found: list[tuple[str, str, str]] = []
    for number, step in enumerate(steps):
        others = ("deploy", "elsewhere") if step == COMMITTED else ("deploy", "undo", "elsewhere")
        first, second = others[number % len(others)], others[(number + 1) % len(others)]
        found += [(step, "before", first), (step, "inside", "resume"), (step, "after", second)]
    return found


def change_all(made: Operator) -> None:
    made.change_code()
    made.change_something()
    made.rotate_secret()


def test_the_steps_at_which_it_is_killed_are_those_of_a_real_change(served: Operator) -> None:
    assert served.planned("rollback") == ROLLBACK
    change_all(served)
    assert served.planned() == DEPLOY
    served.deploy()


def back_to_clean(made: Operator, way: str, tmp_path: Path) -> None:
    """Settle a killed change from the same machine, or from another one after which this one comes back."""
    match way:
        case "undo":
            made.ok("resume", "--undo", "--yes")
        case "elsewhere":
            colleague = made.elsewhere(tmp_path / "colleague")
            colleague.change_something()  # a deploy of its own, also where the killed one came through
            release = colleague.deploy()
            made.variables = dict(colleague.variables)
            made.write()
            made.ok("deploy", "--yes")
            assert colleague.serving() == release, "an undo leaves alone what somebody else deployed meanwhile"
        case _:
            made.ok(way, "--yes")


@pytest.mark.share
@pytest.mark.parametrize(("step", "when", "way"), cases(DEPLOY))
def test_a_deploy_killed_at_any_step_gets_back_to_clean(
    well: Operator, tmp_path: Path, step: str, when: str, way: str
) -> None:
    before = well.serving()
    if step.startswith("image"):
        well.change_code()
    if step == "secrets":
        well.rotate_secret()
    well.change_something()
    status, _ = well.drive("deploy", step, when)
    assert status == -9
    back_to_clean(well, way, tmp_path)
    if way == "undo":
        well.wait_serving(before)
        assert well.releases()[0] == before
        well.deploy()
    assert well.serving() not in {"", before}
    assert well.unsettled() == ""
    assert well.ok("deploy", "--yes")["changed"] == 0


@pytest.mark.share
@pytest.mark.parametrize(("step", "when", "way"), cases(ROLLBACK))
def test_a_rollback_killed_at_any_step_gets_back_to_clean(
    well: Operator, tmp_path: Path, step: str, when: str, way: str
) -> None:
    well.change_something()
    newer = well.deploy()
    status, _ = well.drive("rollback", step, when)
    assert status == -9
    back_to_clean(well, way, tmp_path)
    if way == "resume":
        assert well.serving() not in {"", newer}
    if way == "undo":
        well.wait_serving(newer)
    # The emulator calls what an undo brought back complete as soon as its container runs, before it answers.
    well.wait(lambda: well.serving() != "", "nothing serves")
    assert well.unsettled() == ""
    well.ok("deploy", "--yes")
    assert well.ok("deploy", "--yes")["changed"] == 0
