"""Given a deployment of ours, when ECS, tasks or other people do anything with it, only a complete one is a success."""

import contextlib
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core import events
from decodeat_ops.core.errors import Interrupted, Lost, StepFailed
from decodeat_ops.core.secret import MASK, Secret
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.ecs.observed import Deployment, Event, ServiceState
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.rollout import Followed, Judgement, follow, judge, settle
from tests.support.aws import PassingClock
from tests.unit.targets.ecs.demo import place_of, registered, release, serving
from tests.unit.targets.ecs.fargate import Fargate

NEW, OLD = "arn:aws:ecs:r:1:task-definition/demo:2", "arn:aws:ecs:r:1:task-definition/demo:1"
OURS = Followed("ecs-svc/2", NEW, frozenset({"ecs-svc/1"}))


def deployment(number: int, **more: Any) -> Deployment:
    given: dict[str, Any] = {
        "id": f"ecs-svc/{number}",
        "status": "PRIMARY" if number == 2 else "ACTIVE",
        "task_definition": NEW if number == 2 else OLD,
        "rollout_state": "COMPLETED",
        "desired": 2,
        "running": 2,
    }
    return Deployment(**given | more)


def service(*deployments: Deployment, **more: Any) -> ServiceState:
    given: dict[str, Any] = {"arn": "a", "status": "ACTIVE", "desired": 2, "running": 2, "pending": 0}
    return ServiceState(**given | {"task_definition": NEW, "deployments": deployments} | more)


@pytest.mark.parametrize(
    ("seen", "verdict", "text"),
    [
        (service(deployment(2)), "done", ""),
        (service(deployment(2), deployment(1, running=0, rollout_state="FAILED")), "done", ""),
        (service(deployment(2, rollout_state="IN_PROGRESS"), deployment(1)), "going", "2 of the old ones still run"),
        (service(deployment(2, running=1)), "going", "1 of 2 tasks run"),
        (service(deployment(2, rollout_state="")), "going", "2 of 2 tasks run"),
        (service(deployment(2, rollout_state="FAILED", rollout_reason="too many")), "failed", "gave the deployment up"),
        (service(deployment(2, status="ACTIVE", rollout_state="FAILED")), "failed", "gave the deployment up"),
        (service(deployment(2, status="ACTIVE"), deployment(3, status="PRIMARY")), "replaced", ""),
        (service(deployment(3, status="PRIMARY")), "replaced", "does not list"),
        (service(deployment(1, status="PRIMARY")), "unseen", "does not list"),
        (service(), "unseen", "does not list"),
        (service(deployment(2, task_definition=OLD)), "failed", "brings demo:1, not demo:2"),
        (service(deployment(2), desired=0), "failed", "desired count to 0"),
        (service(deployment(2, running=0), desired=0), "failed", "desired count to 0"),
        (service(deployment(2), status="DRAINING"), "failed", "it is DRAINING"),
        (service(deployment(2), status="INACTIVE"), "failed", "it is INACTIVE"),
        (None, "failed", "deleted the service"),
    ],
)
def test_only_a_complete_primary_deployment_of_ours_is_done(seen: ServiceState | None, verdict: str, text: str) -> None:
    judged = judge(seen, OURS)
    assert judged.verdict == verdict
    assert text in judged.text


def test_progress_counts_tasks() -> None:
    happened = (Event("2", "2026-11-29T10:00:02+00:00", "has started 1 tasks"),)
    seen = service(
        deployment(2, rollout_state="IN_PROGRESS", running=1, pending=1, failed=3), deployment(1), events=happened
    )
    text = "1 of 2 tasks run; 1 start; 3 failed; 2 of the old ones still run"
    assert judge(seen, OURS) == Judgement("going", text, 1, 2)


@pytest.fixture
def fargate() -> Fargate:
    return Fargate()


@pytest.fixture
def place(tmp_path: Path, fargate: Fargate) -> Place:
    return place_of(tmp_path, fargate)


