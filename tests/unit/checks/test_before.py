"""The pre-deploy probes: each passes on a sound deployment and says what is wrong with an unsound one."""

import json
import os
from typing import Any

import pytest

from decodeat_ops.checks import signoffs
from decodeat_ops.checks.run import run
from decodeat_ops.checks.signoffs import SignOff
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Finding, Status
from decodeat_ops.deployment import files
from decodeat_ops.supervisor.unit import Unit
from tests.unit.checks.stage import NEW, OLD, Stage, serving


def ask(check: str, subject: Subject) -> Finding:
    (finding,) = run((check,), subject)
    return finding


def _results(stage: Stage, **changed: Any) -> None:
    code = stage.subject().code
    result = {"format": 1, "code": code, "revision": "r9", "passed": 12, "failed": 0, "skipped": 2, "at": "now"}
    (stage.home / "test-results.json").write_text(json.dumps(result | changed))


class TestTests:
    def test_passed_for_this_very_code(self, stage: Stage) -> None:
        _results(stage)
        found = ask("tests.recorded", stage.subject())
        assert (found.status, found.evidence["passed"], found.evidence["revision"]) == (Status.PASS, 12, "r9")

    @pytest.mark.parametrize(
        ("changed", "says"),
        [
            ({"code": "0" * 64}, "tests.other_code"),
            ({"failed": 1}, "tests.failed"),
            ({"passed": 0}, "tests.empty"),
            ({"format": 2}, "tests.unreadable"),
            ({"passed": "many"}, "tests.unreadable"),
        ],
    )
    def test_anything_else_fails(self, stage: Stage, changed: dict[str, Any], says: str) -> None:
        _results(stage, **changed)
        found = ask("tests.recorded", stage.subject())
        assert (found.status, found.says) == (Status.FAIL, says)

    def test_code_changed_after_the_tests(self, stage: Stage) -> None:
        _results(stage)
        stage.package("source", "a = 2\n")
        assert ask("tests.recorded", stage.subject()).says == "tests.other_code"

    def test_nothing_recorded(self, stage: Stage) -> None:
        assert ask("tests.recorded", stage.subject()).says == "tests.none"
        (stage.home / "test-results.json").write_text("[1]")
        assert ask("tests.recorded", stage.subject()).says == "tests.unreadable"


class TestEnvironment:
    def test_the_service_itself_accepts_them(self, stage: Stage) -> None:
        stage.environment(stage.package("source", "a = 1\n"))
        seen = stage.home / "seen.json"
        stage.settings = {"service": {"environment": {"LIMIT": 5, "SEEN": str(seen)}, "secrets": {"KEY": "env:KEY"}}}
        stage.secrets = {"KEY": "a-very-secret-value"}
        found = ask("environment.valid", stage.subject())
        assert (found.status, found.evidence["plain"], found.evidence["secret"]) == (Status.PASS, 3, 1)
        child = json.loads(seen.read_text())
        assert child["environment"]["KEY"] == "a-very-secret-value"
        assert child["environment"]["WORKERS"] == "2", "as many as a release runs"
        assert "a-very-secret-value" not in " ".join(child["argv"])
        assert "HOME" not in child["environment"]
        digest = found.evidence["seen"]["digests"]["KEY"]
        assert len(digest) == 8
        assert "a-very-secret-value" not in json.dumps(found.evidence)

    def test_what_it_refuses_is_named(self, stage: Stage) -> None:
        stage.environment(stage.package("source", "a = 1\n"))
        stage.settings = {"service": {"environment": {"LIMIT": "many", "OPEN_SESAME": "1"}}}
        found = ask("environment.valid", stage.subject())
        assert (found.status, found.evidence["names"]) == (Status.FAIL, ["LIMIT", "OPEN_SESAME"])
        assert found.evidence["first"] == "LIMIT: must be a whole number"

    def test_a_staged_release_is_asked_with_its_own_files(self, stage: Stage) -> None:
        release = stage.release(NEW, "a = 3\n")
        unit = Unit(argv=("x",), host="127.0.0.1", port=1, env={"RELEASE_ID": NEW})
        stage.layout.unit(NEW).write_text(unit.dumps())
        stage.layout.environment(NEW).write_text("LIMIT=oops\n")
        found = ask("environment.valid", stage.subject(release, coming=release))
        assert (found.says, found.evidence["names"]) == ("environment.problems", ["LIMIT"])
        stage.layout.environment(NEW).write_text("LIMIT=7\n")
        assert ask("environment.valid", stage.subject(release, coming=release)).status is Status.PASS

    def test_before_the_first_deploy_the_tools_own_python_asks(self, stage: Stage) -> None:
        assert ask("environment.valid", stage.subject()).status is Status.PASS
        stage.settings = {"service": {"environment": {"LIMIT": "many"}}}
        assert ask("environment.valid", stage.subject()).evidence["names"] == ["LIMIT"]

    def test_a_missing_secret(self, stage: Stage) -> None:
        stage.settings = {"service": {"secrets": {"KEY": "env:NOBODY_SET_THIS"}}}
        found = ask("environment.valid", stage.subject())
        assert (found.status, found.says) == (Status.FAIL, "environment.refused")
        assert "KEY" in found.evidence["problem"]

    def test_code_that_does_not_run(self, stage: Stage) -> None:
        stage.environment(stage.package("source", "raise SystemExit('no good')\n"))
        found = ask("environment.valid", stage.subject())
        assert (found.status, found.says, found.evidence["problem"]) == (Status.FAIL, "environment.silent", "no good")


