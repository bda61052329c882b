"""Given secrets that are rotated, when a release is deployed or brought back, then it runs with today's."""

import json

import pytest

from decodeat_ops.application import verbs
from decodeat_ops.application.workflow import Change
from tests.integration.ecs_place import EcsPlace, furnished_place, serving_place
from tests.integration.ecs_settings import DEPLOYMENT
from tests.servers.aws.calls import Call
from tests.support.deployments import service_source

__all__ = ["furnished_place", "service_source", "serving_place"]


def test_a_rotated_secret_is_a_new_version_and_a_new_revision(well: EcsPlace) -> None:
    well.deploy()
    before, old = well.definition, well.values()
    well.rotate_secret()
    assert well.deploy() == well.serving()
    assert well.definition is not before and well.values() == {"API_KEYS": well.secrets["API_KEYS"]} != old
    assert well.values(before) == old, "an old revision refers to its own version"
    stages = [sorted(one.stages) for one in well.fake.secrets.held[DEPLOYMENT].versions.values() if one.stages]
    assert sorted(stages) == [["AWSCURRENT"], ["AWSPREVIOUS"]]
    tags = well.fake.secrets.held[DEPLOYMENT].tags
    assert tags == {"decodeat-ops:deployment": DEPLOYMENT}


def test_a_rollback_after_a_rotation_registers_the_old_release_with_todays_secrets(well: EcsPlace) -> None:
    older = well.serving()
    image = well.definition.document["containerDefinitions"][0]["image"]
    well.change_image()
    newer = well.deploy()
    well.rotate_secret()
    well.fake.calls.forget()
    assert well.ends(verbs.rollback).code == 0
    assert well.serving() == older != newer
    assert well.definition.document["containerDefinitions"][0]["image"] == image
    assert well.values() == {"API_KEYS": well.secrets["API_KEYS"]}
    assert "ecs:RegisterTaskDefinition" in well.writes()
    assert [one.id for one in well.desk().target.observe().releases].count(older) == 1


@pytest.mark.share(3)
def test_without_a_rotation_a_rollback_registers_nothing(well: EcsPlace) -> None:
    well.deploy()
    well.fake.calls.forget()
    assert well.ends(verbs.rollback).code == 0
    assert well.writes() == ["ecs:UpdateService"]


@pytest.mark.share(3)
def test_a_deploy_that_fails_brings_the_secret_back(well: EcsPlace) -> None:
    held, old = well.fake.secrets.held[DEPLOYMENT], well.secrets["API_KEYS"]
    well.rotate_secret()
    well.fake.identity.deny("iam:SimulatePrincipalPolicy", "ecs:UpdateService")
    assert well.ends().code == 5
    current = held.at("AWSCURRENT")
    assert current is not None and json.loads(str(current.value))["API_KEYS"] == old


@pytest.mark.share(3)
def test_a_secret_in_aws_is_referred_to_and_never_read(well: EcsPlace) -> None:
    secret = well.fake.secrets.put("shared/gemini", '{"KEY": "google-key-1", "OTHER": "x"}')
    well.references = {"GEMINI_API_KEY": "aws-secretsmanager:shared/gemini#KEY"}
    well.change()
    well.deploy()
    assert well.values()["GEMINI_API_KEY"] == "google-key-1"
    read = [call for call in well.fake.calls.of("secretsmanager:GetSecretValue") if secret.name in str(call.params)]
    unchanged = well.ends()
    assert unchanged.outcome is not None and unchanged.outcome.changed == 0
    well.fake.secrets.put("shared/gemini", '{"KEY": "google-key-2"}')
    rotated = well.ends()
    assert rotated.outcome is not None and rotated.outcome.changed == 1
    assert well.values()["GEMINI_API_KEY"] == "google-key-2"
    kept = "".join(path.read_text(errors="replace") for path in well.home.rglob("*.jsonl"))
    assert "google-key" not in kept and len(read) <= 2, "its key is looked up by the check before, and never kept"


