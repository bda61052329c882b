"""Given what is there, when a release is to get into service, its plan says every call in words."""

from pathlib import Path

import pytest

from decodeat_ops.core.plan import Plan
from decodeat_ops.core.secret import Secret
from decodeat_ops.core.target import Origin
from decodeat_ops.operations.moving import ordered
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.release import EcsRelease
from decodeat_ops.targets.ecs.target import Ecs
from tests.unit.targets.ecs.demo import DIGEST, place_of, registered, release, serving
from tests.unit.targets.ecs.fargate import Fargate

BUILT = Origin("built", Path("/source"))


@pytest.fixture
def fargate() -> Fargate:
    return Fargate()


@pytest.fixture
def place(tmp_path: Path, fargate: Fargate) -> Place:
    made = place_of(tmp_path, fargate)
    made.remembered["image there"] = DIGEST
    return made


def planned(place: Place, made: EcsRelease, origin: Origin | None) -> str:
    target = Ecs(place, {})
    steps = ordered(target.move(made, origin, target.observe()), made.id)
    return Plan("deploy", "demo-production", made.id, steps).text()


def test_a_first_deploy(place: Place) -> None:
    assert planned(place, release(1), BUILT) == (
        "deploy 20261121T100000Z-0000001 (demo-production)\n"
        " 1. Register the task definition of 20261121T100000Z-0000001  [register]\n"
        "      RegisterTaskDefinition demo-production: 1024 CPU units, 2048 MiB, image by its digest\n"
        "      secrets as valueFrom, each with its version; the release's record in tags\n"
        "      undo: deregister\n"
        " 2. Make the service  [update]\n"
        "      CreateService demo-production in demo-production: the new revision of demo-production\n"
        "      2 tasks\n"
        "      circuit breaker with rollback; rolling\n"
        "      refuses when somebody has made a service of that name meanwhile\n"
        "      undo: update-back\n"
        " 3. Wait until the deployment is complete  [follow]\n"
        "      that very deployment, at most 30 min: a rollback by ECS, or somebody else's deployment, is a failure\n"
        " 4. Confirm from outside  [confirm]\n"
        "      GET /health at http://127.0.0.1:8000 answers with release 20261121T100000Z-0000001, ten times in a row\n"
        " 5. Deregister what is beyond retention  [prune]\n"
        "      DeregisterTaskDefinition none; keeps 5"
    )


def test_a_later_deploy(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    assert fargate.service is not None
    name = fargate.service["deployments"][0]["id"]
    assert planned(place, release(2), BUILT) == (
        "deploy 20261122T100000Z-0000002 (demo-production)\n"
        " 1. Register the task definition of 20261122T100000Z-0000002  [register]\n"
        "      RegisterTaskDefinition demo-production: 1024 CPU units, 2048 MiB, image by its digest\n"
        "      secrets as valueFrom, each with its version; the release's record in tags\n"
        "      undo: deregister\n"
        " 2. Update the service  [update]\n"
        "      UpdateService demo-production in demo-production: demo-production:1 -> the new revision of "
        "demo-production\n"
        "      desired count stays (2)\n"
        "      circuit breaker with rollback; rolling\n"
        f"      refuses when another deployment than {name} is there\n"
        "      undo: update-back\n"
        " 3. Wait until the deployment is complete  [follow]\n"
        "      that very deployment, at most 30 min: a rollback by ECS, or somebody else's deployment, is a failure\n"
        " 4. Confirm from outside  [confirm]\n"
        "      GET /health at http://127.0.0.1:8000 answers with release 20261122T100000Z-0000002, ten times in a row\n"
        " 5. Deregister what is beyond retention  [prune]\n"
        "      DeregisterTaskDefinition none; keeps 5"
    )


def ids(place: Place, made: EcsRelease, origin: Origin | None) -> list[str]:
    target = Ecs(place, {})
    return [step.id for step in ordered(target.move(made, origin, target.observe()), made.id)]


def test_a_deployment_under_way_is_waited_for_first(place: Place, fargate: Fargate) -> None:
    serving(place, fargate, release(1))
    fargate.deploy(registered(place, fargate, release(2)).task_definition)
    assert ids(place, release(3), BUILT) == ["register", "settle", "update", "follow", "confirm", "prune"]


def test_a_kept_release_goes_back_without_a_new_revision(place: Place, fargate: Fargate) -> None:
    old = serving(place, fargate, release(1))
    serving(place, fargate, release(2))
    assert ids(place, old, Origin("kept", of=old)) == ["update", "follow", "confirm", "prune"]
    assert "demo-production:2 -> demo-production:1" in planned(place, old, Origin("kept", of=old))


def test_a_kept_release_gets_todays_secrets_by_a_new_revision(place: Place, fargate: Fargate) -> None:
    old = serving(place, fargate, release(1))
    serving(place, fargate, release(2))
    today = release(1, secrets="rotated", task_definition=old.task_definition)
    assert ids(place, today, Origin("kept", of=old)) == ["register", "update", "follow", "confirm", "prune"]
    text = planned(place, today, Origin("kept", of=old))
    assert "RegisterTaskDefinition demo-production: demo-production:1 with today's secrets" in text


def test_a_restart_registers_a_copy(place: Place, fargate: Fargate) -> None:
    old = serving(place, fargate, release(1))
    copy = release(2, fingerprint=old.fingerprint, task_definition=old.task_definition)
    text = planned(place, copy, Origin("copied", of=old))
    assert "RegisterTaskDefinition demo-production: a copy of demo-production:1 with today's secrets" in text


def test_a_start_of_what_serves_does_nothing(place: Place, fargate: Fargate) -> None:
    old = serving(place, fargate, release(1))
    assert ids(place, old, None) == []


def test_a_start_of_what_was_stopped(place: Place, fargate: Fargate) -> None:
    old = serving(place, fargate, release(1))
    assert fargate.service is not None
    fargate.service |= {"desiredCount": 0, "runningCount": 0}
    fargate.service["deployments"][0]["runningCount"] = 0
    text = planned(place, old, None)
    assert ids(place, old, None) == ["update", "follow", "confirm"]
    assert "desired count 0 -> 2; where it is autoscaled, within its bounds" in text


def test_an_image_that_the_registry_lacks_is_built_and_pushed_first(place: Place) -> None:
    place.remembered["image there"] = ""
    assert ids(place, release(1, image=""), BUILT)[:3] == ["image-build", "image-push", "register"]
    place.remembered["image built"] = True
    assert ids(place, release(1, image=""), BUILT)[:2] == ["image-push", "register"]


def test_values_from_here_are_stored_before_they_are_referred_to(tmp_path: Path, fargate: Fargate) -> None:
    place = place_of(tmp_path, fargate, '[service.secrets]\nAPI_KEYS = "env:API_KEYS"\n')
    place.remembered.update({"image there": DIGEST, "secrets version": "v1"})
    target = Ecs(place, {"API_KEYS": Secret("very secret")})
    move = target.move(release(1), BUILT, target.observe())
    assert [step.id for step in move.prepare] == ["secrets", "register"]
    assert move.prepare[0].preview == (
        "PutSecretValue demo-production: API_KEYS, unless it holds these values already",
    )
    assert "very secret" not in Plan("deploy", "d", "s", move.prepare).text()
