"""Test that after a killed removal the next deploy works as usual, and `resume` leaves nothing behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.deployments import REPOSITORY, Deployment, deployment, make_source

pytestmark = pytest.mark.share(3)

KILLED = """
import os, signal, sys
from pathlib import Path
from decodeat_ops.application import verbs
from decodeat_ops.application.settings import load
from decodeat_ops.application.targets import open_desk
from decodeat_ops.application.workflow import Change
from decodeat_ops.core import events

def watch(event):
    if isinstance(event, events.StepStarted) and event.step.id == "remove-state":
        os.kill(os.getpid(), signal.SIGKILL)

desk = open_desk(load(Path(sys.argv[1]), None, {}), secrets={})
verbs.remove(desk, Change(emit=watch), delete_data=True, delete_backups=True)
"""


@pytest.fixture
def killed(tmp_path: Path) -> Iterator[Deployment]:
    """Make a deployment whose removal was killed just before anything was deleted."""
    with deployment(tmp_path / "world", source=make_source(tmp_path / "source"), ready=60.0) as made:
        made.deploy()
        argv = [sys.executable, "-c", KILLED, str(made.home / "decodeat-ops.toml")]
        done = subprocess.run(argv, env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, check=False)
        assert done.returncode == -signal.SIGKILL
        yield made


def test_a_deploy_after_it_finds_every_directory_private(killed: Deployment) -> None:
    old = os.umask(0o022)
    try:
        for _ in range(2):
            killed.deploy_again()
    finally:
        os.umask(old)
    for path in killed.state.iterdir():
        if path.is_dir() and not path.is_symlink():
            assert path.stat().st_mode & 0o077 == 0, path
    assert killed.ok("deploy", "--yes")["changed"] == 0  # digests of secrets are salted as before


def test_resume_leaves_no_journal_and_no_lock(killed: Deployment) -> None:
    told = killed.ok("resume", "--yes")
    assert told["changed"] == 1
    assert not killed.state.exists()
    assert killed.ok("resume", "--yes")["changed"] == 0


def test_removing_again_takes_what_a_kill_at_the_very_end_left(killed: Deployment) -> None:
    killed.ok("resume", "--yes")
    killed.layout.journals.mkdir(parents=True)
    killed.layout.lock.touch()
    killed.ok("remove", "--yes", "--name", "tested-production")
    assert not killed.state.exists()
