"""Given a deployment that does not end, when a change comes, it takes the place, and its undo knows what served."""

from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core.aws import AwsRefused
from decodeat_ops.core.errors import StepFailed
from decodeat_ops.core.layout import Layout
from decodeat_ops.core.plan import Plan
from decodeat_ops.core.target import Origin
from decodeat_ops.deployment.ledger import StateLedger
from decodeat_ops.engine.executor import Context, Engine
from decodeat_ops.operations.moving import ordered
from decodeat_ops.targets.ecs.actions import ACTS
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.release import EcsRelease
from decodeat_ops.targets.ecs.target import Ecs
from tests.support.aws import GREEN, GROUP, RULE
from tests.unit.targets.ecs.demo import DIGEST, place_of, registered, release, serving
from tests.unit.targets.ecs.fargate import Fargate

BUILT = Origin("built", Path("/source"))
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


def placed(home: Path, fargate: Fargate, more: str = "") -> Place:
    made = place_of(home, fargate, more)
    made.remembered["image there"] = DIGEST
    return made


@pytest.fixture
def place(tmp_path: Path, fargate: Fargate) -> Place:
    return placed(tmp_path, fargate)


def hang(place: Place, fargate: Fargate, number: int) -> EcsRelease:
    """Let somebody begin a deployment whose tasks find no place, so that it never ends."""
    made = registered(place, fargate, release(number))
    fargate.unplaced.add(made.task_definition)
    fargate.deploy(made.task_definition)
    return made


def plan_of(place: Place, made: EcsRelease, origin: Origin | None) -> Plan:
    target = Ecs(place, {})
    observed = target.observe()
    steps = ordered(target.move(made, origin, observed), made.id)
    return Plan("deploy", "demo-production", made.id, steps, serves_now=observed.active_id)


def carry_out(place: Place, home: Path, plan: Plan) -> list[str]:
    """Carry a plan out, and return its warnings."""
    ledger, context = StateLedger(Layout(home / "ledger"), place.loaded), Context()
    ledger.prepare()
    Engine(Ecs(place, {}).actions, ledger).carry_out(plan, context)
    return context.warnings


def settled(fargate: Fargate) -> list[tuple[str, str]]:
    """Return the revisions that are deployed, and how far they are, once ECS has done its work."""
    for _ in range(6):
        fargate.step()
    assert fargate.service is not None
    return [(one["taskDefinition"].rpartition(":")[2], one["rolloutState"]) for one in fargate.service["deployments"]]


def preview(plan: Plan) -> tuple[str, ...]:
    (step,) = [one for one in plan.steps if one.id == "settle"]
    return (step.title, *step.preview)


def test_a_deploy_waits_its_time_and_then_takes_the_place(place: Place, fargate: Fargate, tmp_path: Path) -> None:
    serving(place, fargate, release(1))
    hang(place, fargate, 2)
    plan = plan_of(place, release(3), BUILT)
    title, waits, then = preview(plan)
    assert title == "Wait for the deployment under way" and "waits until it ends" in waits
    assert "one that has not ended after 30 min is superseded" in then and "demo-production:2" in then
    (warning,) = carry_out(place, tmp_path, plan)
    assert "(demo-production:2) had not ended after 30 min: this change takes its place." in warning
    assert place.clock.now() >= 30 * 60
    assert settled(fargate) == [("3", "COMPLETED")]


def test_a_rollback_waits_for_nobody_and_says_so(place: Place, fargate: Fargate, tmp_path: Path) -> None:
    old = serving(place, fargate, release(1))
    hang(place, fargate, 2)
    plan = plan_of(place, old, Origin("kept", of=old))
    title, then = preview(plan)
    assert title == "Supersede the deployment under way"
    assert then.startswith("the update takes the place of ecs-svc/") and then.endswith("its end is not waited for")
    (warning,) = carry_out(place, tmp_path, plan)
    assert "(demo-production:2) was not waited for: this change takes its place." in warning
    assert place.clock.now() < 5 * 60
    assert settled(fargate) == [("1", "COMPLETED")]


