"""Test that a command finds what it needs and no more, so that what is broken elsewhere does not hide its answer."""

import pytest

from decodeat_ops.application import checks, state
from decodeat_ops.application.checks import Walk
from decodeat_ops.application.logs import log
from decodeat_ops.application.render import render
from decodeat_ops.checks.lists import ORDER
from decodeat_ops.core.errors import Configuration, GateFailed, Usage
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.local.checks import DOCTOR
from tests.unit.checks.stage import NEW, OLD, Stage, serving


@pytest.fixture
def stage(stage: Stage) -> Stage:
    stage.settings = {"checks": {"soak_seconds": 0.3, "soak_rate": 50.0, "max_p95_seconds": 60.0}}
    return stage


def with_a_damaged_release(stage: Stage) -> None:
    """Keep a release beside the one that serves whose record can't be read."""
    stage.release(OLD)
    stage.layout.manifest(OLD).write_text("{")


def test_a_damaged_kept_release_hides_no_answer_about_the_one_that_serves(stage: Stage) -> None:
    with_a_damaged_release(stage)
    with serving(stage):
        with pytest.raises(Configuration, match=r"release\.json is damaged"):
            state.releases(stage.loaded)
        found = {one["check"]: one["says"] for one in checks.doctor(stage.loaded).data["findings"]}
        assert list(found) == list(DOCTOR)
        assert not {check for check, says in found.items() if says.startswith("probe.")}
        for name, says in (
            ("health.edge", "health.steady"),
            ("performance.baseline", "performance.measured"),
            ("backups.recent", "backups.none"),
        ):
            assert checks.check(stage.loaded, name).data["findings"][0]["says"] == says
        outcome = checks.checklist(stage.loaded, "post-deploy", Walk())
        assert {item["id"]: item["status"] for item in outcome.data["items"]}["post.health"] == "PASS"


def test_a_damaged_record_of_the_release_that_serves_is_told(stage: Stage) -> None:
    with serving(stage):
        stage.layout.manifest(NEW).write_text("{")
        with pytest.raises(Configuration, match=r"release\.json is damaged"):
            checks.check(stage.loaded, "health.edge")
        stage.layout.manifest(NEW).unlink()
        with pytest.raises(Configuration, match="is the one that serves, and its release"):
            checks.doctor(stage.loaded)


def test_a_gate_says_what_failed_whatever_else_is_damaged(stage: Stage) -> None:
    with_a_damaged_release(stage)
    with serving(stage, status=500), pytest.raises(GateFailed) as caught:
        params = {"checks": ["health.edge"], "release": NEW, "endpoint": "public"}
        stage.desk.actions["gate"](Context(), params)
    assert "500" in caught.value.advice.what
    assert any("request_id" in line for line in caught.value.advice.lines), "the release's own last lines"


def test_a_gate_says_what_failed_where_there_is_no_log(stage: Stage) -> None:
    with_a_damaged_release(stage)
    with serving(stage, status=500, logs=False), pytest.raises(GateFailed) as caught:
        params = {"checks": ["health.edge"], "release": NEW, "endpoint": "public"}
        stage.desk.actions["gate"](Context(), params)
    assert caught.value.advice.lines == ()


def test_checks_are_listed_whatever_the_state_is(stage: Stage) -> None:
    stage.layout.format_file.write_text("{")
    local = [name for name in ORDER if not name.startswith(("ecs.", "vm."))]
    assert [one["id"] for one in checks.check(stage.loaded, None).data["checks"]] == local
    with pytest.raises(Usage, match=r"There is no check 'health\.egde'"):
        checks.check(stage.loaded, "health.egde")
    with pytest.raises(Configuration):
        checks.check(stage.loaded, "health.edge")


@pytest.mark.parametrize("place", ["backups", "environments"])
def test_logs_and_rendered_files_are_shown_though_others_may_write_a_place_beside(stage: Stage, place: str) -> None:
    (stage.home / place).mkdir(mode=0o700, exist_ok=True)
    stage.activate(stage.release(NEW))
    stage.layout.log(NEW).write_text("a line\n")
    (stage.home / place).chmod(0o777)
    assert [one.line for one in log(stage.loaded, None, supervisor=False).last(9)] == ["a line"]
    assert render(stage.loaded, None, diff=True).data["against"] == NEW
    with pytest.raises(Configuration, match=place):
        state.status(stage.loaded)


def test_files_are_rendered_whatever_the_state_is(stage: Stage) -> None:
    stage.layout.format_file.write_text('{"format": 99}')
    assert "service.env" in render(stage.loaded, None, diff=False).data["files"]
    with pytest.raises(Configuration, match="written by a newer version"):
        render(stage.loaded, None, diff=True)


def test_a_release_is_compared_though_its_record_or_another_ones_is_damaged(stage: Stage) -> None:
    with_a_damaged_release(stage)
    release = stage.release(NEW)
    stage.activate(release)
    stage.layout.environment(NEW).write_text(render(stage.loaded, None, diff=False).data["files"]["service.env"])
    stage.layout.manifest(NEW).unlink()
    outcome = render(stage.loaded, None, diff=True)
    assert outcome.data["against"] == NEW
    assert "service.env" not in outcome.data["differing"]


def test_a_log_is_read_though_another_release_is_damaged(stage: Stage) -> None:
    with_a_damaged_release(stage)
    stage.release(NEW)
    stage.layout.log(NEW).write_text("a line\n")
    assert [one.line for one in log(stage.loaded, NEW, supervisor=False).last(9)] == ["a line"]
