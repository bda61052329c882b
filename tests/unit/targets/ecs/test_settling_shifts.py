"""Given a shift of traffic under way, when a change comes, it stops the shift, or passes by one that is over."""

from pathlib import Path

import pytest

from decodeat_ops.core.aws import AwsRefused
from decodeat_ops.core.errors import StepFailed
from decodeat_ops.core.plan import Params
from decodeat_ops.core.target import Origin
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.targets.ecs.actions import ACTS
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.release import EcsRelease
from decodeat_ops.targets.ecs.target import Ecs
from tests.support.aws import GREEN, GROUP, RULE
from tests.unit.targets.ecs.demo import registered, release, serving
from tests.unit.targets.ecs.fargate import Fargate, Thing
from tests.unit.targets.ecs.test_settling import BUILT, carry_out, placed, plan_of, preview, settled

LIMIT = 40 * 60  # seconds that a deploy waits for a shift: 30 min, and ten of the canary's own
SHIFTED = f"""
strategy = "canary"
target_group = "{GROUP}"
green_target_group = "{GREEN}"
listener_rule = "{RULE}"
infrastructure_role = "shifts"
"""


@pytest.fixture
def fargate() -> Fargate:
    return Fargate()


def shifting(home: Path, fargate: Fargate) -> tuple[Place, EcsRelease, Thing]:
    """Return a place where release 2 serves and a shift to release 3 goes on for ever; and release 1, and the shift."""
    place = placed(home, fargate, SHIFTED)
    old = serving(place, fargate, release(1))
    serving(place, fargate, release(2))
    new = registered(place, fargate, release(3)).task_definition
    fargate.deploy(new)
    assert fargate.service is not None
    fargate.service["deployments"][0]["runningCount"] = 2
    fargate.stuck = True
    return place, old, fargate.shift(new, "IN_PROGRESS")


def test_a_rollback_stops_a_shift_first(tmp_path: Path, fargate: Fargate) -> None:
    place, old, theirs = shifting(tmp_path, fargate)
    plan = plan_of(place, old, Origin("kept", of=old))
    assert "a shift that still goes on is rolled back first (StopServiceDeployment: ROLLBACK)" in preview(plan)[1]
    assert "not waited for" not in preview(plan)[1]
    fargate.calls.clear()
    fargate.between["UpdateService", 1] = lambda: shift_to(fargate, old)
    (warning,) = carry_out(place, tmp_path, plan)
    assert "(demo-production:3) was not waited for: its shift was stopped and rolled back." in warning
    assert theirs["status"] == "ROLLBACK_SUCCESSFUL"
    writes = [name for name in fargate.writes() if name in {"StopServiceDeployment", "UpdateService"}]
    assert writes == ["StopServiceDeployment", "UpdateService"]
    assert settled(fargate) == [("1", "COMPLETED")]


def test_a_first_shift_without_any_other_task_is_waited_for(tmp_path: Path, fargate: Fargate) -> None:
    """An update on top of it would only queue up."""
    place, old, theirs = shifting(tmp_path, fargate)
    assert fargate.service is not None
    fargate.shifts_tell_rollout = False
    fargate.service["deployments"][1]["runningCount"] = 0
    params = settle_of(place, old, Origin("kept", of=old))
    fargate.calls.clear()
    settle(place, params)
    assert fargate.writes() == ["StopServiceDeployment"] and theirs["status"] == "ROLLBACK_SUCCESSFUL"


def shift_to(fargate: Fargate, made: EcsRelease) -> None:
    fargate.stuck = False
    fargate.shift(made.task_definition, "SUCCESSFUL")


def settle_of(place: Place, made: EcsRelease, origin: Origin | None) -> Params:
    """Return the parameters of the step that deals with the shift, planned from what is there."""
    (step,) = [one for one in plan_of(place, made, origin).steps if one.id == "settle"]
    return step.do.params


def settle(place: Place, params: Params) -> Results | None:
    return ACTS["settle"](place, Context(), params)


def rolling_back(old: EcsRelease) -> tuple[EcsRelease, Origin]:
    return old, Origin("kept", of=old)


def test_a_deploy_stops_a_shift_after_its_time(tmp_path: Path, fargate: Fargate) -> None:
    place, _, theirs = shifting(tmp_path, fargate)
    told = settle(place, settle_of(place, release(4), BUILT))
    assert told is not None and "had not ended after 40 min" in told["warnings"][0]
    assert theirs["status"] == "ROLLBACK_SUCCESSFUL"
    assert told["left"]["before"]["task_definition"].endswith(":2") and told["left"]["before"]["failed"] is False


