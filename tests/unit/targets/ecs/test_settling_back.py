"""Given a shift that ECS takes back, when a change takes its place, then it goes on from what ECS went back to."""

from pathlib import Path

import pytest

from decodeat_ops.core.errors import StepFailed
from tests.unit.targets.ecs.demo import registered, release
from tests.unit.targets.ecs.fargate import Fargate
from tests.unit.targets.ecs.test_settling import BUILT, carry_out, plan_of, settled
from tests.unit.targets.ecs.test_settling_shifts import rolling_back, settle, settle_of, shift_to, shifting

TELLS = pytest.mark.parametrize("tells", [True, False], ids=["rollout-told", "no-rollout"])


@pytest.fixture
def fargate() -> Fargate:
    return Fargate(ends_slowly=True)


@TELLS
@pytest.mark.parametrize(
    ("when", "status"),
    [
        ("stopped", "ROLLBACK_SUCCESSFUL"),
        ("stopped", "ROLLBACK_FAILED"),
        ("meanwhile", "ROLLBACK_SUCCESSFUL"),
        ("meanwhile", "ROLLBACK_FAILED"),
        ("before", "ROLLBACK_FAILED"),
    ],
)
def test_an_undo_brings_back_what_ecs_went_back_to(
    tmp_path: Path, fargate: Fargate, when: str, status: str, tells: bool
) -> None:
    """Tasks of what was rolled back run on for a while, or for ever: nobody wants that release back."""
    place, old, theirs = shifting(tmp_path, fargate)
    fargate.shifts_tell_rollout, fargate.stopped_as = tells, status
    if when == "before":
        fargate.go_back(theirs, status)
    params = settle_of(place, *rolling_back(old))
    if when == "meanwhile":
        fargate.go_back(theirs, status)
    told = settle(place, params)
    assert [one["runningCount"] for one in (fargate.service or {})["deployments"]] == [2, 2]
    assert told is not None and place.clock.now() == 0
    before = told["left"]["before"]
    assert before["task_definition"].endswith(":2") and before["failed"] is False and before["shape_of"] == ""


@TELLS
@pytest.mark.parametrize("status", ["ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"])
def test_a_rollback_that_fails_ends_with_what_ecs_went_back_to(
    tmp_path: Path, fargate: Fargate, status: str, tells: bool
) -> None:
    place, old, _ = shifting(tmp_path, fargate)
    fargate.shifts_tell_rollout, fargate.stopped_as = tells, status
    fargate.between["UpdateService", 1] = lambda: shift_to(fargate, old)
    place.http.silent = True  # type: ignore[attr-defined]
    with pytest.raises(StepFailed) as caught:
        carry_out(place, tmp_path, plan_of(place, *rolling_back(old)))
    assert "Everything was undone" in caught.value.advice.state
    brought = [one["taskDefinition"].rpartition(":")[2] for one in fargate.made("UpdateService")]
    assert brought == ["1", "2"] and settled(fargate) == [("2", "COMPLETED")]


def test_a_stop_that_fails_half_way_is_told(tmp_path: Path, fargate: Fargate) -> None:
    place, old, _ = shifting(tmp_path, fargate)
    fargate.stopped_as = "ROLLBACK_FAILED"
    told = settle(place, settle_of(place, *rolling_back(old)))
    assert told is not None and "(demo-production:3) was stopped and ended as ROLLBACK_FAILED" in told["warnings"][0]


def test_a_stop_that_came_too_late_has_rolled_nothing_back(tmp_path: Path, fargate: Fargate) -> None:
    place, old, theirs = shifting(tmp_path, fargate)
    fargate.stopped_as = "SUCCESSFUL"
    assert settle(place, settle_of(place, *rolling_back(old))) is None
    assert fargate.made("StopServiceDeployment") != [] and theirs["status"] == "SUCCESSFUL"


# What somebody else begins meanwhile


def test_what_others_began_after_it_went_back_is_refused_at_once(tmp_path: Path, fargate: Fargate) -> None:
    place, old, theirs = shifting(tmp_path, fargate)
    params = settle_of(place, *rolling_back(old))
    fargate.go_back(theirs)
    newer = registered(place, fargate, release(5)).task_definition
    fargate.deploy(newer)
    fargate.shift(newer, "IN_PROGRESS")
    with pytest.raises(StepFailed, match=r"changed since this was planned: the deployment .*\(demo-production:4\)"):
        settle(place, params)
    assert place.clock.now() == 0 and fargate.made("StopServiceDeployment") == []


def test_what_others_begin_while_it_goes_back_ends_the_wait(tmp_path: Path, fargate: Fargate) -> None:
    place, old, _ = shifting(tmp_path, fargate)
    params = settle_of(place, *rolling_back(old))
    newer = registered(place, fargate, release(5)).task_definition
    fargate.stopped_as = "ROLLBACK_IN_PROGRESS"
    looks = len(fargate.made("DescribeServices"))
    fargate.between["DescribeServices", looks + 4] = lambda: (fargate.deploy(newer), None)[1]
    with pytest.raises(StepFailed, match=r"changed since this was planned: the deployment .*\(demo-production:4\)"):
        settle(place, params)
    assert 0 < place.clock.now() < 60


def test_a_new_shift_beside_the_rest_of_a_failed_one_is_waited_for(tmp_path: Path, fargate: Fargate) -> None:
    """ECS lists it a moment after it began, and until then only the one that failed."""
    place, _, theirs = shifting(tmp_path, fargate)
    fargate.go_back(theirs, "ROLLBACK_FAILED")
    newer = registered(place, fargate, release(5)).task_definition
    fargate.deploy(newer)
    params = settle_of(place, release(4), BUILT)

    def listed() -> None:
        fargate.stuck = False
        fargate.shift(newer, "SUCCESSFUL")

    fargate.between["ListServiceDeployments", len(fargate.made("ListServiceDeployments")) + 3] = listed
    assert settle(place, params) is None
    assert fargate.made("StopServiceDeployment") == [] and place.clock.now() > 0
    assert settled(fargate) == [("4", "COMPLETED")]
