"""Given releases that served, releases that never did and what others run, a rollback goes to one that served."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from decodeat_ops.core import events
from decodeat_ops.core.errors import StepFailed, Usage
from decodeat_ops.core.layout import Layout
from decodeat_ops.core.plan import Plan
from decodeat_ops.core.target import Candidate, Origin
from decodeat_ops.deployment.ledger import StateLedger
from decodeat_ops.engine.executor import Context, Engine
from decodeat_ops.operations import deploy, rollback
from decodeat_ops.targets.ecs.data import EcsData
from decodeat_ops.targets.ecs.observed import EcsObserved
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.target import Ecs
from tests.contract.world import Killed, after, at
from tests.support.aws import GREEN, GROUP, RULE
from tests.unit.targets.ecs.demo import DIGEST, place_of, registered, release, serving
from tests.unit.targets.ecs.fargate import Fargate

SHIFTED = f"""
strategy = "blue-green"
target_group = "{GROUP}"
green_target_group = "{GREEN}"
listener_rule = "{RULE}"
infrastructure_role = "shifts"
"""
THEIRS = "demo-production:3, which somebody else registered"
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.fixture
def fargate() -> Fargate:
    return Fargate()


@pytest.fixture
def place(tmp_path: Path, fargate: Fargate) -> Place:
    made = place_of(tmp_path, fargate)
    made.remembered["image there"] = DIGEST
    return made


def seen(place: Place) -> EcsObserved:
    return Ecs(place, {}).observe()


def deploying(place: Place, number: int) -> Plan:
    """Return the plan to deploy the n-th version, as the verb makes it."""
    blank = release(number, id="", created_at="", created_by="", data="")
    candidate = Candidate(blank, Origin("built", Path("/source")))
    wanted = deploy.Wanted(candidate, inputs="i", by="ann", now=NOW)
    return deploy.plan(wanted, seen(place), Ecs(place, {}), EcsData(place), "demo-production")


def going_back(place: Place, asked: str | None = None) -> Plan:
    """Return the plan to roll back, as the verb makes it."""
    observed = seen(place)
    wanted = rollback.Wanted(rollback.choose(asked, observed), secrets="s", inputs="i")
    return rollback.plan(wanted, observed, Ecs(place, {}), EcsData(place), "demo-production")


def carried_out(place: Place, home: Path, plan: Plan, emit: events.Emit = events.discard_event) -> None:
    ledger = StateLedger(Layout(home / "ledger"), place.loaded)
    ledger.prepare()
    Engine(Ecs(place, {}).actions, ledger).carry_out(plan, Context(emit=emit))


def stranger_runs(place: Place, fargate: Fargate) -> str:
    """Let two releases serve, and somebody else bring a revision of their own after them; return its ARN."""
    for number in (1, 2):
        serving(place, fargate, release(number))
    theirs = registered(place, fargate, release(3)).task_definition
    fargate.definitions[theirs]["tags"] = []
    fargate.deploy(theirs)
    for _ in range(5):
        fargate.step()
    return theirs


# What never served


@pytest.mark.parametrize(("step", "cut"), [("register", after), ("update", at), ("follow", after)])
def test_a_rollback_passes_over_a_release_that_a_dead_machine_left(
    place: Place, fargate: Fargate, tmp_path: Path, step: str, cut: Callable[..., events.Emit]
) -> None:
    """Its journal is gone, other code was deployed since, and that is bad: the last good one comes back."""
    good = serving(place, fargate, release(1))
    begun = deploying(place, 2)
    with pytest.raises(Killed):
        carried_out(place, tmp_path / "gone", begun, cut(step, Killed))
    bad = serving(place, fargate, release(3, sequence=3))
    assert [one.served for one in seen(place).releases] == [True, False, True]
    assert going_back(place).subject == good.id
    assert going_back(place, begun.subject).subject == begun.subject, "but it can be named"
    carried_out(place, tmp_path, going_back(place))
    assert seen(place).active_id == good.id and seen(place).serving
    assert {one.id for one in seen(place).releases} == {good.id, bad.id}, "it takes no place of good ones"


def test_with_nothing_that_served_a_rollback_says_so(place: Place, fargate: Fargate) -> None:
    registered(place, fargate, release(1))
    serving(place, fargate, release(2))
    with pytest.raises(Usage, match=f"no older release than {release(2).id} that has served") as caught:
        going_back(place)
    assert "rollback RELEASE" in caught.value.advice.hint


def test_a_restart_registers_a_copy_that_has_not_served_yet(place: Place, fargate: Fargate, tmp_path: Path) -> None:
    old = serving(place, fargate, release(1))
    target = Ecs(place, {})
    copy = release(2, fingerprint=old.fingerprint, task_definition=old.task_definition, served=True)
    move = target.move(copy, Origin("copied", of=seen(place).active), seen(place))
    plan = Plan("restart", "demo-production", copy.id, (*move.prepare, *move.admit))
    with pytest.raises(Killed):
        carried_out(place, tmp_path / "gone", plan, at("confirm", Killed))
    assert [(one.id, one.served) for one in seen(place).releases] == [(copy.id, False), (old.id, True)]
    carried_out(place, tmp_path, plan)
    assert all(one.served for one in seen(place).releases)


def test_the_release_on_its_way_is_not_called_the_one_that_serves(place: Place, fargate: Fargate) -> None:
    old = serving(place, fargate, release(1))
    coming = registered(place, fargate, release(2))
    fargate.stuck = True
    fargate.deploy(coming.task_definition)
    with pytest.raises(Usage, match="does not serve yet"):
        going_back(place, coming.id)
    plan = going_back(place)
    assert (plan.subject, plan.serves_now, dict(plan.facts)["serves now"]) == (old.id, old.id, old.id)


@pytest.mark.parametrize("ended", [True, False], ids=["ended", "old-tasks-left"])
def test_a_release_that_was_shifted_to_has_served_though_its_deploy_died(
    fargate: Fargate, tmp_path: Path, ended: bool
) -> None:
    """ECS tells no rollout state of a shift, and its deploy died before it could confirm it."""
    place = shifted_to(tmp_path, fargate, ended=ended)
    fargate.between["UpdateService", 1] = lambda: succeeding(fargate)
    carried_out(place, tmp_path, deploying(place, 3))
    assert [one.served for one in seen(place).releases] == [True, True, True]
    assert going_back(place).subject == release(2).id
    assert retired(deploying(place, 4)) == [], "and the next deploy keeps it"


def shifted_to(home: Path, fargate: Fargate, *, ended: bool) -> Place:
    """Let release 1 serve and a shift to release 2 succeed, which nobody has confirmed."""
    place = place_of(home, fargate, SHIFTED)
    place.remembered["image there"] = DIGEST
    fargate.shifts_tell_rollout = False
    serving(place, fargate, release(1))
    second = registered(place, fargate, release(2)).task_definition
    fargate.deploy(second)
    fargate.shift(second, "SUCCESSFUL")
    fargate.step()
    for _ in range(4 if ended else 0):
        fargate.step()
    fargate.stuck = not ended
    return place


def succeeding(fargate: Fargate) -> None:
    fargate.stuck = False
    fargate.shift("arn:aws:ecs:eu-central-1:123456789012:task-definition/demo-production:3", "SUCCESSFUL")


def retired(plan: Plan) -> list[str]:
    """Return the task definitions that a plan deregisters."""
    return [arn for step in plan.steps if step.id == "prune" for arn in step.do.params["task_definitions"]]


# What was deployed last and does not get up


def test_while_a_restart_hangs_the_way_back_is_what_it_is_a_copy_of(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    serves = serving(place, fargate, release(2))
    copy = registered(place, fargate, release(3, fingerprint=serves.fingerprint))
    fargate.unplaced.add(copy.task_definition)
    fargate.deploy(copy.task_definition)
    plan = going_back(place)
    assert (plan.subject, plan.serves_now) == (serves.id, serves.id)


def test_while_a_rollback_hangs_the_way_back_is_not_what_it_leads_away_from(place: Place, fargate: Fargate) -> None:
    oldest, older, bad = (serving(place, fargate, release(number)) for number in (1, 2, 3))
    fargate.unplaced.add(older.task_definition)
    fargate.deploy(older.task_definition)
    assert seen(place).reached == seen(place).releases[0] and seen(place).reached is not None
    assert going_back(place).subject == oldest.id
    assert going_back(place, bad.id).subject == bad.id, "but it can be named"


# What is no release of this deployment


@pytest.mark.parametrize("asked", [None, release(2).id, release(1).id])
def test_a_rollback_leads_away_from_what_somebody_else_deployed(
    place: Place, fargate: Fargate, tmp_path: Path, asked: str | None
) -> None:
    stranger_runs(place, fargate)
    plan = going_back(place, asked)
    assert plan.subject == (asked or release(2).id), "the newest that has served"
    assert (plan.serves_now, dict(plan.facts)["serves now"]) == (THEIRS, THEIRS)
    carried_out(place, tmp_path, plan)
    assert seen(place).active_id == plan.subject and seen(place).serving and seen(place).stranger == ""


@pytest.mark.parametrize("gone", ["stopped", "deleted"])
def test_a_rollback_works_while_releases_are_there(place: Place, fargate: Fargate, tmp_path: Path, gone: str) -> None:
    stranger_runs(place, fargate)
    if gone == "deleted":
        fargate.service = None
    else:
        assert fargate.service is not None
        fargate.service |= {"desiredCount": 0, "runningCount": 0}
        fargate.service["deployments"][0]["runningCount"] = 0
    plan = going_back(place)
    assert plan.serves_now == "" and dict(plan.facts)["serves now"] == "nothing"
    carried_out(place, tmp_path, plan)
    assert seen(place).active_id == release(2).id and seen(place).serving


def test_without_any_release_there_is_no_way_back(place: Place, fargate: Fargate) -> None:
    theirs = stranger_runs(place, fargate)
    for arn in fargate.definitions.keys() - {theirs}:
        fargate.definitions[arn]["definition"]["status"] = "INACTIVE"
    with pytest.raises(Usage, match="Nothing is deployed"):
        going_back(place)


def test_releases_of_which_none_has_served_have_to_be_named(place: Place, fargate: Fargate) -> None:
    stranger_runs(place, fargate)
    for one in fargate.definitions.values():
        for note in (tag for tag in one["tags"] if tag["key"] == "decodeat-ops:served"):
            note["value"] = "false"
    with pytest.raises(Usage, match="There is no release here that has served"):
        going_back(place)
    assert going_back(place, release(1).id).subject == release(1).id


def test_a_deploy_names_what_somebody_else_deployed(place: Place, fargate: Fargate) -> None:
    stranger_runs(place, fargate)
    plan = deploying(place, 4)
    facts = dict(plan.facts)
    assert (plan.serves_now, facts["serves now"]) == (THEIRS, THEIRS)
    assert facts["changed"] == "everything: what runs is no release of this deployment"


def test_a_deploy_that_fails_says_that_theirs_serves_still(place: Place, fargate: Fargate, tmp_path: Path) -> None:
    theirs = stranger_runs(place, fargate)
    fargate.failing.add(theirs.removesuffix(":3") + ":4")
    with pytest.raises(StepFailed) as caught:
        carried_out(place, tmp_path, deploying(place, 4))
    assert "What served before serves still." in caught.value.advice.state
    assert "Nothing serves" not in f"{caught.value.advice.what} {caught.value.advice.state}"
    assert fargate.service is not None and fargate.service["taskDefinition"] == theirs
