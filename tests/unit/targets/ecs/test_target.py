"""Given a deploy by the one engine, when it fails, is killed or gets no answer at any step, it ends as it must."""

from collections.abc import Callable
from pathlib import Path

import pytest

from decodeat_ops.core import events
from decodeat_ops.core.errors import Lost, StepFailed, Usage
from decodeat_ops.core.layout import Layout
from decodeat_ops.core.plan import Plan
from decodeat_ops.core.target import Origin
from decodeat_ops.deployment.ledger import StateLedger
from decodeat_ops.engine.executor import Context, Engine
from decodeat_ops.operations.moving import ordered
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.release import EcsRelease
from decodeat_ops.targets.ecs.target import Ecs
from tests.contract.world import Killed, after, at
from tests.unit.targets.ecs.demo import DIGEST, place_of, registered, release, serving
from tests.unit.targets.ecs.fargate import Fargate

BUILT = Origin("built", Path("/source"))
STEPS = ("register", "update", "follow", "confirm", "prune")


@pytest.fixture
def fargate() -> Fargate:
    return Fargate()


@pytest.fixture
def place(tmp_path: Path, fargate: Fargate) -> Place:
    made = place_of(tmp_path, fargate)
    made.remembered["image there"] = DIGEST
    return made


def ledger(place: Place, home: Path) -> StateLedger:
    found = StateLedger(Layout(home / "ledger"), place.loaded)
    found.prepare()
    return found


def plan_of(place: Place, made: EcsRelease, origin: Origin = BUILT) -> Plan:
    target = Ecs(place, {})
    observed = target.observe()
    steps = ordered(target.move(made, origin, observed), made.id)
    return Plan("deploy", "demo-production", made.id, steps, serves_now=observed.active_id)


def deploy(place: Place, home: Path, plan: Plan, emit: events.Emit = events.discard_event) -> None:
    Engine(Ecs(place, {}).actions, ledger(place, home)).carry_out(plan, Context(emit=emit))


def serves(place: Place) -> str:
    """Return the release that serves completely, "" when none does."""
    observed = Ecs(place, {}).observe()
    return observed.active_id if observed.serving else ""


def kept(fargate: Fargate) -> list[str]:
    active = [arn for arn, one in fargate.definitions.items() if one["definition"]["status"] == "ACTIVE"]
    return [arn.rpartition(":")[2] for arn in active]


def test_from_nothing_to_serving_and_on(place: Place, fargate: Fargate, tmp_path: Path) -> None:
    deploy(place, tmp_path, plan_of(place, release(1)))
    assert serves(place) == release(1).id
    deploy(place, tmp_path, plan_of(place, release(2)))
    assert serves(place) == release(2).id
    observed = Ecs(place, {}).observe()
    assert [one.id for one in observed.releases] == [release(2).id, release(1).id]
    assert observed.edited == ""
    old = observed.releases[1]
    deploy(place, tmp_path, plan_of(place, old, Origin("kept", of=old)))
    assert serves(place) == old.id and kept(fargate) == ["1", "2"]
    assert len(fargate.made("UpdateService")) == 2 and len(fargate.made("CreateService")) == 1


def test_a_release_that_does_not_start_never_counts_as_a_success(
    place: Place, fargate: Fargate, tmp_path: Path
) -> None:
    serving(place, fargate, release(1))
    arn = next(iter(fargate.definitions)).removesuffix(":1") + ":2"
    fargate.failing.add(arn)
    with pytest.raises(StepFailed, match="ECS gave the deployment up") as caught:
        deploy(place, tmp_path, plan_of(place, release(2)))
    assert caught.value.code == 5 and "What served before serves still." in caught.value.advice.state
    assert serves(place) == release(1).id and kept(fargate) == ["1"]
    assert fargate.made("UpdateService")[1:] == []  # ECS went back by itself


def test_a_first_deploy_that_fails_leaves_nothing(place: Place, fargate: Fargate, tmp_path: Path) -> None:
    fargate.failing.add("arn:aws:ecs:eu-central-1:123456789012:task-definition/demo-production:1")
    with pytest.raises(StepFailed, match=r"What runs now|nothing serves") as caught:
        deploy(place, tmp_path, plan_of(place, release(1)))
    assert "Nothing serves, as before." in caught.value.advice.state
    assert serves(place) == "" and kept(fargate) == []
    assert fargate.service is not None and fargate.service["status"] == "INACTIVE"
    fargate.failing.clear()
    deploy(place, tmp_path, plan_of(place, release(2)))
    assert serves(place) == release(2).id


def test_a_wrong_release_that_answers_is_taken_back(place: Place, fargate: Fargate, tmp_path: Path) -> None:
    serving(place, fargate, release(1))
    place.http.says = "20260101T000000Z-0000000"  # type: ignore[attr-defined]
    with pytest.raises(StepFailed, match="is not what clients reach"):
        deploy(place, tmp_path, plan_of(place, release(2)))
    place.http.says = ""  # type: ignore[attr-defined]
    assert serves(place) == release(1).id and kept(fargate) == ["1"]


