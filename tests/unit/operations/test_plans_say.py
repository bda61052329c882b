"""What a plan says serves now is what serves: when the change fails, the operator is told that it serves still."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from decodeat_ops.application.deploying import _deployed
from decodeat_ops.core.errors import StepFailed
from decodeat_ops.core.layout import Layout
from decodeat_ops.core.plan import Action, Params, Plan, Step, plan_from_json
from decodeat_ops.core.target import Lack
from decodeat_ops.deployment.ledger import StateLedger
from decodeat_ops.deployment.observed import LocalObserved
from decodeat_ops.engine.executor import Context, Do, Engine
from decodeat_ops.operations import deploy, lifecycle, restore
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.targets.ecs import bootstrap
from decodeat_ops.targets.ecs.observed import EcsObserved
from decodeat_ops.targets.ecs.target import Ecs
from tests.unit.checks.stage import NEW, Stage
from tests.unit.operations.test_plans import (
    GATES,
    NOW,
    back,
    data,
    deploying,
    here,
    loaded,
    observed,
    release,
    removing,
    starting,
    stopping,
    without_a_supervisor,
)
from tests.unit.operations.test_restore import ARCHIVE, MANIFEST
from tests.unit.targets.ecs.demo import place_of, registered, serving
from tests.unit.targets.ecs.demo import release as ecs_release
from tests.unit.targets.ecs.fargate import Fargate
from tests.unit.targets.ecs.ground import Ground

__all__ = ["loaded"]


def said(plan: object) -> str:
    return dict(plan.facts)["serves now"]  # type: ignore[attr-defined, no-any-return]


def test_a_start_begins_with_nothing_unless_it_runs_on_without_a_supervisor(loaded: Loaded) -> None:
    for seen in (observed(release(1), stopped=True), observed(release(1), alive=False)):
        assert said(starting(seen, loaded)) == "nothing"
    seen = without_a_supervisor(release(1))
    assert said(starting(seen, loaded)) == release(1).id


@pytest.mark.parametrize("stopped", [True, False])
def test_a_restart_of_what_is_stopped_begins_with_nothing(loaded: Loaded, stopped: bool) -> None:
    seen = observed(release(1), stopped=stopped)
    plan = lifecycle.plan_restart(seen, here(loaded), loaded.deployment, secrets="s", by="me", now=NOW, inputs="i")
    assert said(plan) == ("nothing" if stopped else release(1).id)


LOGS = restore.Wanted(ARCHIVE, MANIFEST, ("logs",), release=None, original=None, before="")


@pytest.mark.parametrize("stopped", [True, False])
@pytest.mark.parametrize(
    "derive",
    [
        deploying,
        lambda seen, loaded: back(release(1), seen, loaded),
        lambda seen, loaded: stopping(replace(seen, running=frozenset({release(2).id})), loaded),
        removing,
        lambda seen, loaded: restore.plan(LOGS, seen, here(loaded), data(loaded), loaded.deployment, GATES),
    ],
    ids=["deploy", "rollback", "stop", "remove", "restore"],
)
def test_a_plan_tells_programs_what_serves(
    loaded: Loaded, derive: Callable[[LocalObserved, Loaded], Plan], stopped: bool
) -> None:
    plan = derive(observed(release(2), release(1), stopped=stopped), loaded)
    serves = "" if stopped else release(2).id
    assert plan.serves_now == serves
    assert dict(plan.facts).get("serves now", serves or "nothing") == (serves or "nothing"), "people are told the same"
    assert plan_from_json(plan.as_json()).serves_now == serves


# On ECS what was deployed last may not serve yet, and what serves may be somebody else's

THEIRS = "demo-production:3, which somebody else registered"


@pytest.fixture
def fargate() -> Fargate:
    return Fargate()


@pytest.fixture
def ours(tmp_path: Path, fargate: Fargate) -> Ecs:
    """Return a target where two releases have served."""
    place = place_of(tmp_path, fargate)
    place.remembered["secrets version"] = ""
    for number in (1, 2):
        serving(place, fargate, ecs_release(number))
    return Ecs(place, {})


def hangs(ours: Ecs, fargate: Fargate) -> str:
    """Let a restart's copy never get up, and return the release that serves meanwhile."""
    serves = ours.observe().active
    assert serves is not None
    copy = registered(ours.here, fargate, replace(serves, id=ecs_release(3).id, sequence=3, origin="restart"))
    fargate.unplaced.add(copy.task_definition)
    fargate.deploy(copy.task_definition)
    observed = ours.observe()
    assert (observed.active_id, observed.serves_now) == (copy.id, serves.id)
    return serves.id


def stranger(ours: Ecs, fargate: Fargate) -> str:
    """Let somebody else's revision serve."""
    theirs = registered(ours.here, fargate, ecs_release(3)).task_definition
    fargate.definitions[theirs]["tags"] = []
    fargate.deploy(theirs)
    for _ in range(5):
        fargate.step()
    return THEIRS


