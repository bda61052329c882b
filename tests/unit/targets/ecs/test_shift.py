"""Given a shift of traffic by ECS itself, when it ends in any way, only a successful one of ours is a success."""

from pathlib import Path

import pytest

from decodeat_ops.core.errors import StepFailed
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.ecs import observing, shift, steps
from decodeat_ops.targets.ecs.actions import ACTS
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.rollout import follow
from decodeat_ops.targets.ecs.steps import Way
from tests.support.aws import GREEN, GROUP, RULE
from tests.unit.targets.ecs.demo import place_of, registered, release, serving
from tests.unit.targets.ecs.fargate import Fargate

BOTH = f"""
target_group = "{GROUP}"
green_target_group = "{GREEN}"
listener_rule = "{RULE}"
infrastructure_role = "shifts"
"""


def placed(home: Path, fargate: Fargate, more: str) -> Place:
    return place_of(home, fargate, BOTH + more)


@pytest.mark.parametrize(
    ("settings", "minutes", "words"),
    [
        ('strategy = "blue-green"\nbake_minutes = 7', 7, "blue/green, both run 7 min more"),
        (
            'strategy = "linear"\nstep_percent = 30.0\nstep_minutes = 2\nbake_minutes = 5',
            13,
            "linear, 30 % every 2 min, both run 5 min more",
        ),
        (
            'strategy = "canary"\nstep_percent = 5.0\nstep_minutes = 10\nbake_minutes = 5',
            15,
            "canary, 5 % for 10 min, then all, both run 5 min more",
        ),
        ("", 0, "rolling"),
    ],
)
def test_the_time_of_a_shift_is_its_steps_and_its_baking(
    tmp_path: Path, settings: str, minutes: float, words: str
) -> None:
    loaded = placed(tmp_path, Fargate(), settings).loaded
    assert shift.minutes(loaded) == minutes
    assert shift.words(loaded) == words


def begun(place: Place, fargate: Fargate) -> tuple[str, str, list[str]]:
    serving(place, fargate, release(1))
    assert fargate.service is not None
    guard = [one["id"] for one in fargate.service["deployments"]]
    new = registered(place, fargate, release(2)).task_definition
    return fargate.deploy(new), new, guard


def followed(place: Place, which: tuple[str, str, list[str]], seen: list[str] | None = None) -> float:
    name, new, guard = which
    context = Context(emit=lambda event: seen.append(getattr(event, "text", "")) if seen is not None else None)
    return follow(place, name, context, 600, task_definition=new, guard=guard)


def test_each_of_its_stages_is_said_once_until_it_succeeds(tmp_path: Path) -> None:
    fargate = Fargate()
    place = placed(tmp_path, fargate, 'strategy = "canary"')
    which = begun(place, fargate)
    made = fargate.shift(which[1], "IN_PROGRESS", lifecycleStage="PRODUCTION_TRAFFIC_SHIFT")
    fargate.between["DescribeServiceDeployments", 3] = lambda: made["targetServiceRevision"].update(
        requestedProductionTrafficWeight=100.0
    )
    fargate.between["DescribeServiceDeployments", 4] = lambda: made.update(lifecycleStage="BAKE_TIME")
    fargate.between["DescribeServiceDeployments", 5] = lambda: made.update(status="SUCCESSFUL")
    seen: list[str] = []
    followed(place, which, seen)
    assert [text for text in seen if text.startswith("shift: ")] == [
        "shift: production traffic shift, 10 % of requests",
        "shift: production traffic shift, 100 % of requests",
        "shift: bake time, 100 % of requests",
    ]
    assert "1 of 2 tasks run (0 s of 10 min)" in seen, "the line that moves says the rest"
    assert len(fargate.made("ListServiceDeployments")) == 1


