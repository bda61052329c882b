"""Given a release that serves on ECS, when an operator runs commands, then each does what its help says."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.ecs_place import EcsPlace, furnished_place, serving_place
from tests.integration.ecs_settings import DEPLOYMENT
from tests.support.deployments import service_source
from tests.unit.targets.ecs.test_diff import BY_HAND

__all__ = ["furnished_place", "service_source", "serving_place"]
CHANGES = [
    ("deploy",), ("rollback",), ("stop",), ("restart",), ("scale", "5"), ("remove", "--name", DEPLOYMENT),
    ("remove", "--name", DEPLOYMENT, "--delete-data"),
]  # fmt: skip


@pytest.mark.parametrize("words", CHANGES, ids=lambda words: words[0] if len(words) < 4 else "remove-data")
def test_a_dry_run_says_where_it_would_change_something_and_changes_nothing(
    well: EcsPlace, words: tuple[str, ...]
) -> None:
    plan = well.ok(*words, "--dry-run")["data"]["plan"]
    facts = dict(plan["facts"])
    assert facts["account"] == well.fake.account.id and facts["region"] == well.fake.account.region
    assert facts["caller"] and well.fake.url in facts["endpoint"]
    assert plan["steps"] and well.fake.calls.writes == []


def test_another_number_of_tasks_runs_and_stays(well: EcsPlace) -> None:
    told = well.ok("scale", "3", "--yes")
    assert told["changed"] == 1 and well.service.desired == 3
    assert len(well.fake.ecs.tasks_of(well.service.deployments[0].id, "RUNNING")) == 3
    assert well.ok("scale", "3", "--yes")["changed"] == 0
    well.deploy()
    assert well.service.desired == 3


@pytest.mark.parametrize("name", ["ecs.deployment", "ecs.identity", "ecs.rights", "rollback.previous"])
def test_one_check_is_asked_by_its_name(well: EcsPlace, name: str) -> None:
    ran = well.run("check", name, "--json")
    assert ran.status == 0, str(ran)
    (finding,) = ran.json["data"]["findings"]
    assert (finding["check"], finding["status"]) == (name, "PASS")


@pytest.mark.parametrize(
    ("checklist", "of_ecs"),
    [
        ("pre-deploy", {"ecs.identity", "ecs.secrets"}),
        ("post-deploy", {"ecs.deployment", "ecs.targets", "ecs.latency", "ecs.errors"}),
    ],
)
def test_a_checklist_is_proven_by_the_platform_too(well: EcsPlace, checklist: str, of_ecs: set[str]) -> None:
    ran = well.run("checklist", checklist, "--json")
    found = {one["check"]: one for item in ran.json["data"]["items"] for one in item["findings"]}
    assert of_ecs <= found.keys(), found.keys()
    bad = {name: found[name] for name in of_ecs if found[name]["status"] not in {"PASS", "SKIP"}}
    assert bad == {}
    assert "ERROR" not in {one["status"] for one in found.values()}, "a probe itself broke"
    assert well.fake.calls.writes == []


def test_what_a_deploy_would_write_is_shown_and_compared(well: EcsPlace) -> None:
    shown = well.run("render")
    assert shown.status == 0 and '"networkMode": "awsvpc"' in shown.stdout
    assert not any(secret in shown.stdout for secret in well.secrets.values())
    compared = well.run("render", "--diff")
    assert compared.status == 0 and "MAX_REQUESTS" in compared.stdout, str(compared)


def test_a_task_definition_written_by_hand_is_compared_and_its_mistakes_are_named(
    well: EcsPlace, tmp_path: Path
) -> None:
    document = tmp_path / "task-definition.json"
    document.write_text(json.dumps(BY_HAND))
    ran = well.run("render", "--diff", "--against", str(document))
    assert ran.status == 0 and "-" + '      "image": "your-account' in ran.stdout, str(ran)
    assert "curl" in ran.stdout and "region" in ran.stdout


def test_the_newest_release_serves_and_those_before_it_are_listed(well: EcsPlace) -> None:
    kept: list[dict[str, Any]] = well.ok("releases")["data"]["releases"]
    assert kept[0]["state"] == "serves"
    assert well.ok("status")["data"]["release"] == kept[0]["id"] == well.serving()
