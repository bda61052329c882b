"""Given a service whose traffic ECS shifts, when a release is deployed, then its service deployment decides."""

from typing import Any

import pytest

from decodeat_ops.application import verbs
from decodeat_ops.application.workflow import Change
from decodeat_ops.core import events
from decodeat_ops.core.errors import Interrupted
from tests.integration.ecs_place import EcsPlace, furnished_place
from tests.servers.aws.calls import Call
from tests.servers.aws.clients import client
from tests.servers.aws.ecs.behaviour import Behaviour
from tests.support.deployments import service_source

__all__ = ["furnished_place", "service_source"]
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


@pytest.mark.parametrize("tells", [True, False], ids=["rollout-told", "no-rollout"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_stages_are_shown_and_the_new_release_serves(place: EcsPlace, strategy: str, tells: bool) -> None:
    old = deployed(place, strategy, tells=tells)
    shown: list[str] = []

    def watch(event: events.Event) -> None:
        if isinstance(event, events.StepProgress):
            shown.append(event.text)

    release = str(verbs.deploy(place.desk(), Change(emit=watch)).data["release"])
    assert place.seen() == {release} != {old}
    said = "\n".join(shown)
    assert "production traffic shift" in said and "bake time" in said
    assert place.service.history[-1].status == "SUCCESSFUL"
    again = place.ends()
    assert again.outcome is not None and again.outcome.changed == 0, "what is shifted serves"


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_alarm_in_the_middle_brings_all_back(place: EcsPlace, strategy: str) -> None:
    old = deployed(place, strategy)

    def ring(call: Call) -> None:
        moved = place.service.history[-1].weight > 0 and len(place.service.history) > 1
        place.fake.monitoring.alarms["errors"].state = "ALARM" if moved else "OK"

    place.fake.switches.hooks.append(ring)
    told = place.ends()
    assert told.code == 5 and "alarm" in told.text and told.hint, told.text
    place.fake.switches.hooks.clear()
    assert place.seen() == {old} and place.service.history[-1].status == "ROLLBACK_SUCCESSFUL"


def test_a_release_that_crashes_never_gets_a_share(place: EcsPlace) -> None:
    old = deployed(place, "canary")
    place.spoil(Behaviour("crashes", exit_code=3))
    told = place.ends()
    assert told.code == 5 and "exit code 3" in told.text, told.text
    assert place.seen() == {old}


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


def test_an_interrupted_shift_is_taken_back(place: EcsPlace) -> None:
    old = deployed(place, "linear")

    def interrupt(event: events.Event) -> None:
        if isinstance(event, events.StepProgress) and "production traffic" in event.text:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        verbs.deploy(place.desk(), Change(emit=interrupt))
    assert place.desk().ledger.unfinished() != ""
    verbs.resume(place.desk(), Change(), undo=True)
    assert place.seen() == {old} and place.desk().ledger.unfinished() == ""


def test_what_a_shift_needs_is_named_before_anything_changes(place: EcsPlace) -> None:
    place.ecs |= {"strategy": "canary"}
    told = place.ends()
    assert told.code == 3 and place.fake.calls.writes == []
    for key in ("ecs.green_target_group", "ecs.listener_rule", "ecs.infrastructure_role"):
        assert key in told.text