@pytest.mark.parametrize("verb", ["deploy", "rollback"])
def test_a_stop_that_was_cut_off_is_found_done(tmp_path: Path, fargate: Fargate, verb: str) -> None:
    place, old, _ = shifting(tmp_path, fargate)
    params = settle_of(place, *(rolling_back(old) if verb == "rollback" else (release(4), BUILT)))
    first = settle(place, params)
    fargate.calls.clear()
    again = settle(place, params)
    assert first is not None and again is not None and again["left"] == first["left"]
    assert "(demo-production:3) went back: this change takes its place." in again["warnings"][0]
    assert fargate.writes() == []


def test_a_shift_that_does_not_go_back_is_said_to_have_been_stopped(tmp_path: Path, fargate: Fargate) -> None:
    place, old, theirs = shifting(tmp_path, fargate)
    fargate.stopped_as = "ROLLBACK_IN_PROGRESS"
    what = "ECS was told to roll the shift to demo-production:3 back, and that did not end within 40 min"
    with pytest.raises(StepFailed, match=what):
        settle(place, settle_of(place, *rolling_back(old)))
    assert theirs["status"] == "ROLLBACK_IN_PROGRESS"


def test_ecs_may_go_back_under_a_new_id(tmp_path: Path, fargate: Fargate) -> None:
    place, old, _ = shifting(tmp_path, fargate)
    params = settle_of(place, *rolling_back(old))
    before = {one["id"] for one in (fargate.service or {})["deployments"]}

    def renamed() -> None:
        assert fargate.service is not None
        if len(fargate.service["deployments"]) == 1:
            fargate.service["deployments"][0]["id"] = "ecs-svc/999"

    fargate.between["DescribeServices", len(fargate.made("DescribeServices")) + 2] = renamed
    told = settle(place, params)
    assert told is not None and set(told["left"]["guard"]) == before | {"ecs-svc/999"}
    assert told["left"]["before"]["primary"] == "ecs-svc/999"


def test_a_stop_that_is_denied_is_told(tmp_path: Path, fargate: Fargate) -> None:
    place, old, _ = shifting(tmp_path, fargate)
    params = settle_of(place, *rolling_back(old))
    fargate.denied.add("StopServiceDeployment")
    with pytest.raises(AwsRefused, match="StopServiceDeployment"):
        settle(place, params)


# A shift that ended by itself


@pytest.mark.parametrize("verb", ["deploy", "rollback"])
def test_a_shift_that_ends_at_that_moment_is_what_the_plan_was_made_from(
    tmp_path: Path, fargate: Fargate, verb: str
) -> None:
    place, old, theirs = shifting(tmp_path, fargate)
    params = settle_of(place, *(rolling_back(old) if verb == "rollback" else (release(4), BUILT)))
    fargate.refusing["StopServiceDeployment"] = "ConflictException"

    def ended() -> None:
        theirs["status"] = "SUCCESSFUL"
        fargate.stuck = False

    fargate.between["StopServiceDeployment", 1] = ended
    assert settle(place, params) is None
    assert settled(fargate) == [("3", "COMPLETED")]


@pytest.mark.parametrize("tells", [True, False], ids=["rollout-told", "no-rollout"])
def test_a_rollback_passes_by_a_shift_whose_old_tasks_still_end(tmp_path: Path, fargate: Fargate, tells: bool) -> None:
    place, old, theirs = shifting(tmp_path, fargate)
    fargate.shifts_tell_rollout = tells
    params = settle_of(place, *rolling_back(old))
    theirs["status"] = "SUCCESSFUL"
    fargate.calls.clear()
    assert settle(place, params) is None
    assert fargate.writes() == [] and place.clock.now() == 0


def test_a_shift_that_ecs_takes_back_meanwhile_is_gone_on_from(tmp_path: Path, fargate: Fargate) -> None:
    """An alarm has rung: nobody has stopped it, and nobody says so."""
    place, _, theirs = shifting(tmp_path, fargate)
    params = settle_of(place, release(4), BUILT)

    def back() -> None:
        fargate.go_back(theirs, reason="alarm(s) detected: errors.")

    fargate.between["DescribeServices", len(fargate.made("DescribeServices")) + 3] = back
    told = settle(place, params)
    assert told is not None and told["left"]["before"]["task_definition"].endswith(":2")
    assert told["warnings"][0].endswith("went back (alarm(s) detected: errors): this change takes its place.")
    assert fargate.made("StopServiceDeployment") == [] and place.clock.now() < LIMIT


