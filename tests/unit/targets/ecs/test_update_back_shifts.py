"""Given our own shift that is to be undone, however far it is or however it ended, the old revision serves again."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from decodeat_ops.core.errors import Lost
from decodeat_ops.core.plan import Params
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.targets.ecs import observing, steps
from decodeat_ops.targets.ecs.actions import ACTS
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.steps import Way
from tests.unit.targets.ecs.demo import registered, release, serving
from tests.unit.targets.ecs.fargate import Fargate, Thing
from tests.unit.targets.ecs.test_settling import settled
from tests.unit.targets.ecs.test_shift import placed


@dataclass
class Begun:
    """Hold our shift from release 1, which served, to release 2: both run, and nothing goes on by itself."""

    place: Place
    fargate: Fargate
    params: Params
    results: Results
    shift: Thing

    def undo(self) -> Results | None:
        return ACTS["update-back"](self.place, Context(results={"update": self.results}), self.params)

    def go_on(self) -> None:
        self.fargate.stuck = False


@pytest.fixture
def begun(tmp_path: Path) -> Begun:
    fargate = Fargate()
    place = placed(tmp_path, fargate, 'strategy = "canary"')
    serving(place, fargate, release(1))
    ours = registered(place, fargate, release(2))
    step = steps.update(Way(place.loaded, place.names, ours, observing.observe(place), registers=False))
    assert step.undo is not None and fargate.service is not None
    results = ACTS["update"](place, Context(), step.do.params) or {}
    fargate.service["deployments"][0]["runningCount"] = 2
    fargate.stuck = True
    shift = fargate.shift(ours.task_definition, "IN_PROGRESS")
    fargate.calls.clear()
    return Begun(place, fargate, step.undo.params, results, shift)


@pytest.mark.parametrize("tells", [True, False], ids=["rollout-told", "no-rollout"])
@pytest.mark.parametrize("stopped", [True, False], ids=["our-stop", "by-ecs"])
def test_a_way_back_that_failed_is_no_dead_end(begun: Begun, stopped: bool, tells: bool) -> None:
    """Tasks of both would run on for ever: a new deployment of the old revision takes the place of all."""
    fargate = begun.fargate
    fargate.shifts_tell_rollout, fargate.stopped_as = tells, "ROLLBACK_FAILED"
    if not stopped:
        fargate.go_back(begun.shift, "ROLLBACK_FAILED")
    fargate.between["UpdateService", 1] = begun.go_on
    assert begun.undo() is None
    assert fargate.writes() == [*(["StopServiceDeployment"] if stopped else []), "UpdateService"]
    (made,) = fargate.made("UpdateService")
    assert made["taskDefinition"].endswith(":1") and made["forceNewDeployment"] is True
    assert begun.place.clock.now() < 60 and settled(fargate) == [("1", "COMPLETED")]


def test_a_repeat_makes_no_second_deployment(begun: Begun) -> None:
    fargate = begun.fargate
    fargate.go_back(begun.shift, "ROLLBACK_FAILED")
    fargate.lost.add("UpdateService")
    with pytest.raises(Lost):
        begun.undo()
    begun.go_on()
    fargate.calls.clear()
    assert begun.undo() is None and fargate.writes() == []
    assert settled(fargate) == [("1", "COMPLETED")]


def test_a_shift_is_stopped_though_no_old_task_runs_beside_it(begun: Begun) -> None:
    """They all crashed, or the service was stopped before: nothing but the shift itself tells that it goes on."""
    fargate = begun.fargate
    fargate.shifts_tell_rollout = False
    assert fargate.service is not None
    old = fargate.service["deployments"][1]
    old["runningCount"] = 0

    def start() -> None:
        old["runningCount"] = 2
        begun.go_on()

    fargate.between["StopServiceDeployment", 1] = start
    assert begun.undo() is None
    assert fargate.writes()[0] == "StopServiceDeployment"
    assert settled(fargate) == [("1", "COMPLETED")]


def test_tasks_that_still_end_after_the_way_back_are_left_to_ecs(begun: Begun) -> None:
    fargate = begun.fargate
    fargate.ends_slowly = True
    fargate.between["DescribeServices", 4] = begun.go_on
    assert begun.undo() is None
    assert fargate.writes() == ["StopServiceDeployment"] and settled(fargate) == [("1", "COMPLETED")]


def test_a_shift_that_ecs_does_not_list_yet_is_stopped_once_it_does(begun: Begun) -> None:
    """An update would only queue up behind it."""
    fargate = begun.fargate
    fargate.shifts.clear()
    fargate.between["ListServiceDeployments", 4] = lambda: fargate.shifts.append(begun.shift)
    assert begun.undo() is None
    assert fargate.writes() == ["StopServiceDeployment"] and 0 < begun.place.clock.now() < 60
    assert settled(fargate) == [("1", "COMPLETED")]


@pytest.mark.parametrize("how", ["aborted", "too-late"])
def test_a_shift_that_is_over_and_did_not_go_back_is_brought_back(begun: Begun, how: str) -> None:
    fargate = begun.fargate
    fargate.stopped_as = "SUCCESSFUL"
    if how == "aborted":
        begun.shift["status"] = "STOPPED"
    fargate.between["UpdateService", 1] = begun.go_on
    assert begun.undo() is None
    assert fargate.writes() == [*(["StopServiceDeployment"] if how == "too-late" else []), "UpdateService"]
    (made,) = fargate.made("UpdateService")
    assert made["taskDefinition"].endswith(":1") and "forceNewDeployment" not in made
    assert settled(fargate) == [("1", "COMPLETED")]


def test_what_somebody_else_begins_meanwhile_is_left(begun: Begun) -> None:
    fargate = begun.fargate
    fargate.stopped_as = "ROLLBACK_IN_PROGRESS"
    theirs = registered(begun.place, fargate, release(3)).task_definition
    fargate.between["DescribeServices", 4] = lambda: (fargate.deploy(theirs), None)[1]
    told = begun.undo()
    assert told is not None and "Somebody else's deployment is newer" in told["warnings"][0]
    assert fargate.writes() == ["StopServiceDeployment"] and begun.place.clock.now() < 60
