"""Test that nothing on disk grows for ever: Python environments, journals, records, signatures, restored logs."""

import json
import os
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from decodeat_ops.application import verbs
from decodeat_ops.application.targets import open_desk
from decodeat_ops.application.workflow import Change
from decodeat_ops.checks import record, signoffs
from decodeat_ops.checks.record import Identity, Record
from decodeat_ops.checks.signoffs import SignOff
from decodeat_ops.core.plan import Plan
from decodeat_ops.deployment import claims, inputs
from decodeat_ops.deployment.machine import Machine
from decodeat_ops.engine import journal
from decodeat_ops.engine.executor import Context
from decodeat_ops.engine.journal import Journal, unfinished
from decodeat_ops.settings.load import load
from decodeat_ops.supervisor.unit import Unit
from decodeat_ops.targets.local.environment_actions import leave_environments
from decodeat_ops.targets.local.release_actions import prune
from tests.support.acting import machine_of


def opened(home: Path, name: str) -> Machine:
    """Open one of several deployments that share their environments."""
    (home / name).mkdir()
    text = f'name = "{name}"\n[local]\nstate_dir = "state"\nenvironments_dir = "../environments"\n'
    (home / name / "decodeat-ops.toml").write_text(text)
    machine = machine_of(open_desk(load(home / name / "decodeat-ops.toml", None, {}), secrets={}))
    inputs.prepare(machine.layout)
    machine.environments.mkdir(exist_ok=True)
    return machine


def build(machine: Machine, name: str) -> Path:
    """Claim an environment, and make it where it is missing, as a deploy does."""
    claims.claim(machine.environments, name, machine.layout.root)
    home = machine.environments / name
    (home / "bin").mkdir(parents=True, exist_ok=True)
    return home


def release(machine: Machine, name: str, environment: str) -> None:
    directory = machine.layout.release(name)
    directory.mkdir(parents=True)
    python = str(machine.environments / environment / "bin" / "python")
    (directory / "unit.json").write_text(Unit(argv=(python, "-m", "gunicorn"), host="127.0.0.1", port=1).dumps())


@pytest.fixture
def one(tmp_path: Path) -> Machine:
    return opened(tmp_path, "one")


@pytest.fixture
def two(tmp_path: Path) -> Machine:
    return opened(tmp_path, "two")


def test_retention_takes_the_environment_that_no_kept_release_runs_in(one: Machine) -> None:
    old, new = build(one, "old"), build(one, "new")
    release(one, "r2", "new")
    prune(one, Context(), {"releases": []})
    assert not old.exists()
    assert new.exists()


def test_the_last_deployment_to_leave_takes_it_away(one: Machine, two: Machine) -> None:
    home = build(one, "shared")
    build(two, "shared")
    assert leave_environments(one, Context(), {}) == {"environments": []}
    assert home.exists()
    assert leave_environments(two, Context(), {}) == {"environments": ["shared"]}
    assert not home.exists()
    assert not (one.environments / ".claims" / "shared").exists()


def test_a_state_that_was_deleted_by_hand_claims_nothing(one: Machine, tmp_path: Path) -> None:
    home = build(one, "shared")
    claims.claim(one.environments, "shared", tmp_path / "gone")
    leave_environments(one, Context(), {})
    assert not home.exists()


def test_what_was_built_before_there_were_claims_or_is_kept_by_hand_stays(one: Machine) -> None:
    earlier, by_hand = one.environments / "earlier", build(one, "by-hand")
    earlier.mkdir()
    claims.claim(one.environments, "earlier", one.layout.root)
    (one.environments / ".claims" / "by-hand" / "kept").touch()
    leave_environments(one, Context(), {})
    assert earlier.exists()
    assert by_hand.exists()


def test_a_release_that_does_not_tell_keeps_them_all(one: Machine) -> None:
    home = build(one, "old")
    release(one, "r1", "new")
    (one.layout.release("r1") / "unit.json").write_text("{")
    leave_environments(one, Context(), {})
    assert home.exists()


def test_remove_says_exactly_what_goes_and_what_stays(one: Machine, two: Machine) -> None:
    alone, shared = build(one, "alone"), build(one, "shared")
    build(two, "shared")
    (one.layout.records / "20260301T010000.000000Z-pre-deploy.jsonl").touch()
    shown = verbs.remove(open_desk(one.loaded, secrets={}), Change(dry_run=True)).data["plan"]
    facts = dict(shown["facts"])
    root = one.layout.root
    for name in ("records", "logs", "journal", "releases", "run", "staging", "wants"):
        assert name in facts["deletes"].partition(": ")[2].split(", "), name
    assert facts["deletes too"] == str(alone)
    stays = facts["stays"].split(", ")
    assert stays == [str(root / "data"), str(root / "format.json"), str(shared), str(one.loaded.files[0])]
    outcome = verbs.remove(open_desk(one.loaded, secrets={}), Change())
    assert outcome.summary == f"Removed. What stays: {facts['stays']}."
    assert not alone.exists()
    assert shared.exists()
    assert sorted(path.name for path in root.iterdir()) == ["data", "format.json"]


def test_old_journals_go_and_open_ones_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "KEPT", 3)
    plan = Plan("backup", "tested", "x", ())
    first = Journal.begin(tmp_path, plan)
    first.close()
    for _ in range(6):
        Journal.begin(tmp_path, plan).end("done")
    (tmp_path / "00000000T000000.000000Z-damaged.jsonl").write_text("not one of ours\n")
    (tmp_path / "20260301T000000.000000Z-deploy.partial").write_bytes(b"killed before it began")
    Journal.begin(tmp_path, plan).end("done")
    left = sorted(tmp_path.glob("*.jsonl"))
    assert len(left) == 5, "three that ended, the open one and the damaged one"
    assert first.path in left
    assert not list(tmp_path.glob("*.partial"))
    first.path.rename(tmp_path / "99999999T000000.000000Z-backup.jsonl")
    assert unfinished(tmp_path) is not None


def test_old_records_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "KEPT", 3)
    identity = Identity("pre-deploy", "r", "c", "s", "h", "t")
    made = [Record.begin(tmp_path, identity).path for _ in range(5)]
    assert set(record.records(tmp_path)) == set(made[-3:])


def test_signatures_that_hold_no_more_go_with_the_next_one(tmp_path: Path) -> None:
    signed = signoffs.sign(tmp_path, "security.review", "", "code", SignOff("operator", "looked at", 1))
    ended = {**asdict(signed), "until": (datetime.now(UTC) - timedelta(days=1)).isoformat()}
    newer = {**ended, "format": signoffs.FORMAT + 1}
    path = tmp_path / "signoffs.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in (ended, newer, asdict(signed))))
    signoffs.sign(tmp_path, "rollback.owner", "", "code", SignOff("operator", "asked", 1))
    left = [json.loads(line) for line in path.read_text().splitlines()]
    assert [each["check"] for each in left] == ["security.review", "security.review", "rollback.owner"]
    assert ended not in left


def test_restored_logs_are_kept_as_long_as_others(one: Machine) -> None:
    old, fresh = one.layout.logs / "restored-old", one.layout.logs / "restored-fresh"
    for place in (old, fresh):
        place.mkdir()
    long_ago = datetime.now(UTC).timestamp() - (one.loaded.settings.logs.keep_days + 1) * 86400
    os.utime(old, (long_ago, long_ago))
    prune(one, Context(), {"releases": []})
    assert not old.exists()
    assert fresh.exists()