# A shift that ECS has left half done


VERBS = ["deploy", "rollback", "start"]


def planned(place: Place, verb: str, old: EcsRelease) -> Params:
    ours = {"deploy": (release(4), BUILT), "rollback": rolling_back(old), "start": (_coming(place), None)}
    return settle_of(place, *ours[verb])


def _coming(place: Place) -> EcsRelease:
    active = Ecs(place, {}).observe().active
    assert active is not None and active.id == release(3).id
    return active


@pytest.mark.parametrize("tells", [True, False], ids=["rollout-told", "no-rollout"])
@pytest.mark.parametrize("status", ["STOPPED", "ROLLBACK_FAILED"])
@pytest.mark.parametrize("verb", VERBS)
def test_a_shift_that_was_left_half_done_keeps_nobody_waiting(
    tmp_path: Path, fargate: Fargate, verb: str, status: str, tells: bool
) -> None:
    place, old, theirs = shifting(tmp_path, fargate)
    fargate.shifts_tell_rollout = tells
    theirs |= {"status": status, "statusReason": "it says why."}
    params = planned(place, verb, old)
    fargate.calls.clear()
    told = settle(place, params)
    assert told is not None and told["left"]["before"]["task_definition"].endswith(":2")
    ended = f"(demo-production:3) ended as {status} (it says why) with tasks of two revisions"
    assert f"{ended}: this change takes its place." in told["warnings"][0]
    assert fargate.writes() == [] and place.clock.now() == 0


@pytest.mark.parametrize("verb", ["deploy", "rollback"])
def test_a_way_back_that_failed_keeps_nobody_waiting(tmp_path: Path, fargate: Fargate, verb: str) -> None:
    """ECS has made the earlier revision the primary one again, and did not get rid of the other one's tasks."""
    place, old, theirs = shifting(tmp_path, fargate)
    fargate.go_back(theirs, "ROLLBACK_FAILED")
    assert fargate.service is not None
    fargate.service["deployments"][0] |= {"id": "ecs-svc/999", "createdAt": theirs["finishedAt"]}
    told = settle(place, settle_of(place, *(rolling_back(old) if verb == "rollback" else (release(4), BUILT))))
    assert told is not None and "ended as ROLLBACK_FAILED with tasks of two revisions" in told["warnings"][0]
    assert fargate.made("StopServiceDeployment") == [] and place.clock.now() == 0


def test_a_rollback_that_takes_the_place_of_half_a_shift_serves(tmp_path: Path, fargate: Fargate) -> None:
    place, old, theirs = shifting(tmp_path, fargate)
    theirs["status"] = "STOPPED"
    plan = plan_of(place, *rolling_back(old))
    fargate.between["UpdateService", 1] = lambda: shift_to(fargate, old)
    (warning,) = carry_out(place, tmp_path, plan)
    assert "ended as STOPPED" in warning
    assert settled(fargate) == [("1", "COMPLETED")]


# A shift that is not listed


def test_a_shift_that_ecs_does_not_list_yet_is_stopped_once_it_does(tmp_path: Path, fargate: Fargate) -> None:
    place, old, theirs = shifting(tmp_path, fargate)
    params = settle_of(place, *rolling_back(old))
    fargate.shifts.clear()
    looks = len(fargate.made("ListServiceDeployments"))
    fargate.between["ListServiceDeployments", looks + 3] = lambda: fargate.shifts.append(theirs)
    told = settle(place, params)
    assert told is not None and "its shift was stopped and rolled back" in told["warnings"][0]
    assert 0 < place.clock.now() < 60


@pytest.mark.parametrize("verb", VERBS)
def test_a_shift_that_ecs_never_lists_is_waited_for_and_never_superseded(
    tmp_path: Path, fargate: Fargate, verb: str
) -> None:
    """The shift that succeeded before it is none of its own."""
    place, old, _ = shifting(tmp_path, fargate)
    fargate.shifts.clear()
    earlier = fargate.shift(release_two(fargate), "SUCCESSFUL")
    earlier["createdAt"] = (fargate.service or {})["deployments"][1]["createdAt"]
    params = planned(place, verb, old)
    fargate.calls.clear()
    with pytest.raises(StepFailed, match="The deployment under way did not end within 40 min"):
        settle(place, params)
    assert fargate.writes() == [] and place.clock.now() >= LIMIT


def release_two(fargate: Fargate) -> str:
    return next(arn for arn in fargate.definitions if arn.endswith(":2"))