def test_a_shift_that_takes_too_long_says_where_it_is(tmp_path: Path) -> None:
    fargate = Fargate()
    place = placed(tmp_path, fargate, 'strategy = "canary"')
    which = begun(place, fargate)
    fargate.shift(which[1], "IN_PROGRESS", lifecycleStage="BAKE_TIME")
    with pytest.raises(StepFailed, match=r"within 10 min: bake time, 10 % of requests, 1 of 2 tasks run"):
        followed(place, which)


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ("ROLLBACK_REQUESTED", "ECS rolled the shift back"),
        ("ROLLBACK_IN_PROGRESS", "ECS rolled the shift back"),
        ("ROLLBACK_SUCCESSFUL", "ECS rolled the shift back"),
        ("ROLLBACK_FAILED", "ECS rolled the shift back"),
        ("STOP_REQUESTED", "Somebody stopped the shift"),
        ("STOPPED", "Somebody stopped the shift"),
        ("SOMETHING_NEW", "ECS says of the shift SOMETHING_NEW, which this version does not know"),
    ],
)
def test_any_other_end_is_a_failure(tmp_path: Path, status: str, says: str) -> None:
    fargate = Fargate()
    place = placed(tmp_path, fargate, 'strategy = "linear"')
    which = begun(place, fargate)
    fargate.shift(which[1], status)
    with pytest.raises(StepFailed, match=says):
        followed(place, which)


def test_the_success_of_another_shift_is_not_ours(tmp_path: Path) -> None:
    """An earlier shift of the same revision, or one of another revision, has succeeded; ECS lists none of ours."""
    fargate = Fargate()
    place = placed(tmp_path, fargate, 'strategy = "blue-green"')
    early = registered(place, fargate, release(2)).task_definition
    fargate.shift(early, "SUCCESSFUL")
    for _ in range(20):
        fargate._now()
    serving(place, fargate, release(1))
    assert fargate.service is not None
    guard = [one["id"] for one in fargate.service["deployments"]]
    which = fargate.deploy(early), early, guard
    fargate.shift(registered(place, fargate, release(3)).task_definition, "SUCCESSFUL")
    with pytest.raises(StepFailed, match="ECS keeps no record of the shift"):
        followed(place, which)


def test_a_shift_that_succeeded_and_lost_its_place_is_a_failure(tmp_path: Path) -> None:
    fargate = Fargate()
    place = placed(tmp_path, fargate, 'strategy = "blue-green"')
    which = begun(place, fargate)
    fargate.shift(which[1], "SUCCESSFUL")
    fargate.deploy(registered(place, fargate, release(3)).task_definition)
    with pytest.raises(StepFailed, match="Another deployment took its place"):
        followed(place, which)


def test_a_failed_deployment_is_not_waited_for(tmp_path: Path) -> None:
    fargate = Fargate()
    place = placed(tmp_path, fargate, 'strategy = "blue-green"')
    which = begun(place, fargate)
    fargate.failing.add(which[1])
    fargate.shift(which[1], "IN_PROGRESS")
    with pytest.raises(StepFailed, match="ECS gave the deployment up"):
        followed(place, which)


# The service says whether it is shifted, and not the settings of today


@pytest.mark.parametrize("now", ["", 'strategy = "canary"'], ids=["rolling-by-now", "still-canary"])
def test_an_undo_stops_its_own_shift_whatever_the_settings_say_by_now(tmp_path: Path, now: str) -> None:
    fargate = Fargate()
    place = placed(tmp_path / "then", fargate, 'strategy = "canary"')
    serving(place, fargate, release(1))
    ours = registered(place, fargate, release(2))
    way = Way(place.loaded, place.names, ours, observing.observe(place), registers=False)
    step = steps.update(way)
    assert step.undo is not None
    begun = ACTS["update"](place, Context(), step.do.params) or {}
    made = fargate.shift(ours.task_definition, "IN_PROGRESS")
    fargate.stuck = True
    fargate.calls.clear()
    later = placed(tmp_path / "now", fargate, now)
    ACTS["update-back"](later, Context(results={"update": begun}), step.undo.params)
    assert made["status"] == "ROLLBACK_SUCCESSFUL"
    assert fargate.writes() == ["StopServiceDeployment"] and later.clock.now() < 60
    assert fargate.service is not None and fargate.service["taskDefinition"].endswith(":1")


