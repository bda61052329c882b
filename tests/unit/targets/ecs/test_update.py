"""Given a service or none, when it is made, updated, cut off or taken back, it changes once, and only by us."""

from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.core.errors import Lost, StepFailed
from decodeat_ops.core.plan import Action
from decodeat_ops.core.target import Origin
from decodeat_ops.engine.executor import Results
from decodeat_ops.targets.ecs import changes, observing, steps
from decodeat_ops.targets.ecs.actions import ACTS
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.release import EcsRelease
from decodeat_ops.targets.ecs.steps import Way
from tests.support.aws import GREEN, GROUP, RULE
from tests.unit.targets.ecs.demo import context, place_of, registered, release, serving
from tests.unit.targets.ecs.fargate import Fargate


@pytest.fixture
def fargate() -> Fargate:
    return Fargate()


@pytest.fixture
def place(tmp_path: Path, fargate: Fargate) -> Place:
    return place_of(tmp_path, fargate)


def step_of(place: Place, made: EcsRelease) -> tuple[Action, Action]:
    """Return what the step `update` to a registered release does and how it is undone, planned from what is there."""
    step = steps.update(Way(place.loaded, place.names, made, observing.observe(place), registers=False))
    assert step.undo is not None
    return step.do, step.undo


def run(place: Place, action: Action, **results: Any) -> Results:
    return ACTS[action.name](place, context(**results), action.params) or {}


def settled(fargate: Fargate) -> tuple[str, int, str]:
    """Return the revision, how many tasks it is to have, and how far it is, once ECS has done its work."""
    for _ in range(6):
        fargate.step()
    service = fargate.service
    if service is None or service["status"] != "ACTIVE":
        return "", 0, ""
    (only,) = service["deployments"]
    return only["taskDefinition"].rpartition(":")[2], service["desiredCount"], only["rolloutState"]


