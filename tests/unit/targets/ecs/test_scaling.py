"""The number of tasks is chosen through the workflow, and never where something else decides it."""

from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core.abilities import Scaling
from decodeat_ops.core.errors import StepFailed, Usage
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.ecs import scaling
from decodeat_ops.targets.ecs.observing import observe
from decodeat_ops.targets.ecs.place import Place
from tests.support.aws import refused
from tests.unit.targets.ecs.seen import Script, Seen, deployment

NOTHING_SCALES: dict[str, Any] = {"ScalableTargets": []}


def seen(**more: Any) -> Seen:
    found = Seen()
    service = found.service = {"desiredCount": 2}

    def updated(params: Any) -> dict[str, Any]:
        service["desiredCount"] = params["desiredCount"]
        return {"service": {}}

    found.more = {
        "application-autoscaling:DescribeScalableTargets": NOTHING_SCALES,
        "ecs:UpdateService": updated,
        "ecs:ListTasks": {"taskArns": []},
        "logs:FilterLogEvents": {"events": []},
        **more,
    }
    return found


def planned(place: Place, count: int) -> Scaling:
    return scaling.scaling(place, observe(place), count)


def carry_out(place: Place, plan: Scaling) -> None:
    context = Context()
    for step in plan.steps:
        scaling.ACTIONS[step.do.name](place, context, step.do.params)


def test_tasks_are_asked_for_and_waited_for(tmp_path: Path) -> None:
    looked_at = seen()
    script = Script(600, (3.0, lambda: looked_at.deployments.__setitem__(0, deployment(2, runningCount=4))))
    place = looked_at.place(tmp_path, clock=script)
    plan = planned(place, 4)
    assert [step.title for step in plan.steps] == ["Ask for 4 tasks instead of 2", "Wait until 4 tasks run"]
    assert dict(plan.facts)["account"]
    carry_out(place, plan)
    asked = place.aws.made("ecs:UpdateService")  # type: ignore[attr-defined]
    assert asked == [{"cluster": "demo-production", "service": "demo-production", "desiredCount": 4}]
    assert script.seconds >= 3.0


def test_as_many_as_there_are_is_no_change(tmp_path: Path) -> None:
    assert planned(seen().place(tmp_path), 2).steps == ()


def test_autoscaling_owns_the_count(tmp_path: Path) -> None:
    bounds = {"ScalableTargets": [{"MinCapacity": 2, "MaxCapacity": 9}]}
    place = seen(**{"application-autoscaling:DescribeScalableTargets": bounds}).place(tmp_path)
    with pytest.raises(Usage, match="between 2 and 9") as refusal:
        planned(place, 4)
    assert "register-scalable-target" in refusal.value.advice.hint


def test_whether_it_is_autoscaled_is_a_doubt_where_nobody_may_ask(tmp_path: Path) -> None:
    denied = refused("application-autoscaling:DescribeScalableTargets", "AccessDeniedException")
    place = seen(**{"application-autoscaling:DescribeScalableTargets": denied}).place(tmp_path)
    assert "autoscaling" in dict(planned(place, 4).facts)["not certain"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"service": None}, "Nothing is deployed"),
        ({"service": {"desiredCount": 0}}, "is stopped"),
        ({"deployments": [deployment(2, rolloutState="IN_PROGRESS"), deployment(1, status="ACTIVE")]}, "under way"),
    ],
)
def test_there_has_to_be_one_service_that_serves(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    looked_at = seen()
    for name, value in change.items():
        setattr(looked_at, name, value)
    with pytest.raises(Usage, match=says):
        planned(looked_at.place(tmp_path), 4)


def test_a_service_that_moved_since_is_left_alone(tmp_path: Path) -> None:
    looked_at = seen()
    place = looked_at.place(tmp_path)
    plan = planned(place, 4)
    looked_at.deployments = [deployment(3, taskDefinition=looked_at.deployments[0]["taskDefinition"])]
    with pytest.raises(StepFailed, match="changed since this was planned"):
        carry_out(place, plan)
    assert not place.aws.made("ecs:UpdateService")  # type: ignore[attr-defined]


def test_tasks_that_never_run_end_the_wait_and_are_taken_back(tmp_path: Path) -> None:
    looked_at = seen()
    place = looked_at.place(tmp_path, clock=Script(1e9))
    plan = planned(place, 4)
    with pytest.raises(StepFailed, match="2 tasks run instead of 4"):
        carry_out(place, plan)
    undo = plan.steps[0].undo
    assert undo is not None
    assert scaling.ACTIONS[undo.name](place, Context(), undo.params) == {}
    counts = [one["desiredCount"] for one in place.aws.made("ecs:UpdateService")]  # type: ignore[attr-defined]
    assert counts == [4, 2]


def test_an_undo_leaves_what_somebody_else_chose(tmp_path: Path) -> None:
    looked_at = seen()
    place = looked_at.place(tmp_path)
    undo = planned(place, 4).steps[0].undo
    assert undo is not None
    looked_at.service = {"desiredCount": 7}
    told = scaling.ACTIONS[undo.name](place, Context(), undo.params)
    assert told == {"warnings": ["Somebody asked for 7 tasks meanwhile; that stays."]}
    assert not place.aws.made("ecs:UpdateService")  # type: ignore[attr-defined]
