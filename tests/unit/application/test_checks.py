"""The verbs that the command line calls: checklists, one check, the doctor, records."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from decodeat_ops.application import checks
from decodeat_ops.application.checks import Question, SignOff, Walk
from decodeat_ops.checks.registry import checks_of
from decodeat_ops.core.check import Status
from decodeat_ops.core.errors import Configuration, Usage
from decodeat_ops.core.events import Checked, Event
from decodeat_ops.core.outcome import Outcome
from decodeat_ops.targets.local.checks import DOCTOR
from tests.unit.checks.stage import NEW, Stage, serving


def _statuses(outcome: Outcome) -> dict[str, str]:
    return {item["id"]: item["status"] for item in outcome.data["items"]}


def _signs(question: Question) -> SignOff:
    return SignOff("Kim", f"accepted: {question.says}", 30)


def test_before_a_first_deploy(stage: Stage) -> None:
    """Nothing serves yet: what looks back is skipped; the tests have not been recorded, so it fails."""
    events: list[Event] = []
    outcome = checks.checklist(stage.loaded, "pre-deploy", Walk(emit=events.append))
    assert _statuses(outcome) == {
        "pre.tests": "FAIL",
        "pre.environment": "PASS",
        "pre.certificate": "SKIP",
        "pre.backups": "SKIP",
        "pre.monitoring": "SKIP",
        "pre.logs": "SKIP",
        "pre.security": "MANUAL",
        "pre.performance": "SKIP",
        "pre.rollback": "MANUAL",
    }
    assert outcome.exit_code == 4
    assert sum(isinstance(event, Checked) for event in events) == 16
    assert checks.verify(stage.loaded, "latest").exit_code == 0


def test_a_person_finishes_it(stage: Stage) -> None:
    first = checks.checklist(stage.loaded, "pre-deploy", Walk())
    assert first.exit_code == 4
    done = checks.checklist(stage.loaded, "pre-deploy", Walk(resume=True, interactive=True, ask=_signs))
    assert done.exit_code == 0
    assert done.data["record"] == first.data["record"]
    by_id = {item["id"]: item for item in done.data["items"]}
    assert by_id["pre.tests"]["waived"]
    assert by_id["pre.tests"]["status"] == "FAIL"
    listed = checks.records(stage.loaded)
    assert [(r["finished"], r["whole"]) for r in listed.data["records"]] == [(True, True)]


def test_after_a_deploy(stage: Stage) -> None:
    stage.settings = {"checks": {"soak_seconds": 0.3, "soak_rate": 50.0, "max_p95_seconds": 60.0}}
    with serving(stage) as (_, subject):
        outcome = checks.checklist(stage.loaded, "post-deploy", Walk())
    assert _statuses(outcome) == {
        "post.health": "PASS",
        "post.api": "SKIP",
        "post.time": "PASS",
        "post.errors": "PASS",
        "post.logs": "PASS",
        "post.metrics": "PASS",
        "post.alerts": "SKIP",
        "post.backup": "SKIP",
    }
    assert outcome.exit_code == 0
    assert subject.release is not None
    assert outcome.data["identity"]["code"] == subject.release.code


def test_after_a_deploy_that_serves_nothing(stage: Stage) -> None:
    outcome = checks.checklist(stage.loaded, "post-deploy", Walk(lang="ko"))
    assert outcome.exit_code == 4
    assert outcome.data["items"][0]["title"] == "헬스체크 엔드포인트 확인"


def test_secrets_that_do_not_resolve_are_a_finding(stage: Stage) -> None:
    stage.settings = {"service": {"secrets": {"KEY": "env:NOBODY_SET_THIS"}}}
    outcome = checks.checklist(stage.loaded, "pre-deploy", Walk())
    (finding,) = outcome.data["items"][1]["findings"]
    assert (finding["status"], finding["says"]) == ("FAIL", "environment.refused")


def test_the_handed_out_files(stage: Stage, tmp_path: Path) -> None:
    how = Walk(junit=tmp_path / "r.xml", export=tmp_path / "r.json")
    outcome = checks.checklist(stage.loaded, "pre-deploy", how)
    assert ElementTree.parse(tmp_path / "r.xml").getroot().get("tests") == "16"
    assert json.loads((tmp_path / "r.json").read_text()) == json.loads(json.dumps(outcome.envelope()))
    with pytest.raises(Usage, match="could not be written") as error:
        checks.checklist(stage.loaded, "pre-deploy", Walk(junit=tmp_path / "no" / "r.xml"))
    assert "its record is" in error.value.advice.state


def test_names_that_do_not_exist(stage: Stage) -> None:
    with pytest.raises(Usage, match="no checklist 'pre'"):
        checks.checklist(stage.loaded, "pre", Walk())
    with pytest.raises(Usage) as error:
        checks.check(stage.loaded, "security.file")
    assert "security.files" in error.value.advice.hint
    with pytest.raises(Usage):
        checks.verify(stage.loaded, "latest")


def test_no_code_to_deploy(stage: Stage) -> None:
    stage.settings = {"service": {"source": "elsewhere"}}
    with pytest.raises(Configuration, match="no package decodeat"):
        checks.checklist(stage.loaded, "pre-deploy", Walk())


def test_one_check(stage: Stage) -> None:
    stage.settings = {"service": {"environment": {"DEBUG": True}}}
    outcome = checks.check(stage.loaded, "security.settings")
    assert (outcome.exit_code, outcome.data["findings"][0]["evidence"]) == (4, {"names": ["DEBUG"]})
    assert checks.check(stage.loaded, "security.review").exit_code == 9
    assert checks.check(stage.loaded, "certificate.valid").exit_code == 0
    everything = checks.check(stage.loaded, None)
    assert [one["id"] for one in everything.data["checks"]] == list(checks_of(stage.desk.view))


def test_a_record_that_was_changed(stage: Stage) -> None:
    outcome = checks.checklist(stage.loaded, "pre-deploy", Walk())
    path = stage.layout.records / outcome.data["record"]
    path.write_text(path.read_text().replace('"SKIP"', '"PASS"', 1))
    verdict = checks.verify(stage.loaded, path.name)
    assert (verdict.exit_code, verdict.data["whole"]) == (4, False)
    assert "does not follow" in verdict.summary
    elsewhere = stage.home / "copy.jsonl"
    elsewhere.write_text(path.read_text())
    assert checks.verify(stage.loaded, str(elsewhere)).exit_code == 4
    with pytest.raises(Usage) as error:
        checks.verify(stage.loaded, path.name.replace("pre", "per"))
    assert path.name in error.value.advice.hint


def test_the_doctor_with_settings(stage: Stage) -> None:
    outcome = checks.doctor(stage.loaded)
    found = {f["check"]: f for f in outcome.data["findings"]}
    assert list(found) == list(DOCTOR)
    assert found["machine.settings"]["status"] == "PASS"
    assert found["machine.port"]["status"] in {"PASS", "FAIL"}


def test_the_doctor_without_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for problem in (None, Configuration("line 3 is wrong.", hint="Mend it.")):
        outcome = checks.doctor(None, problem=problem)
        found = {f["check"]: f for f in outcome.data["findings"]}
        assert outcome.exit_code == 4
        assert found["machine.port"]["status"] == "SKIP"
        assert found["machine.python"]["status"] == "PASS"
        assert found["machine.settings"]["hint"]
    assert found["machine.settings"]["hint"] == "line 3 is wrong. Mend it."
    assert list(tmp_path.iterdir()) == [], "looking leaves nothing behind"


def test_a_check_leaves_nothing_behind(stage: Stage) -> None:
    with serving(stage):
        before = {p for p in stage.home.rglob("*") if p.name != f"{NEW}.log"}
        for name in ("backups.recent", "backups.scratch", "security.files", "health.edge", "environment.valid"):
            assert Status(checks.check(stage.loaded, name).data["findings"][0]["status"])
        assert {p for p in stage.home.rglob("*") if p.name != f"{NEW}.log"} == before