def begun(place: Place, fargate: Fargate) -> tuple[str, str, list[str]]:
    """Let release 1 serve and the deployment of release 2 begin; return its id, task definition and the guard."""
    serving(place, fargate, release(1))
    assert fargate.service is not None
    guard = [one["id"] for one in fargate.service["deployments"]]
    new = registered(place, fargate, release(2)).task_definition
    return fargate.deploy(new), new, guard


def followed(place: Place, which: tuple[str, str, list[str]], context: Context | None = None) -> float:
    name, new, guard = which
    return follow(place, name, context or Context(), 600, task_definition=new, guard=guard)


def test_a_deployment_is_followed_to_its_end(place: Place, fargate: Fargate) -> None:
    which = begun(place, fargate)
    assert followed(place, which) > 0
    assert fargate.writes() == []


# What happens meanwhile


def said(place: Place, which: tuple[str, str, list[str]], **more: Any) -> list[str]:
    """Follow a deployment, whatever becomes of it, and return the lines that stay."""
    seen: list[events.Event] = []
    context = Context(emit=seen.append, **more)
    with contextlib.suppress(StepFailed):
        followed(place, which, context)
    return [event.text for event in seen if isinstance(event, events.StepSaid)]


def test_each_event_of_this_deployment_is_said_once(place: Place, fargate: Fargate) -> None:
    which = begun(place, fargate)
    fargate.between["DescribeServices", 2] = lambda: fargate.event("has started 2 tasks")

    def twice() -> None:
        fargate.event("one")
        fargate.event("another")

    fargate.between["DescribeServices", 3] = twice
    lines = said(place, which)
    assert lines == [f"deployment {which[0]} began", "has started 2 tasks", "one", "another"]
    assert {name for name, _ in fargate.calls} == {"DescribeServices"}, "it costs no reads"


def test_no_event_is_said_while_it_is_not_known_when_the_deployment_began(place: Place, fargate: Fargate) -> None:
    which = begun(place, fargate)
    assert fargate.service is not None
    del fargate.service["deployments"][0]
    fargate.service["deployments"][0]["status"] = "PRIMARY"
    assert said(place, which) == []


def test_tasks_that_fail_are_said_and_what_ecs_says_of_it(place: Place, fargate: Fargate) -> None:
    which = begun(place, fargate)
    fargate.failing.add(which[1])
    lines = said(place, which)
    assert lines[:2] == [f"deployment {which[0]} began", "1 of the new tasks failed so far"]
    assert lines[2] == "deployment failed: tasks failed to start"
    assert lines[-1] == "2 of the new tasks failed so far" and len(lines) == len({*lines})


def test_a_secret_in_what_ecs_says_is_masked(place: Place, fargate: Fargate) -> None:
    which = begun(place, fargate)
    fargate.event("it was given correct-horse-battery")
    assert said(place, which, secrets={"KEY": Secret("correct-horse-battery")})[1] == f"it was given {MASK}"


def test_looks_come_less_and_less_often(place: Place, fargate: Fargate) -> None:
    which = begun(place, fargate)
    fargate.stuck = True
    with pytest.raises(StepFailed, match=r"not complete within 10 min: 0 of 2 tasks run"):
        followed(place, which)
    assert 60 < len(fargate.made("DescribeServices")) < 70  # in 600 seconds
    assert isinstance(place.clock, PassingClock) and max(place.clock.slept) <= 1


def test_a_rollback_by_ecs_is_a_failure_that_says_why(place: Place, fargate: Fargate) -> None:
    which = begun(place, fargate)
    fargate.failing.add(which[1])
    with pytest.raises(StepFailed) as caught:
        followed(place, which)
    advice = caught.value.advice
    assert advice.what.startswith(
        "ECS gave the deployment up (tasks failed to start). What runs now: demo-production:1"
    )
    assert caught.value.code == 5
    lines = "\n".join(advice.lines)
    assert "deployment failed: tasks failed to start" in lines
    assert "stopped: Essential container in task exited" in lines
    assert "container decodeat: exit code 3" in lines
    assert "  it can't start" in lines