def test_somebody_elses_deployment_in_the_middle_is_told_and_left(
    place: Place, fargate: Fargate, tmp_path: Path
) -> None:
    serving(place, fargate, release(1))
    plan = plan_of(place, release(2))
    theirs = registered(place, fargate, release(3)).task_definition

    def intrude(event: events.Event) -> None:
        if isinstance(event, events.StepStarted) and event.step.id == "follow" and not event.undoing:
            fargate.deploy(theirs)

    with pytest.raises(StepFailed, match="Another deployment took its place") as caught:
        deploy(place, tmp_path, plan, intrude)
    assert "Somebody else's deployment is newer than this one: it is left as it is" in caught.value.advice.state
    assert serves(place) == release(3).id


@pytest.mark.parametrize("first", [True, False], ids=["first", "later"])
@pytest.mark.parametrize("cut", [at, after])
@pytest.mark.parametrize("step", STEPS)
def test_a_killed_deploy_goes_on(
    place: Place, fargate: Fargate, tmp_path: Path, step: str, cut: Callable[..., events.Emit], first: bool
) -> None:
    if not first:
        serving(place, fargate, release(1))
    plan = plan_of(place, release(2))
    with pytest.raises(Killed):
        deploy(place, tmp_path, plan, cut(step, Killed))
    left = ledger(place, tmp_path)
    again = place_of(tmp_path, fargate)  # another process
    Engine(Ecs(again, {}).actions, left).resume(left.unfinished(), Context(), plan.inputs)
    assert serves(again) == release(2).id
    calls = [name for name in fargate.writes() if name not in {"DeregisterTaskDefinition", "TagResource"}]
    assert calls == ["RegisterTaskDefinition", "CreateService" if first else "UpdateService"]


@pytest.mark.parametrize("first", [True, False], ids=["first", "later"])
@pytest.mark.parametrize("cut", [at, after])
@pytest.mark.parametrize("step", STEPS[:-1])
def test_a_killed_deploy_is_taken_back(
    place: Place, fargate: Fargate, tmp_path: Path, step: str, cut: Callable[..., events.Emit], first: bool
) -> None:
    if not first:
        serving(place, fargate, release(1))
    with pytest.raises(Killed):
        deploy(place, tmp_path, plan_of(place, release(2)), cut(step, Killed))
    left = ledger(place, tmp_path)
    again = place_of(tmp_path, fargate)
    Engine(Ecs(again, {}).actions, left).undo(left.unfinished(), Context())
    assert serves(again) == ("" if first else release(1).id)
    assert kept(fargate) == ([] if first else ["1"])


@pytest.mark.parametrize(
    ("operation", "first"),
    [
        ("RegisterTaskDefinition", True),
        ("RegisterTaskDefinition", False),
        ("CreateService", True),
        ("UpdateService", False),
        ("DescribeServices", True),
        ("DescribeServices", False),
        ("TagResource", False),
    ],
)
def test_an_answer_that_never_comes_leaves_the_journal_open(
    place: Place, fargate: Fargate, tmp_path: Path, operation: str, first: bool
) -> None:
    if not first:
        serving(place, fargate, release(1))
    plan = plan_of(place, release(2))
    fargate.lost.add(operation)
    with pytest.raises(Lost) as caught:
        deploy(place, tmp_path, plan)
    assert caught.value.code == 8
    left = ledger(place, tmp_path)
    Engine(Ecs(place, {}).actions, left).resume(left.unfinished(), Context(), plan.inputs)
    assert serves(place) == release(2).id and Ecs(place, {}).observe().releases[0].served
    assert len(fargate.made("RegisterTaskDefinition")) == 1
    assert len(fargate.made("CreateService")) + len(fargate.made("UpdateService")) == 1


def test_a_lost_journal_does_not_matter(place: Place, fargate: Fargate, tmp_path: Path) -> None:
    """The machine of the first operator is gone after its update; another one deploys with what is there."""
    serving(place, fargate, release(1))
    with pytest.raises(Killed):
        deploy(place, tmp_path / "gone", plan_of(place, release(2)), after("update", Killed))
    plan = plan_of(place, release(3))
    assert "settle" in [step.id for step in plan.steps]
    deploy(place, tmp_path, plan)
    assert serves(place) == release(3).id


def test_a_stop_and_a_start(place: Place, fargate: Fargate, tmp_path: Path) -> None:
    old = serving(place, fargate, release(1))
    target = Ecs(place, {})
    stop = Plan("stop", "demo-production", old.id, target.halt(target.observe()))
    assert [step.id for step in stop.steps] == ["stop", "wait-stopped"]
    deploy(place, tmp_path, stop)
    observed = target.observe()
    assert observed.active is None and observed.stopped is not None and observed.stopped.id == old.id
    assert target.halt(observed) == ()
    start = Plan("start", "demo-production", old.id, ordered(target.move(old, None, observed), old.id))
    deploy(place, tmp_path, start)
    assert serves(place) == old.id
    assert fargate.service is not None and fargate.service["desiredCount"] == 2


def test_an_archive_is_refused(place: Place) -> None:
    with pytest.raises(Usage, match="can't be restored to ECS"):
        plan_of(place, release(1), Origin("unpacked", Path("x")))


def test_nothing_is_stopped_where_nothing_is(place: Place) -> None:
    target = Ecs(place, {})
    assert target.halt(target.observe()) == ()
    assert target.place == "demo-production/demo-production in eu-central-1, account 123456789012"
    assert target.name == f"ecs, {target.place}"