@pytest.mark.share(3)
@pytest.mark.parametrize("reference", ["aws-secretsmanager:shared/vision", "file:vision.json"])
def test_googles_key_comes_when_a_task_starts_and_is_in_no_document(well: EcsPlace, reference: str) -> None:
    """As Google hands it out: many lines, and quotes."""
    key = json.dumps({"type": "service_account", "private_key": "-----BEGIN PRIVATE KEY-----\nm4rk\n"}, indent=2)
    if reference.startswith("file:"):
        file = well.write().parent / "vision.json"
        file.touch(mode=0o600)
        file.write_text(key)
    else:
        well.fake.secrets.put("shared/vision", key)
    well.references = {"GOOGLE_CREDENTIALS_JSON": reference}
    well.configure(READER="vision")
    well.deploy()
    assert well.values()["GOOGLE_CREDENTIALS_JSON"] == key
    (container,) = well.definition.document["containerDefinitions"]
    plain = {one["name"]: one["value"] for one in container["environment"]}
    assert plain["READER"] == "vision" and "GOOGLE_CREDENTIALS_JSON" not in plain
    assert "m4rk" not in json.dumps(well.definition.document)
    state = [path for path in well.home.rglob("*") if path.is_file() and path.name != "vision.json"]
    assert state and not [path for path in state if b"m4rk" in path.read_bytes()]
    assert well.ends().outcome.changed == 0  # type: ignore[union-attr]


def withdrawn(well: EcsPlace, *, deployed: bool) -> str:
    """Deploy a release with a secret of others and return it; then settings, and AWS, have it no longer."""
    well.fake.secrets.put("shared/gemini", "google-key-1")
    well.references = {"GEMINI_API_KEY": "aws-secretsmanager:shared/gemini"}
    had = well.deploy()
    assert well.values()["GEMINI_API_KEY"] == "google-key-1"
    well.references = {}
    if deployed:
        well.change_image()
        assert well.deploy() != had
    del well.fake.secrets.held["shared/gemini"]
    return had


@pytest.mark.share(3)
def test_a_rollback_does_not_bring_a_secret_back_that_was_withdrawn(well: EcsPlace) -> None:
    """With its old reference the tasks would not start, or those who know the old value would come in again."""
    had = withdrawn(well, deployed=True)
    facts = dict(verbs.rollback(well.desk(), Change(dry_run=True)).data["plan"]["facts"])
    assert facts["goes without"] == "GEMINI_API_KEY: secrets of then, which the settings name no longer"
    assert "(today's)" not in json.dumps(facts)
    told = well.ends(verbs.rollback)
    assert told.code == 0 and well.serving() == had, told.text
    assert well.values() == {"API_KEYS": well.secrets["API_KEYS"]}


@pytest.mark.share(3)
def test_a_restart_takes_a_secret_away_that_was_withdrawn(well: EcsPlace) -> None:
    had = withdrawn(well, deployed=False)
    facts = dict(verbs.restart(well.desk(), Change(dry_run=True)).data["plan"]["facts"])
    assert facts["goes without"].startswith("GEMINI_API_KEY: ")
    assert "secrets.GEMINI_API_KEY.valueFrom: arn:" in facts["configuration"]
    assert facts["configuration"].endswith(" goes") and "(today's)" not in json.dumps(facts)
    told = well.ends(verbs.restart)
    assert told.code == 0 and well.serving() not in {"", had}, told.text
    assert well.values() == {"API_KEYS": well.secrets["API_KEYS"]}


@pytest.mark.share(3)
def test_a_key_that_is_missing_is_named_before_anything_changes(well: EcsPlace) -> None:
    well.fake.secrets.put("shared/gemini", '{"OTHER": "x"}')
    well.references = {"GEMINI_API_KEY": "aws-secretsmanager:shared/gemini#KEY"}
    well.change()
    told = well.ends()
    assert told.code == 3 and "KEY" in told.text and well.fake.calls.writes == []
    well.references = {"GEMINI_API_KEY": "aws-secretsmanager:absent#KEY"}
    well.change()
    told = well.ends()
    assert told.code == 3 and "absent" in told.text and well.fake.calls.writes == []


@pytest.mark.share(3)
def test_somebody_else_writes_the_secret_in_the_middle(well: EcsPlace) -> None:
    """What they wrote is not what this release was planned with."""
    before = well.serving()
    well.rotate_secret()

    def hook(call: Call) -> None:
        if call.name == "ecs:RegisterTaskDefinition":
            well.fake.switches.hooks.clear()
            well.fake.secrets.put(DEPLOYMENT, '{"API_KEYS": "of-somebody-else"}')

    well.fake.switches.hooks.append(hook)
    told = well.ends()
    assert told.code in {0, 5}, told.text
    if told.code == 5:
        assert well.seen() == {before}
    else:
        assert well.values() == {"API_KEYS": well.secrets["API_KEYS"]}, "it refers to the version that it wrote"


@pytest.mark.share(3)
def test_a_secret_of_another_shape_is_refused(well: EcsPlace) -> None:
    well.fake.secrets.put(DEPLOYMENT, "just a text")
    told = well.ends()
    assert told.code == 3 and DEPLOYMENT in told.text and "just a text" not in told.text
