"""Given a release, when its task definition is registered, copied or taken back, there is one and no second."""

from pathlib import Path
from typing import Any, Literal

import pytest

from decodeat_ops.core.errors import Lost, StepFailed
from decodeat_ops.core.plan import Action, Step
from decodeat_ops.core.target import Origin
from decodeat_ops.engine.executor import Results
from decodeat_ops.targets.ecs import changes, observing, steps
from decodeat_ops.targets.ecs.actions import ACTS
from decodeat_ops.targets.ecs.actions.register import copied
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.release import EcsRelease
from decodeat_ops.targets.ecs.steps import Way
from tests.unit.targets.ecs.demo import DIGEST, context, place_of, registered, release, serving
from tests.unit.targets.ecs.fargate import Fargate


@pytest.fixture
def fargate() -> Fargate:
    return Fargate()


@pytest.fixture
def place(tmp_path: Path, fargate: Fargate) -> Place:
    return place_of(tmp_path, fargate)


def step_of(place: Place, made: EcsRelease, origin: Origin | None = None) -> Step:
    way = Way(place.loaded, place.names, made, observing.observe(place), registers=True)
    return steps.register(way, origin or Origin("built", Path("/source")))


def run(place: Place, action: Action | None, **results: Any) -> Results:
    assert action is not None
    return ACTS[action.name](place, context(**results), action.params) or {}


def active(fargate: Fargate) -> list[str]:
    kept = [arn for arn, one in fargate.definitions.items() if one["definition"]["status"] == "ACTIVE"]
    return [arn.rpartition(":")[2] for arn in kept]


def test_what_was_pushed_is_registered_by_its_digest(place: Place) -> None:
    step = step_of(place, release(1, image=""))
    told = run(place, step.do, **{"image-push": {"reference": DIGEST}})
    (found,) = observing.records(place)
    assert found.task_definition == told["task_definition"] and found.image == DIGEST
    assert (found.id, found.sequence, found.secrets) == (release(1).id, 1, "s")


@pytest.mark.parametrize("image", ["", "registry.example.com/demo:1.0"])
def test_an_image_without_a_digest_is_refused(place: Place, fargate: Fargate, image: str) -> None:
    with pytest.raises(StepFailed, match="has no digest"):
        run(place, step_of(place, release(1, image=image)).do)
    assert fargate.writes() == []


def test_a_repeat_registers_no_second_one(place: Place, fargate: Fargate) -> None:
    step = step_of(place, release(1))
    fargate.lost.add("RegisterTaskDefinition")
    with pytest.raises(Lost):
        run(place, step.do)
    assert run(place, step.do)["task_definition"].endswith(":1")
    assert active(fargate) == ["1"]


def test_an_observation_finds_nothing_edited(place: Place, fargate: Fargate) -> None:
    """The record's digest is that of what ECS tells, whatever ECS fills in."""
    told = run(place, step_of(place, release(1)).do)
    serving(place, fargate, release(2))
    fargate.deploy(told["task_definition"])
    for _ in range(5):
        fargate.step()
    observed = observing.observe(place)
    assert observed.edited == "" and observed.serving and observed.active_id == release(1).id


def test_another_secret_makes_another_revision_of_the_same_release(place: Place, fargate: Fargate) -> None:
    old = serving(place, fargate, release(1))
    today = release(1, secrets="rotated")
    step = step_of(place, today, Origin("kept", of=old))
    assert run(place, step.do)["task_definition"].endswith(":2")
    (found,) = observing.records(place)
    assert (found.id, found.secrets) == (old.id, "rotated") and found.task_definition.endswith(":2")
    run(place, step.undo)
    assert active(fargate) == ["1"]
    run(place, step.undo)
    assert active(fargate) == ["1"]


def test_the_undo_never_takes_the_kept_one(place: Place, fargate: Fargate) -> None:
    old = serving(place, fargate, release(1))
    step = step_of(place, old, Origin("kept", of=old))
    run(place, step.undo)
    assert active(fargate) == ["1"]


