"""How this machine starts things is looked at once for a plan of a deploy, whatever the plan comes to."""

import fcntl
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType

import pytest

from decodeat_ops.application import verbs
from decodeat_ops.application.targets import open_desk
from decodeat_ops.application.workflow import Change
from decodeat_ops.core.outcome import Outcome
from decodeat_ops.deployment import files, inputs, source
from decodeat_ops.settings import trust
from decodeat_ops.targets.local import boot, configuration
from tests.support.ports import free_port
from tests.unit.checks.stage import NEW, Stage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """Make a stage where NEW serves, with the code and settings that would be deployed."""
    made = Stage(tmp_path, {"local": {"port": free_port()}, "checks": {"label_url": ""}})
    for name in ("environments", "backups"):
        trust.private_directory(tmp_path / name)
    fingerprint = configuration.fingerprint(source.read(made.loaded), made.loaded)
    secrets = inputs.secrets_digest({}, made.layout)
    release = replace(made.release(NEW), fingerprint=fingerprint, secrets=secrets)
    files.write(made.layout.manifest(NEW), json.dumps(release.as_json()))
    made.activate(release)
    descriptor = os.open(made.layout.supervisor_lock, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    # Without a time of its own, as an earlier version wrote it: its process is looked at, however busy this machine is.
    status = {"pid": os.getpid(), "releases": {NEW: {"state": "running", "pid": os.getpid()}}}
    files.write(made.layout.supervisor_status, json.dumps(status))
    yield made
    os.close(descriptor)


def looked(stage: Stage) -> tuple[Outcome, int]:
    """Return what a dry run of a deploy comes to, and how often `boot.look` was called for it."""
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call" and frame.f_code is boot.look.__code__

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        return verbs.deploy(open_desk(stage.loaded), Change(dry_run=True)), calls
    finally:
        sys.setprofile(before)


@pytest.mark.parametrize(
    ("systemd", "changed", "last"),
    [(True, False, "boot"), (True, True, "boot"), (False, True, "prune"), (False, False, "")],
    ids=["would not come back", "changed", "changed, no systemd", "0 changed"],
)
def test_once_for_a_plan(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, systemd: bool, changed: bool, last: str
) -> None:
    monkeypatch.setattr(boot, "RUNNING", stage.home if systemd else stage.home / "gone")
    if changed:
        stage.package("source", "a = 2\n")
    outcome, calls = looked(stage)
    steps = [step["id"] for step in outcome.data["plan"]["steps"]] if "plan" in outcome.data else [""]
    assert (steps[-1], len(steps) > 1) == (last, changed), outcome
    assert calls == 1
