"""Given an account with all that a deployment needs, when an operator deploys, then clients reach the new release."""

import json

import pytest

from decodeat_ops.application import verbs
from decodeat_ops.application.workflow import Change
from decodeat_ops.deployment import source
from tests.integration.ecs_place import READS, EcsPlace, furnished_place, serving_place
from tests.integration.ecs_settings import DEPLOYMENT
from tests.servers.aws.clients import client
from tests.servers.aws.ecs.behaviour import environment, release
from tests.support.deployments import service_source

__all__ = ["furnished_place", "service_source", "serving_place"]


def test_a_first_deploy_makes_the_service(place: EcsPlace) -> None:
    assert place.serving() == ""
    told = place.ok("deploy", "--yes")
    assert told["changed"] == 1 and told["data"]["release"] == place.serving() != ""
    made = place.service
    assert made.document["deploymentConfiguration"]["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
    assert made.tags == {"decodeat-ops:deployment": DEPLOYMENT} and made.desired == 2
    assert len(place.network.blue.health) == 2
    container = place.definition.document["containerDefinitions"][0]
    assert "@sha256:" in container["image"] and "API_KEYS" not in environment(place.definition.document)
    assert place.values() == {"API_KEYS": place.secrets["API_KEYS"]}


def test_a_redeploy_is_one_update_and_no_image(well: EcsPlace) -> None:
    before = well.serving()
    told = well.ends()
    assert told.code == 0 and well.serving() not in {"", before}
    assert well.fake.calls.count()["ecs:UpdateService"] == 1
    revisions = {"ecs:RegisterTaskDefinition", "ecs:TagResource", "ecs:DeregisterTaskDefinition"}
    assert set(well.writes()) <= {"ecs:UpdateService", *revisions}
    (update,) = well.fake.calls.of("ecs:UpdateService")
    assert "desiredCount" not in update.params and update.params["loadBalancers"]
    assert environment(well.definition.document)["MAX_REQUESTS"] == str(well.variables["MAX_REQUESTS"])


def test_what_serves_already_costs_few_reads_and_no_write(well: EcsPlace) -> None:
    well.deploy()
    well.fake.calls.forget()
    told = well.ends()
    assert told.outcome is not None and told.outcome.changed == 0
    asked = well.fake.calls
    assert asked.writes == [] and 0 < len(asked.reads) <= READS, asked.count()
    colleague = well.ends(machine="colleague")
    assert colleague.outcome is not None and colleague.outcome.changed == 0, "another machine sees the same"
    assert asked.writes == []


def test_a_dry_run_shows_the_plan_the_account_and_writes_nothing(well: EcsPlace) -> None:
    told = well.ok("deploy", "--dry-run")
    steps = [step["id"] for step in told["data"]["plan"]["steps"]]
    assert [one for one in steps if not one.startswith("gate")][-4:] == ["update", "follow", "confirm", "prune"]
    facts = json.dumps(told["data"]["plan"]["facts"])
    assert well.fake.account.id in facts and well.fake.account.region in facts
    assert well.fake.calls.writes == []


def test_the_plan_never_holds_a_secret(well: EcsPlace) -> None:
    well.rotate_secret()
    plan = verbs.deploy(well.desk(), Change(dry_run=True)).data["plan"]
    assert well.secrets["API_KEYS"] not in json.dumps(plan)
    well.deploy()
    kept = "".join(path.read_text(errors="replace") for path in well.home.rglob("*.jsonl"))
    assert kept and well.secrets["API_KEYS"] not in kept
    definitions = json.dumps([one.document for one in well.fake.ecs.families[DEPLOYMENT]])
    assert well.secrets["API_KEYS"] not in definitions


def test_another_image_is_deployed_by_its_digest(well: EcsPlace) -> None:
    well.deploy()
    well.change_image()
    well.deploy()
    assert well.definition.document["containerDefinitions"][0]["image"] == well.image


def test_of_an_image_that_is_named_no_revision_of_the_code_here_is_recorded(
    well: EcsPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "revision", lambda package: "0123456789ab")
    well.deploy()
    active = well.desk().target.observe().active
    assert active is not None and active.revision == ""


def test_a_revision_that_somebody_edited_by_hand_is_replaced(well: EcsPlace) -> None:
    """Somebody registers a copy with another size and runs it: it is no release of ours, though its tags say so."""
    well.deploy()
    copy = well.definition
    document = json.loads(json.dumps(copy.document)) | {"cpu": "512", "memory": "1024"}
    ecs = client(well.fake, "ecs")
    tags = [{"key": key, "value": value} for key, value in copy.tags.items()]
    made = ecs.register_task_definition(**document, tags=tags)["taskDefinition"]["taskDefinitionArn"]
    ecs.update_service(cluster=DEPLOYMENT, service=DEPLOYMENT, taskDefinition=made)
    well.settle()
    assert not well.desk().target.observe().serving
    told = well.ends()
    assert told.outcome is not None and told.outcome.changed == 1
    assert well.definition.document["cpu"] == "256" and well.serving() == told.outcome.data["release"]


def test_releases_beyond_retention_are_deregistered_and_those_in_use_stay(well: EcsPlace) -> None:
    served = [well.deploy()]
    for _ in range(5):
        well.change()
        served.append(well.deploy())
    assert well.revisions() == served[-3:]
    assert release(well.definition.document) == served[-1] == well.serving()
    old = well.fake.ecs.families[DEPLOYMENT]
    assert all(one.status == "INACTIVE" for one in old if release(one.document) not in served[-3:])


def test_status_and_releases_tell_what_runs(well: EcsPlace) -> None:
    told = well.deploy()
    status = well.ok("status")["data"]
    assert status["release"] == told and status["open_journal"] is None
    listed = json.dumps(well.ok("releases")["data"])
    assert all(one in listed for one in well.revisions())
