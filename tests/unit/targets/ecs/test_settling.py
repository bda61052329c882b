"""Given a deployment that does not end, when a change comes, it takes the place, and its undo knows what served."""

from pathlib import Path

import pytest

from decodeat_ops.core.errors import StepFailed
from decodeat_ops.core.layout import Layout
from decodeat_ops.core.plan import Params, Plan
from decodeat_ops.core.target import Origin
from decodeat_ops.deployment.ledger import StateLedger
from decodeat_ops.engine.executor import Context, Engine
from decodeat_ops.operations.moving import ordered
from decodeat_ops.targets.ecs.actions import ACTS
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.release import EcsRelease
from decodeat_ops.targets.ecs.target import Ecs
from tests.unit.targets.ecs.demo import DIGEST, place_of, registered, release, serving
from tests.unit.targets.ecs.fargate import Fargate, Thing

BUILT = Origin("built", Path("/source"))


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
    with pytest.raises(StepFailed, match="changed since this was planned"):
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


# An undo brings back what was reached as it was, though the service has the shape of what was superseded


def reshaped(place: Place, fargate: Fargate) -> tuple[Thing, Thing]:
    """Let a release hang that came with another network; return the network of what serves, and this one."""
    assert fargate.service is not None
    own = fargate.service["networkConfiguration"]
    theirs = {"awsvpcConfiguration": {**own["awsvpcConfiguration"], "subnets": ["subnet-that-leads-nowhere"]}}
    fargate.service |= {"networkConfiguration": theirs, "platformVersion": "1.3.0"}
    hang(place, fargate, 2)
    return own, theirs


def test_an_undo_brings_back_the_network_of_what_served(place: Place, fargate: Fargate, tmp_path: Path) -> None:
    serving(place, fargate, release(1))
    own, theirs = reshaped(place, fargate)
    place.http.silent = True  # type: ignore[attr-defined]
    with pytest.raises(StepFailed) as caught:
        carry_out(place, tmp_path, plan_of(place, release(3), BUILT))
    assert own != theirs and fargate.service is not None
    assert fargate.service["networkConfiguration"] == own and fargate.service["platformVersion"] == "1.4.0"
    assert "demo-production:1 has its own network and platform version again" in caught.value.advice.state
    assert "all else of the service are as demo-production:2 had them" in caught.value.advice.state
    assert settled(fargate) == [("1", "COMPLETED")]


def test_what_ecs_brought_back_by_itself_keeps_its_shape(place: Place, fargate: Fargate, tmp_path: Path) -> None:
    """ECS goes back to the whole revision: what was superseded must not put its load balancer on that."""
    serving(place, fargate, release(1))
    own, _ = reshaped(place, fargate)
    assert fargate.service is not None
    fargate.service["loadBalancers"] = [
        {"targetGroupArn": "theirs", "containerName": "decodeat", "containerPort": 8000}
    ]
    plan = plan_of(place, release(3), BUILT)
    fargate.failing.add("arn:aws:ecs:eu-central-1:123456789012:task-definition/demo-production:3")

    def gone_back() -> None:
        assert fargate.service is not None
        fargate.service |= {"networkConfiguration": own, "platformVersion": "1.4.0", "loadBalancers": []}

    fargate.between["ListTasks", 1] = gone_back  # ours has failed, and ECS has gone back
    with pytest.raises(StepFailed, match="ECS gave the deployment up") as caught:
        carry_out(place, tmp_path, plan)
    assert len(fargate.made("UpdateService")) == 1 and fargate.service["loadBalancers"] == []
    assert "platform version again" not in caught.value.advice.state
    assert settled(fargate) == [("1", "COMPLETED")]


# What an earlier version has planned


def earlier(place: Place) -> Params:
    """Return the parameters of the step as the version before superseding wrote them into a journal."""
    (step,) = [one for one in plan_of(place, release(3), BUILT).steps if one.id == "settle"]
    return {name: step.do.params[name] for name in ("guard", "primary", "limit")}


def test_a_journal_of_an_earlier_version_only_waits(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    coming = hang(place, fargate, 2)
    params = earlier(place)
    fargate.unplaced.clear()
    assert ACTS["settle"](place, Context(), params) is None
    assert settled(fargate) == [(coming.task_definition.rpartition(":")[2], "COMPLETED")]


def test_a_journal_of_an_earlier_version_supersedes_nothing(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    hang(place, fargate, 2)
    params = earlier(place)
    fargate.calls.clear()
    with pytest.raises(StepFailed, match="The deployment under way did not end within 30 min"):
        ACTS["settle"](place, Context(), params)
    assert fargate.writes() == []


def test_a_journal_of_an_earlier_version_refuses_what_came_meanwhile(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    hang(place, fargate, 2)
    params = earlier(place)
    fargate.deploy(registered(place, fargate, release(4)).task_definition)
    with pytest.raises(StepFailed, match="changed since this was planned"):
        ACTS["settle"](place, Context(), params)