def test_a_shift_is_followed_as_one_whatever_the_settings_say_by_now(tmp_path: Path) -> None:
    fargate = Fargate()
    which = begun(placed(tmp_path / "then", fargate, 'strategy = "canary"'), fargate)
    fargate.shift(which[1], "ROLLBACK_IN_PROGRESS")
    with pytest.raises(StepFailed, match="ECS rolled the shift back"):
        followed(placed(tmp_path / "now", fargate, ""), which)


# Which shift decides about an update


def current(place: Place) -> str:
    """Return the status of the shift that the service is in, "" when none is listed."""
    service = observing.service_state(place)
    found = shift.current(place, service) if service else None
    return found.status if found else ""


def test_the_shift_of_a_service_is_the_one_of_its_primary_deployment(tmp_path: Path) -> None:
    fargate = Fargate()
    place = placed(tmp_path, fargate, 'strategy = "canary"')
    fargate.stuck = True
    _, new, _ = begun(place, fargate)
    old = (fargate.service or {})["deployments"][1]
    earlier = fargate.shift(old["taskDefinition"], "SUCCESSFUL")
    earlier["createdAt"] = old["createdAt"]
    assert current(place) == "", "the new one is not listed yet, and the earlier one is another's"
    fargate.shift(new, "IN_PROGRESS")
    assert current(place) == "IN_PROGRESS"
    fargate.shift("arn:aws:ecs:eu-central-1:123456789012:task-definition/demo-production:99", "PENDING")
    assert current(place) == "IN_PROGRESS", "the service has no deployment of that one"
    for _ in range(20):
        fargate._now()
    fargate.deploy(new)
    assert current(place) == "", "the same revision is begun once more"


@pytest.mark.parametrize("own_id", [True, False], ids=["its-own-id", "another-id"])
def test_the_shift_of_a_service_that_ecs_takes_back_is_the_one_it_takes_back(tmp_path: Path, own_id: bool) -> None:
    fargate = Fargate(ends_slowly=True)
    place = placed(tmp_path, fargate, 'strategy = "canary"')
    fargate.stuck = True
    _, new, _ = begun(place, fargate)
    assert fargate.service is not None
    old = fargate.service["deployments"][1]
    fargate.shift(old["taskDefinition"], "SUCCESSFUL")["createdAt"] = old["createdAt"]
    fargate.go_back(fargate.shift(new, "IN_PROGRESS"), "ROLLBACK_IN_PROGRESS")
    if not own_id:
        old |= {"id": "ecs-svc/99", "createdAt": fargate._now()}
    assert current(place) == "ROLLBACK_IN_PROGRESS"


@pytest.mark.parametrize("status", ["ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"])
@pytest.mark.parametrize("begins", [1, 2, 3], ids=["the-old-one", "the-same", "another"])
def test_an_earlier_way_back_is_none_of_the_shift_that_begins(tmp_path: Path, begins: int, status: str) -> None:
    """Tasks of the earlier one may still run, and ECS does not list the new one at once."""
    fargate = Fargate(ends_slowly=True)
    place = placed(tmp_path, fargate, 'strategy = "canary"')
    fargate.stuck = True
    _, new, _ = begun(place, fargate)
    fargate.go_back(fargate.shift(new, "IN_PROGRESS"), status)
    registered(place, fargate, release(3))
    assert current(place) == status
    for _ in range(20):
        fargate._now()
    fargate.deploy([*fargate.definitions][begins - 1])
    assert current(place) == ""


@pytest.mark.parametrize(
    ("status", "over", "gave_up"),
    [
        ("PENDING", False, False),
        ("IN_PROGRESS", False, False),
        ("STOP_REQUESTED", False, False),
        ("ROLLBACK_REQUESTED", False, False),
        ("ROLLBACK_IN_PROGRESS", False, False),
        ("SOMETHING_NEW", False, False),
        ("SUCCESSFUL", True, False),
        ("ROLLBACK_SUCCESSFUL", True, False),
        ("ROLLBACK_FAILED", True, True),
        ("STOPPED", True, True),
    ],
)
def test_a_shift_is_over_when_it_goes_neither_on_nor_back(status: str, over: bool, gave_up: bool) -> None:
    found = shift.Shift("arn", status)
    assert (found.over, found.gave_up) == (over, gave_up)
