"""Given a release that serves, when the next one is broken, then the old one serves, and the error says why."""

from collections.abc import Callable

import pytest

from tests.integration.ecs_place import EcsPlace, Told, furnished_place, serving_place
from tests.integration.ecs_settings import DEPLOYMENT
from tests.servers.aws.calls import Call
from tests.servers.aws.ecs.behaviour import Behaviour
from tests.servers.aws.furnished import allowing
from tests.support.deployments import service_source

__all__ = ["furnished_place", "service_source", "serving_place"]
Spoil = Callable[[EcsPlace], None]


def crashes(place: EcsPlace) -> None:
    place.spoil(Behaviour("crashes", exit_code=3, lines=("loading", "Traceback: no module named brain")))


def never_healthy(place: EcsPlace) -> None:
    place.spoil(Behaviour("unhealthy", lines=("the health check will never be green",)))


def never_placed(place: EcsPlace) -> None:
    place.spoil(Behaviour("unplaced"))


def reports_another(place: EcsPlace) -> None:
    place.spoil(Behaviour(reports="20000101T000000Z-0000000"))


def answers_nothing(place: EcsPlace) -> None:
    place.spoil(Behaviour(silent=True))


def image_deleted(place: EcsPlace) -> None:
    """Delete the new image once the plan was verified: tasks find out first."""
    place.change_image()
    repository = place.fake.registry.repositories["tested"]
    digest = place.image.partition("@")[2]

    def gone(call: Call) -> None:
        if call.name in {"ecs:UpdateService", "ecs:CreateService"}:
            repository.images.pop(digest, None)

    place.fake.switches.hooks.append(gone)


def secret_forbidden(place: EcsPlace) -> None:
    role = place.fake.identity.roles[f"{DEPLOYMENT}-execution"]
    role.policies["policy0"] = allowing("ecr:*", "logs:*")
    place.change()


BREAKS: list[tuple[Spoil, tuple[str, ...]]] = [
    (crashes, ("exit code 3", "Traceback: no module named brain", "tasks failed to start")),
    (never_healthy, ("health checks", "never be green")),
    (image_deleted, ("CannotPullContainerError", "not found")),
    (secret_forbidden, ("ResourceInitializationError", "secretsmanager:GetSecretValue")),
    (never_placed, ("within 3 min", "unable to place a task")),
    (reports_another, ("20000101T000000Z-0000000", "not what clients reach")),
    (answers_nothing, ("503", "not what clients reach")),
]
IDS = [spoil.__name__ for spoil, _ in BREAKS]


def complete(told: Told) -> None:
    """Demand what every error has: a cause, how things are left, and a next step."""
    assert told.code == 5, told.text
    assert told.what and told.state and told.hint, told


@pytest.mark.share
@pytest.mark.parametrize(("spoil", "says"), BREAKS, ids=IDS)
def test_a_broken_release_never_gets_the_traffic(well: EcsPlace, spoil: Spoil, says: tuple[str, ...]) -> None:
    before, kept = well.serving(), well.revisions()
    spoil(well)
    told = well.ends()
    complete(told)
    assert all(part in told.text for part in says), told.text
    assert well.seen() == {before} and well.desk().target.observe().serving
    assert well.revisions() == kept and well.desk().ledger.unfinished() == ""
    assert "What served before serves still" in told.state
    well.fake.switches.hooks.clear()
    well.fake.identity.roles[f"{DEPLOYMENT}-execution"].policies["policy0"] = allowing("*")
    well.repair()
    well.change_image()
    assert well.deploy() == well.serving() != before


@pytest.mark.share
@pytest.mark.parametrize(("spoil", "says"), BREAKS, ids=IDS)
def test_a_first_release_that_is_broken_leaves_nothing_behind(
    place: EcsPlace, spoil: Spoil, says: tuple[str, ...]
) -> None:
    spoil(place)
    told = place.ends()
    complete(told)
    assert all(part in told.text for part in says), told.text
    assert place.serving() == "" and place.service.status == "INACTIVE" and place.revisions() == []
    assert "Nothing serves, as before" in told.state
    place.fake.switches.hooks.clear()
    place.fake.identity.roles[f"{DEPLOYMENT}-execution"].policies["policy0"] = allowing("*")
    place.repair()
    place.change_image()
    assert place.deploy() == place.serving() != ""


def test_the_command_line_tells_the_same(well: EcsPlace) -> None:
    before = well.serving()
    crashes(well)
    # The behaviour of a release is decided here, in the account that the program speaks to.
    ran = well.run("deploy", "--yes", "--json")
    error = ran.json["error"]
    assert ran.status == 5 and any("exit code 3" in line for line in error["lines"])
    assert error["state"] and error["hint"] and well.serving() == before


@pytest.mark.parametrize("same_id", [True, False], ids=["same-id", "new-id"])
def test_a_rollback_by_ecs_is_a_failure_that_says_what_serves(well: EcsPlace, same_id: bool) -> None:
    well.fake.ecs.new_rollback_id, well.fake.ecs.lingers = not same_id, 0
    before = well.serving()
    crashes(well)
    told = well.ends()
    complete(told)
    assert well.seen() == {before} and f"{DEPLOYMENT}:2" in told.what
    begun = [one for one in well.service.history if one.status == "ROLLBACK_SUCCESSFUL"]
    assert len(begun) == 1, "ECS had brought the old one back; nobody needs to do that again"


def test_an_alarm_ends_a_deployment(well: EcsPlace) -> None:
    alarm = well.fake.monitoring.alarm("errors")
    well.ecs["alarms"] = ["errors"]
    well.change()
    before = well.serving()
    well.fake.ecs.pace = 1

    def ring(call: Call) -> None:
        if call.name == "ecs:DescribeServices" and len(well.service.deployments) > 1:
            alarm.state = "ALARM"

    well.fake.switches.hooks.append(ring)
    told = well.ends()
    complete(told)
    assert "alarm" in told.text and well.seen() == {before}


def test_a_gate_that_fails_takes_everything_back(well: EcsPlace) -> None:
    """The service's log is lost: clients reach the new release, and the gate finds what nobody else would."""
    before = well.serving()
    well.fake.logs.loses = True
    told = well.ends()
    assert told.code == 4 and told.hint and well.seen() == {before}, told.text
    assert well.desk().target.observe().serving