def stranger_drains(ours: Ecs, fargate: Fargate) -> str:
    """Let ours take the place of somebody else's revision, of which a task still ends its requests."""
    stranger(ours, fargate)
    assert fargate.service is not None
    fargate.deploy(next(one for one in fargate.definitions if one.endswith(":2")))
    fargate.service["deployments"][0] |= {"runningCount": 2, "rolloutState": "COMPLETED"}
    return f"{ecs_release(2).id} and {THEIRS}"


def bootstrapping(seen: EcsObserved, ours: Ecs) -> Plan:
    """Return the plan to make what is missing: everything, in an account where only the service is."""
    plan = bootstrap.plan(replace(ours.here, aws=Ground()), {}, seen, "m1")
    assert plan is not None
    return plan


def restarting(seen: EcsObserved, ours: Ecs) -> Plan:
    return lifecycle.plan_restart(seen, ours, "demo-production", secrets="s", by="me", now=NOW, inputs="i")


def on_ecs(derive: Callable[..., Plan | None], seen: EcsObserved, ours: Ecs) -> Plan:
    plan = derive(seen, ours)
    assert plan is not None
    return plan


def stop(seen: EcsObserved, ours: Ecs) -> Plan | None:
    return lifecycle.plan_stop(seen, ours, "demo-production", inputs="i")


def start(seen: EcsObserved, ours: Ecs) -> Plan | None:
    return lifecycle.plan_start(seen, ours, "demo-production", secrets="s", inputs="i")


def remove(seen: EcsObserved, ours: Ecs) -> Plan | None:
    return lifecycle.plan_remove(seen, ours, "demo-production", frozenset({"data"}))


@pytest.mark.parametrize(
    ("derive", "state"),
    [
        (stop, hangs),
        (stop, stranger_drains),
        (start, hangs),
        (start, stranger_drains),
        (restarting, hangs),
        (restarting, stranger_drains),
        (remove, hangs),
        (remove, stranger),
        (bootstrapping, hangs),
        (bootstrapping, stranger),
    ],
    ids=lambda one: one.__name__,
)
def test_a_plan_on_ecs_names_what_clients_reach(
    ours: Ecs, fargate: Fargate, derive: Callable[..., Plan | None], state: Callable[[Ecs, Fargate], str]
) -> None:
    serves = state(ours, fargate)
    plan = on_ecs(derive, ours.observe(), ours)
    assert plan.serves_now == serves
    assert dict(plan.facts).get("serves now", serves) == serves, "people are told the same"


@pytest.mark.parametrize("desired", [0, 2], ids=["stopped", "dead"])
def test_a_start_on_ecs_says_that_nothing_serves_where_nothing_runs(ours: Ecs, fargate: Fargate, desired: int) -> None:
    assert fargate.service is not None
    fargate.stuck = True
    fargate.service |= {"desiredCount": desired, "runningCount": 0}
    fargate.service["deployments"][0]["runningCount"] = 0
    plan = on_ecs(start, ours.observe(), ours)
    assert plan.serves_now == "" and said(plan) == "nothing"


@pytest.mark.parametrize("derive", [remove, bootstrapping])
def test_a_change_on_ecs_that_fails_at_once_says_that_theirs_serves_still(
    ours: Ecs, fargate: Fargate, tmp_path: Path, derive: Callable[..., Plan | None]
) -> None:
    stranger(ours, fargate)
    plan = on_ecs(derive, ours.observe(), ours)
    ledger = StateLedger(Layout(tmp_path / "ledger"), ours.here.loaded)
    ledger.prepare()

    def refused(context: Context, params: Params) -> None:
        raise StepFailed("AWS refuses it.")

    actions: dict[str, Do] = {step.undo.name: lambda context, params: None for step in plan.steps if step.undo}
    actions |= {step.do.name: refused for step in plan.steps}
    with pytest.raises(StepFailed) as caught:
        Engine(actions, ledger).carry_out(plan, Context())
    assert "What served before serves still." in caught.value.advice.state


def test_an_earlier_versions_plan_does_not_say_what_serves(loaded: Loaded) -> None:
    kept = deploying(observed(), loaded).as_json()
    del kept["serves_now"]
    assert plan_from_json(kept).serves_now is None


BOOT = Step("boot", "Come back after a reboot", Action("boot-unit"), produces=("problem",), after_commit=True)


@pytest.mark.parametrize(("problem", "changed"), [("", 1), ("systemctl enable: no", 0)])
def test_a_deploy_of_what_serves_counts_only_what_it_mended(tmp_path: Path, problem: str, changed: int) -> None:
    """What is shown to people may be put in other words: nothing is decided by it."""
    stage = Stage(tmp_path)
    serves = stage.release(NEW)
    stage.activate(serves)
    finish, results = _deployed(stage.desk), {"boot": {"problem": problem}}
    lack = Lack((BOOT,), "it would not start after a reboot")
    again = replace(deploy.plan_lack(NEW, lack, stage.loaded.deployment, "i"), facts=())
    outcome = finish(again, results)
    assert (outcome.changed, outcome.blocks) == (changed, ())
    first = deploying(observed(alive=False), stage.loaded, systemd=True)
    assert first.steps[-1].do.name == BOOT.do.name
    assert finish(replace(first, facts=()), {"stage": {}, **results}).changed == 1
