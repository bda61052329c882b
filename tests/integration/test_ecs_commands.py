"""Given a release that serves on ECS, when an operator runs commands, then each does what its help says."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.application import verbs
from decodeat_ops.targets.ecs.checks import DOCTOR
from tests.integration.ecs_place import EcsPlace, furnished_place, serving_place
from tests.integration.ecs_settings import DEPLOYMENT
from tests.integration.test_ecs_killed import KILLED, driven
from tests.integration.test_ecs_rights import documented
from tests.support.deployments import service_source
from tests.support.forking import QUICK
from tests.support.waiting import PATIENCE
from tests.unit.targets.ecs.test_diff import BY_HAND, DOCKERFILE, NAMED, SCRIPT

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


def test_all_that_was_written_by_hand_has_its_mistakes_named(well: EcsPlace, tmp_path: Path) -> None:
    texts = {"task-definition.json": json.dumps(BY_HAND, indent=2), "deploy-aws.sh": SCRIPT, "Dockerfile": DOCKERFILE}
    words: list[str] = []
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        words += ["--against", str(tmp_path / name)]
    data = well.ok("render", "--diff", *words)["data"]
    assert data["differing"] == [str(tmp_path / "task-definition.json")], "what is no document has no other side"
    for name, numbers in NAMED.items():
        assert {one["number"] for one in data["defects"] if one["where"] == str(tmp_path / name)} == numbers, name
    assert well.fake.calls.writes == []


def test_the_newest_release_serves_and_those_before_it_are_listed(well: EcsPlace) -> None:
    kept: list[dict[str, Any]] = well.ok("releases")["data"]["releases"]
    assert kept[0]["state"] == "serves"
    assert well.ok("status")["data"]["release"] == kept[0]["id"] == well.serving()


# What goes on in time, and what an operator asks before anything changes


def test_a_dry_run_of_a_start_says_what_would_serve(well: EcsPlace) -> None:
    release = well.serving()
    assert well.ends(verbs.stop).code == 0
    well.fake.calls.forget()
    plan = well.ok("start", "--dry-run", "--target", "ecs")["data"]["plan"]
    facts = dict(plan["facts"])
    assert (facts["serves now"], facts["will serve"]) == ("nothing", release)
    assert facts["account"] == well.fake.account.id and facts["region"] == well.fake.account.region
    assert [step["id"] for step in plan["steps"]] == ["update", "follow", "confirm"]
    assert well.serving() == "" and well.fake.calls.writes == []


@pytest.mark.parametrize("undo", [False, True], ids=["forward", "undo"])
def test_a_dry_run_of_a_resume_says_what_is_left(well: EcsPlace, undo: bool) -> None:
    before = well.serving()
    assert driven(well, "deploy", "follow", "before")[0] == KILLED
    well.fake.calls.forget()
    words = ["resume", *(["--undo"] if undo else []), "--target", "ecs"]
    data = well.ok(*words, "--dry-run")["data"]
    assert dict(data["plan"]["facts"])["account"] == well.fake.account.id
    steps = [step["id"] for step in data["plan"]["steps"]]
    if undo:
        assert steps and data["done"] == []
    else:
        assert data["done"] == ["secrets", "register", "gate-pre", "update"] == steps[:4]
    assert well.fake.calls.writes == [] and well.desk().ledger.unfinished() != ""
    assert well.ok(*words, "--yes")["changed"] == 1
    assert (well.serving() == before) is undo and well.desk().ledger.unfinished() == ""


def test_the_doctor_finds_all_well_and_names_what_is_not(well: EcsPlace) -> None:
    found = {one["check"]: one["status"] for one in well.ok("doctor", "--target", "ecs")["data"]["findings"]}
    assert set(DOCTOR) == found.keys()
    assert {found[name] for name in DOCTOR} <= {"PASS", "WARN", "SKIP"} and found["ecs.rights"] == "PASS"
    well.fake.identity.deny("ecs:UpdateService")
    ran = well.run("doctor", "--json")
    found = {one["check"]: one["status"] for one in ran.json["data"]["findings"]}
    assert ran.status == 4 and found["ecs.rights"] == "FAIL" and "ecs:UpdateService" in ran.stdout, str(ran)
    assert well.fake.calls.writes == []


PLUGIN = """#!/bin/sh
[ "$1" = --version ] && { echo 1.2.707.0; exit; }
printf '%s\\n' "$@" > "$0.argv"
printf '%s' "$AWS_SSM_START_SESSION_RESPONSE" > "$0.session"
echo "inside the task"
exit 7
"""


def test_a_program_in_a_task_has_the_operators_terminal_and_its_status_comes_back(
    well: EcsPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = tmp_path / "bin" / "session-manager-plugin"
    plugin.parent.mkdir()
    plugin.write_text(PLUGIN)
    plugin.chmod(0o755)
    monkeypatch.setenv("PATH", f"{plugin.parent}{os.pathsep}{os.environ['PATH']}")
    well.ecs["exec"] = True
    well.deploy()
    well.fake.identity.allow_only(documented("operator-deploy", well))
    well.fake.calls.forget()
    ran = well.run("exec", "--target", "ecs", "--", "python", "-m", "decodeat", "--schema")
    assert ran.status == 7 and ran.stdout == "inside the task\n", str(ran)
    (call,) = well.fake.calls.of("ecs:ExecuteCommand")
    assert call.params["command"] == "python -m decodeat --schema" and call.params["interactive"] is True
    task = call.params["task"].rpartition("/")[2]
    assert f"-- task {task[:8]} of {DEPLOYMENT}" in ran.stderr
    argv, session = (Path(f"{plugin}.{name}").read_text() for name in ("argv", "session"))
    assert task in argv
    token = json.loads(session)["tokenValue"]
    assert token not in argv + ran.stdout + ran.stderr, "who reads the process list has the session"
    assert well.fake.calls.writes == []


def test_a_log_that_is_followed_goes_over_to_the_next_release_and_ends_at_ctrl_c(well: EcsPlace) -> None:
    older = well.serving()
    program = ("env", "--default-signal=INT", sys.executable, "-m", QUICK)
    with subprocess.Popen(
        (*program, "logs", "-f", "-n", "1", "--target", "ecs"), cwd=well.write().parent, env=well.environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        patience = threading.Timer(2 * PATIENCE, process.kill)
        patience.start()
        try:
            assert process.stdout is not None
            assert older in process.stdout.readline()
            newer = well.deploy()
            lacks, said = {f"-- release {newer} serves from here on", '"event": "started"'}, list[str]()
            while lacks and (line := process.stdout.readline()):
                said.append(line)
                lacks -= {words for words in lacks if words in line and newer in line}
            assert lacks == set(), said[-20:]
            process.send_signal(signal.SIGINT)
            rest, _ = process.communicate(timeout=PATIENCE)
        finally:
            patience.cancel()
            process.kill()
    assert process.returncode == 0 and "Traceback" not in rest, rest
    assert not any(secret in rest + "".join(said) for secret in well.secrets.values())
