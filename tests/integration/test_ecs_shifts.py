"""Given a service whose traffic ECS shifts, when a release is deployed, then its service deployment decides."""

from typing import Any

import pytest

from decodeat_ops.application import verbs
from decodeat_ops.application.workflow import Change
from decodeat_ops.core import events
from decodeat_ops.core.errors import Interrupted
from tests.integration.ecs_place import EcsPlace, Verb, furnished_place
from tests.integration.test_ecs_killed import KILLED, driven
from tests.integration.test_ecs_others import stranger_deploys
from tests.servers.aws.calls import Call
from tests.servers.aws.clients import client
from tests.servers.aws.ecs.behaviour import Behaviour, release
from tests.support.deployments import service_source

__all__ = ["furnished_place", "service_source"]
REVISIONS = "ecs:DescribeServiceRevisions"
THEIRS = "of-somebody-else"
MINUTES = 30.0  # that a deployment may take, longer than all the waits for clients
STRATEGIES: dict[str, dict[str, Any]] = {
    "blue-green": {},
    "linear": {"step_percent": 40.0, "step_minutes": 1},
    "canary": {"step_percent": 10.0, "step_minutes": 1},
}


def deployed(place: EcsPlace, strategy: str, *, tells: bool = True) -> str:
    """Let a first release serve, with the next one to be shifted to; return it."""
    place.fake.ecs.shifts_tell_rollout = tells
    place.fake.monitoring.alarm("errors")
    place.shifting(strategy, bake_minutes=1, alarms=["errors"], **STRATEGIES[strategy])
    release = place.deploy()
    place.change()
    return release


