"""What a plan says serves now is what serves: when the change fails, the operator is told that it serves still."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from decodeat_ops.application.deploying import _deployed
from decodeat_ops.core.plan import Action, Plan, Step, plan_from_json
from decodeat_ops.core.target import Lack
from decodeat_ops.deployment.observed import LocalObserved
from decodeat_ops.operations import deploy, lifecycle, restore
from decodeat_ops.settings.schema import Loaded
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