def test_a_start_and_a_restart_get_through_too(place: Place, fargate: Fargate, tmp_path: Path) -> None:
    serving(place, fargate, release(1))
    stuck = hang(place, fargate, 2)
    for made, origin in ((stuck, None), (release(4, fingerprint=stuck.fingerprint), Origin("copied", of=stuck))):
        plan = plan_of(place, made, origin)
        assert preview(plan)[0] == "Wait for the deployment under way"
    (warning,) = carry_out(place, tmp_path, plan)
    assert "had not ended after 30 min" in warning
    assert settled(fargate) == [("3", "COMPLETED")]


def test_what_comes_meanwhile_is_refused_as_before(place: Place, fargate: Fargate, tmp_path: Path) -> None:
    serving(place, fargate, release(1))
    hang(place, fargate, 2)
    plan = plan_of(place, release(3), BUILT)
    theirs = registered(place, fargate, release(4)).task_definition
    fargate.between["DescribeServices", 9] = lambda: (fargate.deploy(theirs), None)[1]
    with pytest.raises(StepFailed, match="Somebody changed the service"):
        carry_out(place, tmp_path, plan)
    assert settled(fargate) == [(theirs.rpartition(":")[2], "COMPLETED")]


def test_a_service_that_does_not_go_away_is_waited_for_in_vain(place: Place, fargate: Fargate, tmp_path: Path) -> None:
    old = serving(place, fargate, release(1))
    assert fargate.service is not None
    fargate.service["status"] = "DRAINING"
    fargate.stuck = True
    plan = plan_of(place, old, Origin("kept", of=old))
    assert preview(plan) == (
        "Wait for the deployment under way", "the service is being deleted: waits until it is gone",
    )  # fmt: skip
    with pytest.raises(StepFailed, match="The service is being deleted, and was not gone within 30 min"):
        carry_out(place, tmp_path, plan)


@pytest.mark.parametrize("by_ecs", [True, False], ids=["circuit-breaker", "ours"])
def test_an_undo_brings_back_what_served_and_not_what_was_superseded(
    place: Place, fargate: Fargate, tmp_path: Path, by_ecs: bool
) -> None:
    old = serving(place, fargate, release(1))
    serving(place, fargate, release(2))
    hang(place, fargate, 3)
    if by_ecs:
        fargate.failing.add(old.task_definition)
    else:
        place.http.silent = True  # type: ignore[attr-defined]
    with pytest.raises(StepFailed) as caught:
        carry_out(place, tmp_path, plan_of(place, old, Origin("kept", of=old)))
    assert "Everything was undone" in caught.value.advice.state
    assert settled(fargate) == [("2", "COMPLETED")]


def test_where_nothing_ever_served_an_undo_waits_for_nothing(place: Place, fargate: Fargate, tmp_path: Path) -> None:
    """A first deployment hangs; what takes its place fails, and there is nothing that could come back."""
    serving(place, fargate, release(1))
    assert fargate.service is not None
    fargate.service["deployments"][0] |= {"rolloutState": "IN_PROGRESS", "runningCount": 0}
    fargate.unplaced.add(fargate.service["taskDefinition"])
    place.http.silent = True  # type: ignore[attr-defined]
    with pytest.raises(StepFailed) as caught:
        carry_out(place, tmp_path, plan_of(place, release(2), BUILT))
    assert "demo-production:1, which was there before, did not work either." in caught.value.advice.state


# Shifts: ECS would only queue an update up