def test_the_undo_leaves_what_a_deployment_uses(place: Place, fargate: Fargate) -> None:
    step = step_of(place, release(1))
    run(place, step.do)
    serving(place, fargate, release(2))
    fargate.deploy(next(iter(fargate.definitions)))
    assert run(place, step.undo)["warnings"] == [
        "The task definition demo-production:1 stays: a deployment of the service uses it."
    ]
    assert active(fargate) == ["1", "2"]


def test_a_copy_differs_in_id_and_secrets_alone(place: Place, fargate: Fargate) -> None:
    old = registered(place, fargate, release(1))
    before = fargate.definitions[old.task_definition]["definition"]
    side = {"name": "side", "image": "x", "environment": [{"name": "RELEASE_ID", "value": "its own"}]}
    whole = {**before, "containerDefinitions": [*before["containerDefinitions"], side], "compatibilities": ["FARGATE"]}
    after = copied(whole, release(2), {"API_KEYS": "arn:k::v"}, "decodeat")
    assert "compatibilities" not in after and "taskDefinitionArn" not in after and "status" not in after
    ours, other = after["containerDefinitions"]
    assert other == side
    variables = {one["name"]: one["value"] for one in ours["environment"]}
    assert variables["RELEASE_ID"] == release(2).id
    assert ours["secrets"] == [{"name": "API_KEYS", "valueFrom": "arn:k::v"}]
    same = {name: value for name, value in ours.items() if name not in {"environment", "secrets"}}
    first = before["containerDefinitions"][0]
    assert same == {name: value for name, value in first.items() if name not in {"environment", "secrets"}}


# A lost answer makes the SDK ask again


def test_a_second_revision_that_the_sdk_made_is_gone_after_the_step(place: Place, fargate: Fargate) -> None:
    fargate.repeated.add("RegisterTaskDefinition")
    told = run(place, step_of(place, release(1)).do)
    assert told["task_definition"].endswith(":2") and active(fargate) == ["2"]


def test_a_second_revision_is_gone_after_a_crash_too(place: Place, fargate: Fargate) -> None:
    step = step_of(place, release(1))
    fargate.repeated.add("RegisterTaskDefinition")
    fargate.lost.add("RegisterTaskDefinition")
    with pytest.raises(Lost):
        run(place, step.do)
    assert active(fargate) == ["1", "2"]
    assert run(place, step.do) == {"task_definition": next(reversed(fargate.definitions)), "registered": False}
    assert active(fargate) == ["2"]


@pytest.mark.parametrize("used", [False, True])
def test_the_undo_takes_every_revision_but_those_in_use(place: Place, fargate: Fargate, used: bool) -> None:
    serving(place, fargate, release(1))
    step = step_of(place, release(2))
    fargate.repeated.add("RegisterTaskDefinition")
    fargate.lost.add("RegisterTaskDefinition")
    with pytest.raises(Lost):
        run(place, step.do)
    if used:
        fargate.deploy(next(one for one in fargate.definitions if one.endswith(":2")))
    told = run(place, step.undo)
    assert active(fargate) == (["1", "2"] if used else ["1"])
    stays = "The task definition demo-production:2 stays: a deployment of the service uses it."
    assert told == ({"warnings": [stays]} if used else {})


def test_what_others_registered_in_the_family_is_passed_over(place: Place, fargate: Fargate) -> None:
    """It has some tags of ours, as a copy by hand has, and is no whole record."""
    step = step_of(place, release(1))
    theirs = registered(place, fargate, release(1)).task_definition
    deployment = {"key": "decodeat-ops:deployment", "value": place.names.deployment}
    for tags in ([{"key": "decodeat-ops:id", "value": release(1).id}], [deployment]):
        fargate.definitions[theirs]["tags"] = tags
        again = place_of(place.loaded.directory, fargate)  # another process
        assert run(again, step.do)["registered"]
        assert run(again, step.undo) == {} and active(fargate) == ["1"]


# A variable changes sides


def plain(document: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["value"] for one in document["containerDefinitions"][0]["environment"]}


def secret(document: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["valueFrom"] for one in document["containerDefinitions"][0]["secrets"]}