def test_a_rollback_that_is_over_when_we_look_is_a_failure(place: Place, fargate: Fargate) -> None:
    """ECS has taken our deployment off its list already, and the old revision is complete: others call that stable."""
    which = begun(place, fargate)
    assert fargate.service is not None
    fargate.deploy(fargate.service["deployments"][1]["taskDefinition"], "rolling back to deploymentId ecs-svc/1")
    for _ in range(5):
        fargate.step()
    assert [one["rolloutState"] for one in fargate.service["deployments"]] == ["COMPLETED"]
    with pytest.raises(StepFailed, match=r"Another deployment took its place: .*demo-production:1") as caught:
        followed(place, which)
    assert "What runs now: demo-production:1 with 2 tasks." in caught.value.advice.what


def test_the_old_deployment_as_the_only_one_is_a_rollback_after_a_while(place: Place, fargate: Fargate) -> None:
    """A list may lag for seconds behind an answer; later, the old id alone means that ECS went back to it."""
    which = begun(place, fargate)
    assert fargate.service is not None
    del fargate.service["deployments"][0]
    fargate.service["deployments"][0]["status"] = "PRIMARY"
    with pytest.raises(StepFailed, match="ECS went back to the deployment ecs-svc/"):
        followed(place, which)
    assert place.clock.now() >= 30


def test_a_list_that_lags_is_no_failure(place: Place, fargate: Fargate) -> None:
    which = begun(place, fargate)
    assert fargate.service is not None
    ours = fargate.service["deployments"].pop(0)
    fargate.service["deployments"][0]["status"] = "PRIMARY"

    def shown() -> None:
        assert fargate.service is not None
        fargate.service["deployments"][0]["status"] = "ACTIVE"
        fargate.service["deployments"].insert(0, ours)

    fargate.between["DescribeServices", 3] = shown
    assert followed(place, which) > 0


def test_somebody_elses_deployment_in_the_middle_is_a_failure(place: Place, fargate: Fargate) -> None:
    which = begun(place, fargate)
    theirs = registered(place, fargate, release(3)).task_definition
    fargate.between["DescribeServices", 2] = lambda: (fargate.deploy(theirs), None)[1]
    with pytest.raises(StepFailed, match=r"Another deployment took its place: ecs-svc/\d+, demo-production:3"):
        followed(place, which)


def test_a_service_that_vanishes_is_a_failure(place: Place, fargate: Fargate) -> None:
    which = begun(place, fargate)
    fargate.between["DescribeServices", 2] = lambda: setattr(fargate, "service", None)
    with pytest.raises(StepFailed, match=r"Somebody deleted the service. Nothing serves now"):
        followed(place, which)


def test_an_answer_that_never_comes_is_no_failure(place: Place, fargate: Fargate) -> None:
    which = begun(place, fargate)
    fargate.lost.add("DescribeServices")
    with pytest.raises(Lost):
        followed(place, which)


def test_a_report_that_cant_be_made_does_not_hide_the_failure(place: Place, fargate: Fargate) -> None:
    which = begun(place, fargate)
    fargate.failing.add(which[1])
    fargate.denied |= {"ListTasks"}
    with pytest.raises(StepFailed, match="ECS gave the deployment up") as caught:
        followed(place, which)
    assert any("its stopped tasks could not be read" in line for line in caught.value.advice.lines)


def test_an_operator_stops_the_wait_and_not_the_deployment(place: Place, fargate: Fargate) -> None:
    which = begun(place, fargate)
    context = Context()
    fargate.between["DescribeServices", 2] = lambda: setattr(context, "interrupted", True)
    with pytest.raises(Interrupted):
        followed(place, which, context)
    assert fargate.writes() == []


def test_settling_waits_for_the_end_whatever_it_is(place: Place, fargate: Fargate) -> None:
    _, new, _ = begun(place, fargate)
    found = settle(place, Context(), 600)
    assert found is not None and found.task_definition == new
    fargate.failing.add(registered(place, fargate, release(3)).task_definition)
    fargate.deploy(next(iter(fargate.failing)))
    found = settle(place, Context(), 600)
    assert found is not None and found.task_definition == new


def test_settling_has_a_limit(place: Place, fargate: Fargate) -> None:
    begun(place, fargate)
    fargate.stuck = True
    with pytest.raises(StepFailed, match="did not end within 10 min"):
        settle(place, Context(), 600)
