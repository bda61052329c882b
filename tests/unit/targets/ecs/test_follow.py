"""Given steps that wait, ask or stop, when the service is as planned, they end well; when it is not, they say so."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from decodeat_ops.core.errors import Lost, StepFailed, Usage
from decodeat_ops.core.plan import Action
from decodeat_ops.engine.executor import Results
from decodeat_ops.targets.ecs import observing, steps
from decodeat_ops.targets.ecs.actions import ACTS
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.release import EcsRelease
from decodeat_ops.targets.ecs.steps import Way
from decodeat_ops.targets.ecs.target import Ecs
from tests.support.aws import loaded_from
from tests.unit.targets.ecs.demo import Clients, context, place_of, registered, release, serving
from tests.unit.targets.ecs.fargate import Fargate


@pytest.fixture
def fargate() -> Fargate:
    return Fargate()


@pytest.fixture
def place(tmp_path: Path, fargate: Fargate) -> Place:
    return place_of(tmp_path, fargate)


def way(place: Place, made: EcsRelease) -> Way:
    return Way(place.loaded, place.names, made, observing.observe(place), registers=False)


def run(place: Place, action: Action, **results: Any) -> Results:
    return ACTS[action.name](place, context(**results), action.params) or {}


def clients(place: Place) -> Clients:
    return cast(Clients, place.http)


# Waiting for others, and for ours


def test_a_deployment_under_way_is_waited_for(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    fargate.deploy(registered(place, fargate, release(2)).task_definition)
    run(place, steps.settle(way(place, release(3))).do)
    assert fargate.service is not None and fargate.service["deployments"][0]["rolloutState"] == "COMPLETED"


def test_a_deployment_under_way_that_ecs_rolls_back_ends_the_plan(place: Place, fargate: Fargate) -> None:
    """The plan was made to go back to what was being deployed then, and that never served."""
    serving(place, fargate, release(1))
    new = registered(place, fargate, release(2)).task_definition
    fargate.failing.add(new)
    fargate.deploy(new)
    with pytest.raises(StepFailed, match="changed since this was planned"):
        run(place, steps.settle(way(place, release(3))).do)


def test_a_service_that_is_being_deleted_is_waited_for(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    assert fargate.service is not None
    fargate.service["status"] = "DRAINING"
    todo = way(place, release(2))
    assert todo.service is None and todo.guard == []
    run(place, steps.settle(todo).do)
    assert fargate.service["status"] == "INACTIVE"


def test_following_takes_the_id_that_the_update_produced(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    todo = way(place, registered(place, fargate, release(2)))
    begun = run(place, steps.update(todo).do)
    told = run(place, steps.follow(todo).do, update=begun)
    assert told["seconds"] >= 0
    again = run(place, steps.follow(todo).do, update=begun)  # after a crash
    assert again["seconds"] == 0


# Asking from outside


def test_the_release_itself_confirms_it_ten_times(place: Place, fargate: Fargate) -> None:
    made = serving(place, fargate, release(1))
    run(place, steps.confirm(way(place, made)).do)
    assert clients(place).asked == 10


def test_its_revision_is_marked_as_one_that_served(place: Place, fargate: Fargate) -> None:
    made = registered(place, fargate, release(1))
    run(place, steps.update(way(place, made)).do)
    assert not observing.observe(place).releases[0].served
    step = steps.confirm(way(place, made))
    fargate.calls.clear()
    for _ in range(2):
        run(place, step.do)
    tag = {"key": "decodeat-ops:served", "value": "true"}
    assert fargate.made("TagResource") == [{"resourceArn": made.task_definition, "tags": [tag]}]
    assert fargate.writes() == ["TagResource"], "what is noted is not written again"
    for looking in (place, place_of(place.loaded.directory, fargate)):
        found = observing.observe(looking)
        assert found.releases[0].served and found.edited == ""


def test_what_is_known_to_have_served_is_not_written_again(place: Place, fargate: Fargate) -> None:
    """A rollback to it needs no right to tag."""
    made = serving(place, fargate, release(1))
    fargate.denied.add("TagResource")
    again = place_of(place.loaded.directory, fargate)  # another process
    assert "warnings" not in run(again, steps.confirm(way(again, made)).do)
    assert fargate.writes() == []


@pytest.mark.parametrize(("error", "denied"), [("AccessDeniedException", True), ("InvalidParameterException", False)])
def test_a_release_that_can_not_be_noted_serves_all_the_same(
    place: Place, fargate: Fargate, error: str, denied: bool
) -> None:
    """No rollout that clients have confirmed is taken back for a tag."""
    made = registered(place, fargate, release(1))
    run(place, steps.update(way(place, made)).do)
    fargate.denied |= {"TagResource"} if denied else set()
    fargate.refusing |= {} if denied else {"TagResource": error}
    told = run(place, steps.confirm(way(place, made)).do)
    (warning,) = told["warnings"]
    assert warning == (
        f"Release {made.id} could not be noted as one that has served ({error}): a rollback finds it by its id alone, "
        "and the deploy after the next one deregisters it."
    )
    fargate.denied.clear()
    fargate.refusing.clear()
    assert "warnings" not in run(place, steps.confirm(way(place, made)).do), "a repeat notes it"
    assert observing.observe(place).releases[0].served


def test_what_is_not_confirmed_is_not_marked(place: Place, fargate: Fargate) -> None:
    made = registered(place, fargate, release(1))
    run(place, steps.update(way(place, made)).do)
    clients(place).status = 503
    with pytest.raises(StepFailed, match="is not what clients reach"):
        run(place, steps.confirm(way(place, made)).do)
    assert "TagResource" not in fargate.writes()


def task_with_an_address(fargate: Fargate, made: EcsRelease, address: str) -> str:
    details = [{"name": "privateIPv4Address", "value": address}]
    arn = fargate.ended_task(made.task_definition, code=None)
    attached = [{"type": "ElasticNetworkInterface", "details": details}]
    fargate.tasks[arn] |= {"desiredStatus": "RUNNING", "lastStatus": "RUNNING", "attachments": attached}
    return arn


def test_the_address_is_looked_for_once_and_again_after_a_bad_answer(tmp_path: Path, fargate: Fargate) -> None:
    place = replace(place_of(tmp_path, fargate), loaded=loaded_from(tmp_path))  # without ecs.address
    made = serving(place, fargate, release(1))
    task_with_an_address(fargate, made, "10.0.0.7")
    run(place, steps.confirm(way(place, made)).do)
    assert clients(place).asked == 10 and len(fargate.made("ListTasks")) == 1
    fargate.calls.clear()
    http, asked = clients(place), clients(place).request

    def some(*given: Any, **options: Any) -> Any:
        http.silent = http.asked in {13, 14}
        return asked(*given, **options)

    http.request = some  # type: ignore[method-assign]
    run(place, steps.confirm(way(place, made)).do)
    assert http.asked == 10 + 3 + 2 + 10 and len(fargate.made("ListTasks")) == 3


@pytest.mark.parametrize(
    ("clients_see", "says"),
    [
        ({"says": "20260101T000000Z-0000000"}, "answers 200 from release 20260101T000000Z-0000000"),
        ({"status": 503}, "answers 503 from release"),
        ({"silent": True}, "did not answer"),
    ],
)
def test_another_release_that_answers_is_a_failure(
    place: Place, fargate: Fargate, clients_see: dict[str, Any], says: str
) -> None:
    made = serving(place, fargate, release(1))
    for name, value in clients_see.items():
        setattr(clients(place), name, value)
    with pytest.raises(StepFailed, match="is not what clients reach") as caught:
        run(place, steps.confirm(way(place, made)).do)
    assert says in caught.value.advice.what
    assert "What runs now: demo-production:1 with 2 tasks." in caught.value.advice.what
    assert place.clock.now() >= 120


def test_an_old_task_that_answers_in_between_begins_the_count_anew(place: Place, fargate: Fargate) -> None:
    made = serving(place, fargate, release(1))
    http = clients(place)
    asked = http.request

    def some(*given: Any, **options: Any) -> Any:
        http.says = "20260101T000000Z-0000000" if http.asked == 6 else ""
        return asked(*given, **options)

    http.request = some  # type: ignore[method-assign]
    run(place, steps.confirm(way(place, made)).do)
    assert http.asked == 7 + 10


# Stopping and starting again


def halt(place: Place, *, removing: bool = False) -> tuple[Action, Action]:
    observed = observing.observe(place)
    assert observed.service is not None
    step = steps.halt(observed, observed.service, place.names, removing=removing)
    assert step.undo is not None
    return step.do, step.undo


def test_a_stop_remembers_the_count(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    do, undo = halt(place)
    fargate.calls.clear()
    run(place, do)
    assert fargate.writes() == ["TagResource", "UpdateService"]
    service = observing.service_state(place)
    assert service is not None and service.desired == 0 and service.tags[steps.DESIRED] == "2"
    assert service.created_by_us
    run(place, do)  # after a crash
    run(place, steps.wait_stopped(place.names, place.loaded, after_commit=True).do)
    assert fargate.writes() == ["TagResource", "UpdateService"]
    run(place, undo)
    run(place, undo)
    assert fargate.writes() == ["TagResource", "UpdateService", "UpdateService"]
    assert fargate.service is not None and fargate.service["desiredCount"] == 2


def test_a_stop_cut_off_before_its_second_call_goes_on(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    do, _ = halt(place)
    fargate.lost.add("TagResource")
    with pytest.raises(Lost):
        run(place, do)
    run(place, do)
    assert fargate.service is not None and fargate.service["desiredCount"] == 0


def test_an_autoscaled_service_is_not_stopped_but_may_be_removed(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    fargate.scalable = [{"MinCapacity": 2, "MaxCapacity": 9}]
    do, _ = halt(place)
    fargate.calls.clear()
    with pytest.raises(StepFailed, match="is autoscaled") as caught:
        run(place, do)
    assert "--resource-id service/demo-production/demo-production --min-capacity 0" in caught.value.advice.hint
    run(place, halt(place, removing=True)[0])
    assert fargate.writes() == []
    with pytest.raises(Usage, match="is autoscaled") as refused:
        Ecs(place, {}).halt(observing.observe(place))
    assert refused.value.advice.hint == caught.value.advice.hint
    fargate.denied.add("DescribeScalableTargets")
    assert Ecs(place, {}).halt(observing.observe(place)) != ()


def test_nothing_is_stopped_that_somebody_changed(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    do, undo = halt(place)
    run(place, do)
    fargate.deploy(registered(place, fargate, release(2)).task_definition)
    fargate.calls.clear()
    run(place, undo)
    assert fargate.writes() == []
    with pytest.raises(StepFailed, match="changed since this was planned"):
        run(place, do)


def test_a_stop_that_somebody_takes_back_fails(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    with pytest.raises(StepFailed, match="Somebody set the desired count"):
        run(place, steps.wait_stopped(place.names, place.loaded, after_commit=True).do)


def test_tasks_that_do_not_end_are_told(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    run(place, halt(place)[0])
    fargate.stuck = True
    with pytest.raises(StepFailed, match=r"2 tasks of demo-production/demo-production .* still run after 30 min"):
        run(place, steps.wait_stopped(place.names, place.loaded, after_commit=True).do)