def old_revision(place: Place, fargate: Fargate, **container: Any) -> EcsRelease:
    """Register a release whose container has this environment or these secrets too."""
    made = serving(place, fargate, release(1))
    definition = fargate.definitions[made.task_definition]["definition"]["containerDefinitions"][0]
    for name, more in container.items():
        definition[name] = [*definition.get(name, ()), *more]
    return made


def test_a_variable_that_became_a_secret_lets_an_older_release_come_back(tmp_path: Path, fargate: Fargate) -> None:
    """ECS refuses a name that stands in both."""
    reference = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:database-AbCdEf"
    place = place_of(tmp_path, fargate, '[service.secrets]\nDATABASE_URL = "aws-secretsmanager:database"\n')
    place.remembered["secrets version"] = ""
    old = old_revision(place, fargate, environment=[{"name": "DATABASE_URL", "value": "none"}])
    fargate.secret = {"ARN": reference, "VersionIdsToStages": {"v1": ["AWSCURRENT"]}}
    step = step_of(place, release(1, secrets="rotated"), Origin("kept", of=old))
    made = run(place, step.do)["task_definition"]
    document = fargate.definitions[made]["definition"]
    assert "DATABASE_URL" not in plain(document) and plain(document)["RELEASE_ID"] == release(1).id
    assert secret(document) == {"DATABASE_URL": f"{reference}:::v1"}


@pytest.mark.parametrize("how", ["kept", "copied"])
def test_a_secret_that_the_settings_name_no_longer_does_not_come_back(
    place: Place, fargate: Fargate, how: Literal["kept", "copied"]
) -> None:
    """It may have been withdrawn because others know it; its old version would still let them in."""
    old = old_revision(place, fargate, secrets=[{"name": "API_KEYS", "valueFrom": "arn:k::v1"}])
    new = release(1 if how == "kept" else 2, secrets="rotated")
    made = run(place, step_of(place, new, Origin(how, of=old)).do)["task_definition"]
    document = fargate.definitions[made]["definition"]
    assert secret(document) == {} and "API_KEYS" not in plain(document)


def told(place: Place, kept: EcsRelease) -> dict[str, str]:
    """Return what the plan that brings a kept release says of configuration and secrets."""
    return dict(changes.facts(place, Origin("kept", of=kept), observing.observe(place)))


def refers(*names: str) -> list[dict[str, str]]:
    return [{"name": name, "valueFrom": f"arn:{name}"} for name in names]


def test_a_plan_tells_each_secret_from_what_serves_and_what_it_goes_without(tmp_path: Path, fargate: Fargate) -> None:
    """Of what only the older release had no line of the configuration tells, for what serves lacks it too."""
    todays = "".join(f'{name} = "aws-secretsmanager:x#{name}"\n' for name in ("ALWAYS", "SINCE", "TODAY"))
    place = place_of(tmp_path, fargate, f"[service.secrets]\n{todays}")
    old = old_revision(place, fargate, secrets=refers("ALWAYS", "BOTH", "THEN"))
    new = serving(place, fargate, release(2))
    container = fargate.definitions[new.task_definition]["definition"]["containerDefinitions"][0]
    container["secrets"] = refers("ALWAYS", "SINCE", "BOTH", "NOW")
    at = "containerDefinitions.decodeat.secrets"
    assert told(place, old) == {
        "configuration": f"{at}.TODAY.valueFrom: (today's) is new; {at}.BOTH.valueFrom: arn:BOTH goes; "
        f"{at}.NOW.valueFrom: arn:NOW goes",
        "goes without": "BOTH, THEN: secrets of then, which the settings name no longer",
    }


def test_a_plan_has_nothing_to_tell_of_secrets_that_are_todays(tmp_path: Path, fargate: Fargate) -> None:
    """Versions don't count: whatever the older one refers to, it gets today's."""
    place = place_of(tmp_path, fargate, '[service.secrets]\nALWAYS = "aws-secretsmanager:x"\n')
    old = old_revision(place, fargate, secrets=refers("ALWAYS"))
    new = serving(place, fargate, release(2))
    container = fargate.definitions[new.task_definition]["definition"]["containerDefinitions"][0]
    container["secrets"] = [{"name": "ALWAYS", "valueFrom": "arn:rotated"}]
    assert told(place, old) == {}