def test_the_first_deploy_makes_the_service(place: Place, fargate: Fargate) -> None:
    do, _ = step_of(place, registered(place, fargate, release(1)))
    told = run(place, do)
    (made,) = fargate.made("CreateService")
    assert made["desiredCount"] == 2 and made["tags"] == place.names.tags()
    assert made["deploymentConfiguration"]["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
    assert len(made["clientToken"]) <= 36
    assert fargate.service is not None and told["deployment"] == fargate.service["deployments"][0]["id"]
    assert told["since"]


def test_a_later_one_is_one_call_without_a_count(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    do, _ = step_of(place, registered(place, fargate, release(2)))
    fargate.calls.clear()
    told = run(place, do)
    assert fargate.writes() == ["UpdateService"]
    (made,) = fargate.made("UpdateService")
    assert made["taskDefinition"].endswith(":2") and "desiredCount" not in made and "forceNewDeployment" not in made
    assert made["networkConfiguration"]["awsvpcConfiguration"]["subnets"] == ["subnet-0a", "subnet-0b"]
    assert fargate.service is not None and told["deployment"] == fargate.service["deployments"][0]["id"]


def test_what_was_complete_has_served_though_its_deploy_died_before_it_said_so(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    fargate.deploy(registered(place, fargate, release(2)).task_definition)
    assert settled(fargate)[0] == "2"
    do, _ = step_of(place, registered(place, fargate, release(3)))
    fargate.calls.clear()
    run(place, do)
    assert fargate.writes() == ["TagResource", "UpdateService"]
    served = {one.id: one.served for one in observing.observe(place).releases}
    assert served == {release(1).id: True, release(2).id: True, release(3).id: False}


@pytest.mark.parametrize("others", [False, True], ids=["alone", "others"])
def test_an_update_does_without_the_note_that_is_refused(place: Place, fargate: Fargate, others: bool) -> None:
    """It would keep every change from a service whose revision can't be tagged, such as one that was deregistered."""
    serving(place, fargate, release(1))
    fargate.deploy(registered(place, fargate, release(2)).task_definition)
    assert settled(fargate)[0] == "2"
    do, _ = step_of(place, registered(place, fargate, release(3)))
    fargate.refusing["TagResource"] = "InvalidParameterException"
    if others:
        theirs = registered(place, fargate, release(4)).task_definition
        fargate.between["UpdateService", 1] = lambda: (fargate.deploy(theirs), None)[1]
    told = run(place, do)
    assert told["deployment"] and settled(fargate)[0] == "3"
    *before, last = told["warnings"]
    assert [text.partition(":")[0] for text in before] == (
        ["Somebody else's deployment began at the same moment"] if others else []
    )
    assert f"Release {release(2).id} could not be noted as one that has served (InvalidParameterException)" in last


def test_what_has_been_noted_is_not_noted_by_the_next_update(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    do, _ = step_of(place, registered(place, fargate, release(2)))
    fargate.denied.add("TagResource")
    assert "warnings" not in run(place, do) and fargate.made("TagResource") == []


def test_a_stopped_service_gets_its_tasks_back(place: Place, fargate: Fargate) -> None:
    kept = serving(place, fargate, release(1))
    assert fargate.service is not None
    fargate.service |= {"desiredCount": 0, "runningCount": 0}
    fargate.service["tags"].append({"key": steps.DESIRED, "value": "5"})
    do, undo = step_of(place, kept)
    run(place, do)
    (made,) = fargate.made("UpdateService")
    assert made["desiredCount"] == 5 and made["forceNewDeployment"] is True
    assert settled(fargate) == ("1", 5, "COMPLETED")
    run(place, undo)
    assert settled(fargate) == ("1", 0, "COMPLETED")


def test_a_stopped_service_that_is_autoscaled_starts_within_its_bounds(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    assert fargate.service is not None
    fargate.service |= {"desiredCount": 0, "runningCount": 0}
    fargate.scalable = [{"MinCapacity": 4, "MaxCapacity": 9}]
    do, _ = step_of(place, registered(place, fargate, release(2)))
    run(place, do)
    assert fargate.made("UpdateService")[0]["desiredCount"] == 4


@pytest.mark.parametrize("first", [True, False], ids=["make", "update"])
def test_a_repeat_after_a_crash_makes_no_second_deployment(place: Place, fargate: Fargate, first: bool) -> None:
    """The first call was carried out, and nothing noted it."""
    if not first:
        serving(place, fargate, release(1))
    do, _ = step_of(place, registered(place, fargate, release(2)))
    told = run(place, do)
    fargate.calls.clear()
    assert run(place, do)["deployment"] == told["deployment"]
    assert fargate.writes() == []


@pytest.mark.parametrize("operation", ["CreateService", "UpdateService"])
def test_an_answer_that_never_came_is_found_out(place: Place, fargate: Fargate, operation: str) -> None:
    if operation == "UpdateService":
        serving(place, fargate, release(1))
    do, _ = step_of(place, registered(place, fargate, release(2)))
    fargate.lost.add(operation)
    with pytest.raises(Lost):
        run(place, do)
    assert fargate.service is not None
    assert run(place, do)["deployment"] == fargate.service["deployments"][0]["id"]
    assert len(fargate.made(operation)) == 1


def test_nothing_is_updated_that_somebody_else_changed(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    do, undo = step_of(place, registered(place, fargate, release(2)))
    fargate.deploy(registered(place, fargate, release(3)).task_definition)
    with pytest.raises(StepFailed, match=r"changed since this was planned.*\(demo-production:3\)"):
        run(place, do)
    run(place, undo)
    assert "UpdateService" not in fargate.writes()
    assert settled(fargate)[0] == "3"


def test_nothing_is_updated_after_ecs_went_back_to_another_deployment_of_before(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    assert fargate.service is not None
    fargate.deploy(registered(place, fargate, release(2)).task_definition)
    do, _ = step_of(place, registered(place, fargate, release(3)))
    del fargate.service["deployments"][0]
    fargate.service["deployments"][0]["status"] = "PRIMARY"
    with pytest.raises(StepFailed, match="changed since this was planned"):
        run(place, do)


@pytest.mark.parametrize("gone", [None, "DRAINING"])
def test_a_service_that_is_gone_is_not_updated(place: Place, fargate: Fargate, gone: str | None) -> None:
    serving(place, fargate, release(1))
    do, _ = step_of(place, registered(place, fargate, release(2)))
    assert fargate.service is not None
    if gone:
        fargate.service["status"] = gone
    else:
        fargate.service = None
    with pytest.raises(StepFailed, match="somebody deleted it"):
        run(place, do)


def test_a_service_that_came_meanwhile_is_not_touched(place: Place, fargate: Fargate) -> None:
    do, undo = step_of(place, registered(place, fargate, release(1)))
    serving(place, fargate, release(2))
    with pytest.raises(StepFailed, match="There is a service"):
        run(place, do)
    assert run(place, undo) == {}
    assert fargate.writes() == []


def test_a_deployment_that_ours_replaced_in_the_same_moment_is_told(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    do, _ = step_of(place, registered(place, fargate, release(2)))
    theirs = registered(place, fargate, release(3)).task_definition
    fargate.between["UpdateService", 1] = lambda: (fargate.deploy(theirs), None)[1]
    told = run(place, do)
    assert told["warnings"] and "Somebody else's deployment began at the same moment" in told["warnings"][0]


BALANCED = f'target_group = "{GROUP}"\nalarms = ["errors"]\n'
OFF = {"alarmNames": [], "enable": False, "rollback": False}


def test_what_the_settings_no_longer_name_is_taken_from_the_service(tmp_path: Path, fargate: Fargate) -> None:
    """ECS leaves alone what is not sent: without this the service would stay behind its load balancer for ever."""
    before = place_of(tmp_path / "before", fargate, BALANCED)
    serving(before, fargate, release(1))
    assert fargate.service is not None and fargate.service["loadBalancers"]
    shape = {name: fargate.service[name] for name in ("loadBalancers", "deploymentConfiguration")}
    after = place_of(tmp_path / "after", fargate)
    do, undo = step_of(after, registered(after, fargate, release(2)))
    run(after, do)
    (made,) = fargate.made("UpdateService")
    assert made["loadBalancers"] == [] and made["deploymentConfiguration"]["alarms"] == OFF
    assert made["deploymentConfiguration"]["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
    assert "healthCheckGracePeriodSeconds" not in made
    kept = observing.observe(after)
    assert changes.facts(after, Origin("built"), kept) == (), "the next plan has nothing to tell"
    assert run(after, undo) == {}
    assert {name: fargate.service[name] for name in shape} == shape


@pytest.mark.parametrize("whose", ["theirs", "stopped"])
def test_a_plan_tells_what_a_service_loses_where_no_release_of_ours_is_active(
    tmp_path: Path, fargate: Fargate, whose: str
) -> None:
    """There is no configuration to compare with, and the service is taken over as a whole."""
    before = place_of(tmp_path / "before", fargate, BALANCED)
    made = serving(before, fargate, release(1))
    assert fargate.service is not None
    if whose == "theirs":
        fargate.definitions[made.task_definition]["tags"] = fargate.service["tags"] = []
    else:
        fargate.service |= {"desiredCount": 0, "runningCount": 0}
    after = place_of(tmp_path / "after", fargate)
    observed = observing.observe(after)
    assert observed.active is None and (observed.stopped is None) is (whose == "theirs")
    ((what, lines),) = changes.facts(after, Origin("built"), observed)
    assert what == "the service changes"
    assert f"loadBalancers.0.targetGroupArn: {GROUP} goes" in lines.split("; ")
    assert 'deploymentConfiguration.alarms.alarmNames: ["errors"] goes' in lines.split("; ")
    same = place_of(tmp_path / "same", fargate, BALANCED)
    assert changes.facts(same, Origin("built"), observing.observe(same)) == ()


def test_an_undo_takes_away_again_what_only_the_change_had(tmp_path: Path, fargate: Fargate) -> None:
    before = place_of(tmp_path / "before", fargate)
    serving(before, fargate, release(1))
    assert fargate.service is not None
    fargate.service["loadBalancers"] = []
    after = place_of(tmp_path / "after", fargate, BALANCED)
    do, undo = step_of(after, registered(after, fargate, release(2)))
    run(after, do)
    run(after, undo)
    assert fargate.service["loadBalancers"] == [] and fargate.service["deploymentConfiguration"]["alarms"] == OFF


def test_nothing_is_taken_from_a_service_that_has_none(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    do, _ = step_of(place, registered(place, fargate, release(2)))
    run(place, do)
    (made,) = fargate.made("UpdateService")
    assert "loadBalancers" not in made and "alarms" not in made["deploymentConfiguration"]


# Undo


def test_an_undo_brings_back_revision_count_and_shape(tmp_path: Path, fargate: Fargate) -> None:
    before = place_of(tmp_path / "before", fargate)
    serving(before, fargate, release(1))
    assert fargate.service is not None
    fargate.service["desiredCount"] = 7
    fargate.service["healthCheckGracePeriodSeconds"] = 33
    for _ in range(5):
        fargate.step()
    shape = {name: fargate.service[name] for name in ("networkConfiguration", "healthCheckGracePeriodSeconds")}
    after = place_of(tmp_path / "after", fargate, f'public_ip = true\ntarget_group = "{GROUP}"')
    do, undo = step_of(after, registered(after, fargate, release(2)))
    run(after, do)
    assert fargate.service["healthCheckGracePeriodSeconds"] == 60
    assert run(after, undo) == {}
    assert settled(fargate) == ("1", 7, "COMPLETED")
    assert {name: fargate.service[name] for name in shape} == shape


def test_an_undo_without_a_do_changes_nothing(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    _, undo = step_of(place, registered(place, fargate, release(2)))
    assert run(place, undo) == {}
    assert fargate.writes() == []


def test_an_undo_may_be_repeated(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    do, undo = step_of(place, registered(place, fargate, release(2)))
    run(place, do)
    fargate.lost.add("UpdateService")
    with pytest.raises(Lost):
        run(place, undo)
    fargate.calls.clear()
    assert run(place, undo) == {} and fargate.writes() == []
    assert run(place, undo) == {} and fargate.writes() == []
    assert settled(fargate) == ("1", 2, "COMPLETED")


def test_after_ecs_own_rollback_an_undo_only_waits(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    new = registered(place, fargate, release(2))
    do, undo = step_of(place, new)
    fargate.failing.add(new.task_definition)
    run(place, do)
    fargate.step()
    fargate.step()
    fargate.calls.clear()
    assert run(place, undo) == {}
    assert fargate.writes() == []
    assert settled(fargate) == ("1", 2, "COMPLETED")


def test_somebody_elses_newer_deployment_is_left_and_told(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    do, undo = step_of(place, registered(place, fargate, release(2)))
    run(place, do)
    fargate.deploy(registered(place, fargate, release(3)).task_definition)
    fargate.calls.clear()
    told = run(place, undo)
    assert "Somebody else's deployment is newer" in told["warnings"][0]
    assert fargate.writes() == [] and settled(fargate)[0] == "3"


def test_an_old_revision_that_does_not_come_back_is_an_undo_that_failed(place: Place, fargate: Fargate) -> None:
    old = serving(place, fargate, release(1))
    do, undo = step_of(place, registered(place, fargate, release(2)))
    run(place, do)
    for _ in range(4):
        fargate.step()
    fargate.failing.add(old.task_definition)
    with pytest.raises(StepFailed, match="does not come back") as caught:
        run(place, undo)
    assert any("exit code 3" in line for line in caught.value.advice.lines)


def test_what_did_not_work_before_is_not_waited_for(place: Place, fargate: Fargate) -> None:
    """The deploy before has failed, with nothing to go back to: this one fails too, and that is no undo that failed."""
    old = serving(place, fargate, release(1))
    assert fargate.service is not None
    fargate.failing.add(old.task_definition)
    fargate.service["deployments"][0] |= {"rolloutState": "FAILED", "runningCount": 0}
    do, undo = step_of(place, registered(place, fargate, release(2)))
    run(place, do)
    told = run(place, undo)
    assert told["warnings"] == ["demo-production:1, which was there before, did not work either."]
    assert fargate.service["taskDefinition"] == old.task_definition


def test_the_undo_of_a_first_deploy_deletes_its_service(place: Place, fargate: Fargate) -> None:
    new = registered(place, fargate, release(1))
    do, undo = step_of(place, new)
    fargate.failing.add(new.task_definition)
    run(place, do)
    fargate.step()
    assert run(place, undo) == {}
    assert fargate.service is not None and fargate.service["status"] == "INACTIVE"
    fargate.calls.clear()
    assert run(place, undo) == {} and fargate.writes() == []


def test_the_undo_of_a_first_deploy_leaves_what_others_made_of_it(place: Place, fargate: Fargate) -> None:
    do, undo = step_of(place, registered(place, fargate, release(1)))
    run(place, do)
    fargate.deploy(registered(place, fargate, release(2)).task_definition)
    assert "Somebody else deployed to the new service" in run(place, undo)["warnings"][0]
    assert "DeleteService" not in fargate.writes()


def test_a_service_deleted_meanwhile_is_told_by_the_undo(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    do, undo = step_of(place, registered(place, fargate, release(2)))
    run(place, do)
    fargate.service = None
    assert "Somebody deleted the service" in run(place, undo)["warnings"][0]


def test_a_shift_that_goes_on_is_rolled_back_by_ecs(tmp_path: Path, fargate: Fargate) -> None:
    both = f"""
strategy = "canary"
target_group = "{GROUP}"
green_target_group = "{GREEN}"
listener_rule = "{RULE}"
infrastructure_role = "shifts"
"""
    place = place_of(tmp_path, fargate, both)
    serving(place, fargate, release(1))
    new = registered(place, fargate, release(2))
    do, undo = step_of(place, new)
    run(place, do)
    fargate.shift(new.task_definition, "IN_PROGRESS")
    fargate.calls.clear()
    assert run(place, undo) == {}
    assert fargate.writes() == ["StopServiceDeployment"]
    assert settled(fargate) == ("1", 2, "COMPLETED")
