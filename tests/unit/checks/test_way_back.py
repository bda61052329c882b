"""Test that the check reports no rollback as ready that would be refused, and that a rollback needs nothing else."""

import json
import socket
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from decodeat_ops.application.migrations import allow_rollback
from decodeat_ops.checks import label, lists
from decodeat_ops.checks.run import run
from decodeat_ops.core.check import Finding, Status
from decodeat_ops.core.errors import GateFailed, Usage
from decodeat_ops.deployment.release import LocalRelease
from decodeat_ops.deployment.source import tree_digest
from decodeat_ops.engine.executor import Context, Results
from tests.support.ports import free_port
from tests.unit.checks.stage import NEW, OLD, Stage, serving

# Answers --schema as the service does; `REVERSIBLE` says whether the second step is reversible.
MAIN = """
import json
steps = [{"id": "0001", "title": "The first", "reversible": True, "lossless": True},
         {"id": "0002", "title": "Another meaning", "reversible": REVERSIBLE, "lossless": True}]
print(json.dumps({"ok": True, "revisions": steps}))
"""


@pytest.fixture
def stage(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(label, "PATIENCE", 0.3)
    return stage


def knows(package: Path, *revisions: str, reversible: bool) -> None:
    steps = package / "migrations" / "versions"
    steps.mkdir(parents=True)
    for revision in revisions:
        (steps / f"r{revision}_step.py").touch()
    (package / "__main__.py").write_text(MAIN.replace("REVERSIBLE", str(reversible)))


def released(stage: Stage, reversible: bool) -> LocalRelease:
    """Make a release with two steps; its digest is computed again, since the steps were added after its code."""
    release = stage.release(NEW)
    package = stage.layout.code(NEW) / "decodeat"
    knows(package, "0001", "0002", reversible=reversible)
    release = replace(release, code=tree_digest(package))
    stage.layout.manifest(NEW).write_text(json.dumps(release.as_json()))
    return release


def gate(stage: Stage, checks: Sequence[str], endpoint: str) -> Results:
    """Carry out a gate of NEW, as the step of a plan does."""
    params = {"checks": list(checks), "release": NEW, "endpoint": endpoint}
    return stage.desk.actions["gate"](Context(), params) or {}


def at(stage: Stage, release: LocalRelease, revision: str) -> None:
    with closing(sqlite3.connect(stage.layout.database(release.data))) as connection, connection:
        connection.executescript(
            f"CREATE TABLE alembic_version (version_num); INSERT INTO alembic_version VALUES ('{revision}')"
        )


def previous(stage: Stage) -> Finding:
    (found,) = run(("rollback.previous",), stage.subject())
    return found


@pytest.mark.parametrize("reversible", [True, False])
def test_the_check_and_the_rollback_decide_alike(stage: Stage, reversible: bool) -> None:
    old = stage.release(OLD, "a = 0\n")
    new = released(stage, reversible)
    knows(stage.home / "source" / "decodeat", "0001", "0002", reversible=reversible)
    stage.activate(new)
    at(stage, new, "0002")
    found = previous(stage)
    if reversible:
        assert (found.status, found.says) == (Status.PASS, "rollback.ready")
        allow_rollback(stage.desk, old, stage.desk.target.observe())
    else:
        assert (found.status, found.says, found.evidence["steps"]) == (Status.WARN, "rollback.crossed", ["0002"])
        with pytest.raises(Usage, match="0002"):
            allow_rollback(stage.desk, old, stage.desk.target.observe())


def test_a_migration_that_the_coming_deploy_brings_is_foretold(stage: Stage) -> None:
    serves = stage.release(NEW)
    stage.activate(serves)
    at(stage, serves, "0001")
    assert previous(stage).status is Status.PASS
    package = stage.home / "source" / "decodeat"
    knows(package, "0001", "0002", reversible=False)
    stage.environment(package)
    found = previous(stage)
    assert (found.status, found.says, found.evidence["steps"]) == (Status.WARN, "rollback.will_cross", ["0002"])


class TestAPortThatIsTaken:
    @pytest.fixture
    def taken(self, stage: Stage) -> Stage:
        stage.settings = {"checks": {"label_url": f"http://127.0.0.1:{free_port()}/known-label.png"}}
        return stage

    def test_keeps_no_rollback_from_its_way_and_is_told(self, taken: Stage) -> None:
        url = label.is_ours(taken.loaded.settings.checks.label_url)
        assert url is not None
        with serving(taken), socket.socket() as other:
            other.bind(("127.0.0.1", url.port or 0))
            other.listen()
            told = gate(taken, lists.GATES.candidate, "private")
        assert [str(url.port) in warning for warning in told["warnings"]] == [True]

    def test_refuses_a_deploy_before_it_starts_anything(self, taken: Stage) -> None:
        url = label.is_ours(taken.loaded.settings.checks.label_url)
        assert url is not None
        taken.release(NEW)
        with socket.socket() as other:
            other.bind(("127.0.0.1", url.port or 0))
            other.listen()
            with pytest.raises(GateFailed, match=str(url.port)):
                gate(taken, ["machine.label_port"], "none")
        assert "machine.label_port" in lists.GATES.before
        assert "machine.label_port" not in lists.GATES.candidate + lists.GATES.after