@pytest.mark.parametrize("check", ["certificate.valid", "monitoring.targets", "logs.sink", "alerts.reach"])
def test_what_this_machine_does_not_have_is_skipped_never_passed(stage: Stage, check: str) -> None:
    found = ask(check, stage.subject())
    assert (found.status, found.evidence) == (Status.SKIP, {"target": "local"})


class TestSecurity:
    def test_private_files(self, stage: Stage) -> None:
        (stage.home / "decodeat-ops.env").touch(mode=0o600)
        assert ask("security.files", stage.subject()).status is Status.PASS

    @pytest.mark.parametrize(
        "open_one",
        ["decodeat-ops.env", "key.txt", "state", "state/run", "backups/x.tar.zst", "state/data/g/decodeat.sqlite3"],
    )
    def test_files_that_others_can_read(self, stage: Stage, open_one: str) -> None:
        stage.settings = {"service": {"secrets": {"KEY": "file:key.txt"}}}
        path = stage.home / open_one
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.touch()
        path.chmod(0o640 if path.is_file() else 0o755)
        found = ask("security.files", stage.subject())
        assert (found.status, found.evidence["count"]) == (Status.FAIL, 1)
        assert found.evidence["files"][0].startswith(path.name)

    def test_a_releases_secrets(self, stage: Stage) -> None:
        stage.release(NEW)
        files.write(stage.layout.secrets(NEW), "KEY=x\n")
        assert ask("security.files", stage.subject()).status is Status.PASS
        stage.layout.secrets(NEW).chmod(0o604)
        assert ask("security.files", stage.subject()).evidence["files"] == ["secrets.env 0604"]

    @pytest.mark.parametrize(
        ("environment", "names"),
        [
            ({"DEBUG": True}, ["DEBUG"]),
            ({"DEBUG": "yes"}, ["DEBUG"]),
            ({"MAP_KEY": "abc", "SOME_TOKEN": "t", "APP_SECRET": "s"}, ["MAP_KEY", "SOME_TOKEN", "APP_SECRET"]),
            ({"DB_PASSWORD": "p"}, ["DB_PASSWORD"]),
            ({"CACHE_URL": "redis://user:pw@host/0"}, ["CACHE_URL"]),
            ({"DEBUG": False, "LOG_LEVEL": "INFO", "MAP_KEY": "", "KEYBOARD": "x"}, []),
        ],
    )
    def test_unsafe_settings(self, stage: Stage, environment: dict[str, Any], names: list[str]) -> None:
        stage.settings = {"service": {"environment": environment}}
        found = ask("security.settings", stage.subject())
        assert found.evidence.get("names", []) == names
        assert found.status is (Status.FAIL if names else Status.PASS)
        assert "pw" not in json.dumps(found.evidence)

    @pytest.mark.parametrize(
        ("host", "status"),
        [
            ("127.0.0.1", Status.PASS),
            ("127.9.9.9", Status.PASS),
            ("::1", Status.PASS),
            ("localhost", Status.PASS),
            ("0.0.0.0", Status.WARN),
            ("192.0.2.7", Status.WARN),
            ("some.host", Status.WARN),
        ],
    )
    def test_address(self, stage: Stage, host: str, status: Status) -> None:
        stage.settings = {"local": {"host": host}}
        assert ask("security.address", stage.subject()).status is status

    @pytest.mark.parametrize(
        ("allowed", "says"),
        [
            (None, "security.origins_none"),
            ("", "security.origins_none"),
            ("http://127.0.0.1:8099", "security.origins_label"),
            (["http://127.0.0.1:8099"], "security.origins_label"),
            ('["http://127.0.0.1:8099"]', "security.origins_label"),
            ("http://127.0.0.1:8099,http://10.0.0.1", "security.origins_open"),
            ("http://127.0.0.1:80", "security.origins_open"),
        ],
    )
    def test_origins(self, stage: Stage, allowed: Any, says: str) -> None:
        environment = {} if allowed is None else {"IMAGE_ALLOWED_ORIGINS": allowed}
        stage.settings = {
            "service": {"environment": environment},
            "checks": {"label_url": "http://127.0.0.1:8099/known-label.png"},
        }
        assert ask("security.origins", stage.subject()).says == says

    def test_user(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        assert ask("security.user", stage.subject()).status is Status.WARN
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        assert ask("security.user", stage.subject()).status is Status.PASS

    @pytest.mark.parametrize("check", ["security.review", "rollback.owner"])
    def test_a_signature_holds_for_this_code(self, stage: Stage, check: str) -> None:
        assert ask(check, stage.subject()).status is Status.MANUAL
        code = stage.subject().code
        signoffs.sign(stage.layout.records, check, "", code, SignOff("Kim", "looked at it", 7))
        assert ask(check, stage.subject()).evidence["operator"] == "Kim"
        stage.package("source", "a = 2\n")
        assert ask(check, stage.subject()).status is Status.MANUAL


class TestPerformance:
    SOAK: dict[str, Any] = {"checks": {"soak_seconds": 0.4, "soak_rate": 50.0, "max_p95_seconds": 60.0}}  # noqa: RUF012 - read only

    def test_first_deploy(self, stage: Stage) -> None:
        assert ask("performance.baseline", stage.subject()).says == "performance.first"

    def test_measures_and_remembers(self, stage: Stage) -> None:
        stage.settings = self.SOAK
        with serving(stage) as (service, subject):
            found = ask("performance.baseline", subject)
        assert (found.status, found.evidence["requests"]) == (Status.PASS, 20)
        assert service.requests == 20
        kept = json.loads((stage.layout.records / "baseline.json").read_text())
        assert kept["releases"][NEW]["p95_ms"] == found.evidence["seen"]["p95_ms"] > 0

    def test_too_slow(self, stage: Stage) -> None:
        stage.settings = {"checks": self.SOAK["checks"] | {"max_p95_seconds": 0.01}}
        with serving(stage, delay=0.05) as (_, subject):
            found = ask("performance.baseline", subject)
        assert (found.status, found.says) == (Status.FAIL, "performance.slow")

    def test_errors_make_no_baseline(self, stage: Stage) -> None:
        stage.settings = self.SOAK
        with serving(stage, fail_every=5) as (_, subject):
            found = ask("performance.baseline", subject)
        assert (found.status, found.evidence["errors"]) == (Status.FAIL, 4)
        assert not (stage.layout.records / "baseline.json").exists()

    def test_a_damaged_baseline_is_said(self, stage: Stage) -> None:
        stage.settings = self.SOAK
        (stage.layout.records / "baseline.json").write_text("{")
        with serving(stage) as (_, subject):
            found = ask("performance.baseline", subject)
        assert (found.status, found.evidence["problem"]) == (Status.FAIL, "baseline.json is damaged.")


class TestRollback:
    def test_first_deploy(self, stage: Stage) -> None:
        assert ask("rollback.previous", stage.subject()).status is Status.SKIP

    def test_what_serves_and_what_served_before_are_whole(self, stage: Stage) -> None:
        stage.release(OLD, "a = 0\n")
        stage.activate(stage.release(NEW))
        found = ask("rollback.previous", stage.subject())
        assert (found.status, found.evidence["kept"]) == (Status.PASS, [NEW, OLD])

    def test_a_changed_file(self, stage: Stage) -> None:
        stage.activate(stage.release(NEW))
        (stage.layout.code(NEW) / "decodeat" / "__init__.py").write_text("a = 5\n")
        assert ask("rollback.previous", stage.subject()).says == "rollback.changed_files"

    def test_no_environment(self, stage: Stage) -> None:
        stage.activate(stage.release(NEW, runs=False))
        assert ask("rollback.previous", stage.subject()).says == "rollback.no_environment"

    def test_an_environment_that_was_half_built(self, stage: Stage) -> None:
        stage.activate(stage.release(NEW))
        python = stage.environment(stage.layout.code(NEW) / "decodeat")
        (python.parents[1] / ".complete").unlink()
        assert ask("rollback.previous", stage.subject()).says == "rollback.no_environment"

    def test_an_environment_that_does_not_run(self, stage: Stage) -> None:
        release = stage.release(NEW, runs=False)
        stage.activate(release)
        python = stage.environment(stage.layout.code(NEW) / "decodeat")
        python.unlink()
        python.write_text("#!/bin/sh\nexit 1\n")
        python.chmod(0o755)
        assert ask("rollback.previous", stage.subject()).says == "rollback.broken_environment"