def shifting(home: Path, fargate: Fargate) -> tuple[Place, EcsRelease, Any]:
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
    assert "StopServiceDeployment" in preview(plan)[1] and "waits until the shift has gone back" in preview(plan)[1]
    fargate.calls.clear()
    fargate.between["UpdateService", 1] = lambda: _shift_to(fargate, old)
    (warning,) = carry_out(place, tmp_path, plan)
    assert "(demo-production:3) was not waited for: its shift was stopped and rolled back." in warning
    assert theirs["status"] == "ROLLBACK_SUCCESSFUL"
    writes = [name for name in fargate.writes() if name in {"StopServiceDeployment", "UpdateService"}]
    assert writes == ["StopServiceDeployment", "UpdateService"]
    assert settled(fargate) == [("1", "COMPLETED")]


def _shift_to(fargate: Fargate, made: EcsRelease) -> None:
    fargate.stuck = False
    fargate.shift(made.task_definition, "SUCCESSFUL")


def test_a_deploy_stops_a_shift_after_its_time(tmp_path: Path, fargate: Fargate) -> None:
    place, _, theirs = shifting(tmp_path, fargate)
    plan = plan_of(place, release(4), BUILT)
    (settle,) = [one for one in plan.steps if one.id == "settle"]
    told = ACTS["settle"](place, Context(), settle.do.params)
    assert told is not None and "had not ended after 40 min" in told["warnings"][0]
    assert theirs["status"] == "ROLLBACK_SUCCESSFUL"
    assert told["left"]["before"]["task_definition"].endswith(":2") and told["left"]["before"]["failed"] is False


def test_a_stop_that_was_cut_off_is_found_done(tmp_path: Path, fargate: Fargate) -> None:
    place, old, _ = shifting(tmp_path, fargate)
    (settle,) = [one for one in plan_of(place, old, Origin("kept", of=old)).steps if one.id == "settle"]
    first = ACTS["settle"](place, Context(), settle.do.params)
    fargate.calls.clear()
    assert ACTS["settle"](place, Context(), settle.do.params) == first
    assert fargate.writes() == []


def test_ecs_may_go_back_under_a_new_id(tmp_path: Path, fargate: Fargate) -> None:
    place, old, _ = shifting(tmp_path, fargate)
    (settle,) = [one for one in plan_of(place, old, Origin("kept", of=old)).steps if one.id == "settle"]
    before = {one["id"] for one in (fargate.service or {})["deployments"]}

    def renamed() -> None:
        assert fargate.service is not None
        if len(fargate.service["deployments"]) == 1:
            fargate.service["deployments"][0]["id"] = "ecs-svc/999"

    fargate.between["DescribeServices", len(fargate.made("DescribeServices")) + 2] = renamed
    told = ACTS["settle"](place, Context(), settle.do.params)
    assert told is not None and set(told["left"]["guard"]) == before | {"ecs-svc/999"}
    assert told["left"]["before"]["primary"] == "ecs-svc/999"


def test_a_shift_that_ends_at_that_moment_is_what_the_plan_was_made_from(tmp_path: Path, fargate: Fargate) -> None:
    place, _, theirs = shifting(tmp_path, fargate)
    (settle,) = [one for one in plan_of(place, release(4), BUILT).steps if one.id == "settle"]
    fargate.refusing["StopServiceDeployment"] = "ConflictException"

    def ended() -> None:
        theirs["status"] = "SUCCESSFUL"
        fargate.stuck = False

    fargate.between["StopServiceDeployment", 1] = ended
    assert ACTS["settle"](place, Context(), settle.do.params) is None
    assert settled(fargate) == [("3", "COMPLETED")]


def test_a_stop_that_is_denied_is_told(tmp_path: Path, fargate: Fargate) -> None:
    place, old, _ = shifting(tmp_path, fargate)
    (settle,) = [one for one in plan_of(place, old, Origin("kept", of=old)).steps if one.id == "settle"]
    fargate.denied.add("StopServiceDeployment")
    with pytest.raises(AwsRefused, match="StopServiceDeployment"):
        ACTS["settle"](place, Context(), settle.do.params)