@pytest.mark.share
@pytest.mark.parametrize("tells", [True, False], ids=["rollout-told", "no-rollout"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_stages_are_shown_and_the_new_release_serves(place: EcsPlace, strategy: str, tells: bool) -> None:
    old = deployed(place, strategy, tells=tells)
    shown: list[str] = []

    def watch(event: events.Event) -> None:
        if isinstance(event, events.StepSaid):
            shown.append(event.text)

    release = str(verbs.deploy(place.desk(), Change(emit=watch)).data["release"])
    assert place.seen() == {release} != {old}
    said = "\n".join(shown)
    assert "production traffic shift" in said and "bake time" in said
    assert place.service.history[-1].status == "SUCCESSFUL"
    again = place.ends()
    assert again.outcome is not None and again.outcome.changed == 0, "what is shifted serves"


@pytest.mark.share
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_alarm_in_the_middle_brings_all_back(place: EcsPlace, strategy: str) -> None:
    old = deployed(place, strategy)

    def ring(call: Call) -> None:
        moved = place.service.history[-1].weight > 0 and len(place.service.history) > 1
        place.fake.monitoring.alarms["errors"].state = "ALARM" if moved else "OK"

    place.fake.switches.hooks.append(ring)
    place.fake.calls.forget()
    told = place.ends()
    assert told.code == 5 and "alarm" in told.text and told.hint, told.text
    revisions = [one for call in place.fake.calls.of(REVISIONS) for one in call.params["serviceRevisionArns"]]
    assert revisions and len(revisions) == len(set(revisions)), "what never changes is asked once"
    place.fake.switches.hooks.clear()
    assert place.seen() == {old} and place.service.history[-1].status == "ROLLBACK_SUCCESSFUL"


def test_a_release_that_crashes_never_gets_a_share(place: EcsPlace) -> None:
    old = deployed(place, "canary")
    place.spoil(Behaviour("crashes", exit_code=3))
    told = place.ends()
    assert told.code == 5 and "exit code 3" in told.text, told.text
    assert place.seen() == {old}


@pytest.mark.share
@pytest.mark.parametrize("kind", ["ROLLBACK", "ABORT"])
def test_a_shift_that_somebody_stops_is_a_failure(place: EcsPlace, kind: str) -> None:
    old = deployed(place, "linear")
    ecs = client(place.fake, "ecs")
    stopped: list[str] = []

    def stop(call: Call) -> None:
        current = place.service.history[-1]
        if not stopped and current.weight > 0 and len(place.service.history) > 1 and current.finished is None:
            stopped.append(current.arn)
            ecs.stop_service_deployment(serviceDeploymentArn=current.arn, stopType=kind)

    place.fake.switches.hooks.append(stop)
    told = place.ends()
    place.fake.switches.hooks.clear()
    assert stopped and told.code == 5, told.text
    assert place.seen() == {old}


def interrupted(place: EcsPlace, stage: str) -> None:
    """Let an operator interrupt a deploy at a stage of its shift."""

    def interrupt(event: events.Event) -> None:
        if isinstance(event, events.StepSaid) and stage in event.text:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        verbs.deploy(place.desk(), Change(emit=interrupt))


def test_an_interrupted_shift_is_taken_back(place: EcsPlace) -> None:
    old = deployed(place, "linear")

    interrupted(place, "production traffic")
    assert place.desk().ledger.unfinished() != ""
    verbs.resume(place.desk(), Change(), undo=True)
    assert place.seen() == {old} and place.desk().ledger.unfinished() == ""


def test_what_a_shift_needs_is_named_before_anything_changes(place: EcsPlace) -> None:
    place.ecs |= {"strategy": "canary"}
    told = place.ends()
    assert told.code == 3 and place.fake.calls.writes == []
    for key in ("ecs.green_target_group", "ecs.listener_rule", "ecs.infrastructure_role"):
        assert key in told.text


# What a shift that was left to itself may be


def test_a_release_that_was_shifted_to_is_a_way_back_though_its_deploy_died(place: EcsPlace) -> None:
    """It had succeeded, nobody had confirmed it, and its journal is gone; ECS tells no rollout state of shifts."""
    deployed(place, "canary", tells=False)
    assert driven(place, "deploy", "confirm", "before")[0] == KILLED
    good = place.serving()
    place.settle()
    place.change()
    bad = place.deploy("colleague")
    assert place.serving() == bad != good
    told = place.ends(verbs.rollback, machine="colleague")
    assert told.code == 0 and place.serving() == good, told.text
    place.change()
    place.deploy("colleague")
    assert good in place.revisions()


def hanging(place: EcsPlace) -> str:
    """Let one release serve, and somebody else begin a shift that goes on for ever; return the release."""
    old = deployed(place, "canary")
    place.fake.ecs.behaves = lambda document: Behaviour("unplaced" if release(document) == THEIRS else "good")
    stranger_deploys(place)
    place.settle(8)
    assert place.service.history[-1].finished is None
    return old


@pytest.mark.share
@pytest.mark.parametrize("status", ["STOPPED", "ROLLBACK_FAILED"])
@pytest.mark.parametrize("verb", [verbs.deploy, verbs.rollback, verbs.start])
def test_a_shift_that_was_left_half_done_is_no_dead_end(place: EcsPlace, verb: Verb, status: str) -> None:
    place.ecs["deploy_minutes"] = MINUTES
    old = deployed(place, "canary")
    interrupted(place, "10 % of requests")
    attempt = place.service.history[-1]
    assert attempt.weight > 0 and attempt.finished is None
    assert [one.running for one in place.service.deployments] == [2, 2]
    client(place.fake, "ecs").stop_service_deployment(serviceDeploymentArn=attempt.arn, stopType="ABORT")
    attempt.status = status
    place.clock.slept = 0.0
    told = place.ends(verb, machine="colleague")
    assert told.code == 0, told.text
    assert place.clock.slept < 60 * MINUTES, "nobody waited for it"
    assert place.serving() == old if verb is verbs.rollback else place.serving() != old
    assert place.service.history[-1].status == "SUCCESSFUL"


@pytest.mark.share
@pytest.mark.parametrize("fault", ["inside", "after"])
def test_a_deploy_that_was_killed_while_it_stopped_a_shift_goes_on(place: EcsPlace, fault: str) -> None:
    old = hanging(place)
    assert driven(place, "deploy", "settle", fault)[0] == KILLED
    assert place.seen() == {old}
    assert place.ok("resume", "--yes")["exit_code"] == 0
    assert place.serving() != old and place.service.history[-1].status == "SUCCESSFUL"
    stops = place.fake.calls.of("ecs:StopServiceDeployment")
    assert len(stops) == 1, "it is stopped once"


# What a shift leaves behind that went back


@pytest.mark.share
@pytest.mark.parametrize("tells", [True, False], ids=["rollout-told", "no-rollout"])
def test_what_an_alarm_threw_out_never_comes_back(place: EcsPlace, tells: bool) -> None:
    """A deploy waits for a shift, an alarm ends that, and its tasks still run when the deploy's own gate fails."""
    old = deployed(place, "canary", tells=tells)
    interrupted(place, "10 % of requests")
    thrown_out = place.service.history[-1]
    place.change()
    place.fake.ecs.paused, place.fake.ecs.ends_late, place.fake.logs.loses = True, 1000, True

    def begun(event: events.Event) -> None:
        if isinstance(event, events.StepStarted) and event.step.id == "settle":
            place.fake.ecs.paused = False
            place.fake.switches.hooks.append(ring)

    def ring(call: Call) -> None:
        place.fake.monitoring.alarms["errors"].state = "ALARM" if thrown_out.rollback is None else "OK"

    told = place.ends(machine="colleague", change=Change(emit=begun))
    assert told.code == 4 and "was undone" in told.state, told.text
    assert [one.status for one in place.service.history[1:]] == ["ROLLBACK_SUCCESSFUL", "SUCCESSFUL", "SUCCESSFUL"]
    assert place.seen() == {old} and place.desk("colleague").target.observe().serving


@pytest.mark.share
@pytest.mark.parametrize("tells", [True, False], ids=["rollout-told", "no-rollout"])
def test_a_shift_that_ecs_could_not_take_back_is_taken_back(place: EcsPlace, tells: bool) -> None:
    old = deployed(place, "canary", tells=tells)
    place.fake.ecs.rollbacks_fail = True

    def ring(call: Call) -> None:
        ours = place.service.history[-1] if len(place.service.history) == 2 else None
        place.fake.monitoring.alarms["errors"].state = "ALARM" if ours is not None and ours.weight > 0 else "OK"

    place.fake.switches.hooks.append(ring)
    told = place.ends()
    assert told.code == 5 and "was undone" in told.state, told.text
    assert [one.status for one in place.service.history[1:]] == ["ROLLBACK_FAILED", "SUCCESSFUL"]
    assert place.seen() == {old} and place.desk().target.observe().serving
