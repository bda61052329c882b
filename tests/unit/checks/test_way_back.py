"""Test that the check reports no rollback as ready that would be refused, and that a rollback needs nothing else."""

import json
import socket
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from decodeat_ops.checks import label, lists
from decodeat_ops.checks.run import run
from decodeat_ops.checks.words import sentence
from decodeat_ops.core.check import Finding, Status
from decodeat_ops.core.errors import GateFailed, Usage
from decodeat_ops.deployment.observed import observe
from decodeat_ops.deployment.release import LocalRelease
from decodeat_ops.deployment.source import tree_digest
from decodeat_ops.deployment.tools import Tools
from decodeat_ops.engine.executor import Context
from decodeat_ops.targets.local.traffic_actions import gate
from decodeat_ops.application.migrations import allow_rollback
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


def asking(stage: Stage) -> Tools:
    """Return tools as the wiring opens them, with checks."""
    return replace(stage.tools, ask=run, say=sentence)


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
        allow_rollback(stage.tools, old, observe(stage.tools.store))
    else:
        assert (found.status, found.says, found.evidence["steps"]) == (Status.WARN, "rollback.crossed", ["0002"])
        with pytest.raises(Usage, match="0002"):
            allow_rollback(stage.tools, old, observe(stage.tools.store))


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
            tools = asking(taken)
            params = {"checks": list(lists.CANDIDATE_GATE), "release": NEW, "endpoint": "private"}
            told = gate(Context(tools), params)
        assert told is not None
        assert [str(url.port) in warning for warning in told["warnings"]] == [True]

    def test_refuses_a_deploy_before_it_starts_anything(self, taken: Stage) -> None:
        url = label.is_ours(taken.loaded.settings.checks.label_url)
        assert url is not None
        taken.release(NEW)
        with socket.socket() as other:
            other.bind(("127.0.0.1", url.port or 0))
            other.listen()
            params = {"checks": ["machine.label_port"], "release": NEW, "endpoint": "none"}
            with pytest.raises(GateFailed, match=str(url.port)):
                gate(Context(asking(taken)), params)
        assert "machine.label_port" in lists.PRE_GATE
        assert "machine.label_port" not in lists.CANDIDATE_GATE + lists.POST_GATE
