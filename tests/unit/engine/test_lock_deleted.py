"""A lock file that is deleted while somebody waits for it, as `remove` does, and a label that is not its holder's."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from decodeat_ops.application import locks, verbs
from decodeat_ops.application.targets import open_desk
from decodeat_ops.application.workflow import Change, carry_out
from decodeat_ops.core.errors import Locked
from decodeat_ops.core.outcome import Outcome
from decodeat_ops.core.owner import Owner
from decodeat_ops.core.plan import Action, Plan, Step
from decodeat_ops.deployment.places import layout_of
from decodeat_ops.engine.lock import held, holder
from decodeat_ops.settings.load import load
from decodeat_ops.settings.schema import Loaded
from tests.support.acting import acting, machine_of
from tests.support.waiting import wait_for


@contextmanager
def taken(path: Path) -> Iterator[int]:
    """Hold the lock as another process would, without a name in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def until_waited_for(path: Path) -> None:
    """Wait until somebody else in this process has opened the file too."""
    wanted = path.stat().st_ino
    wait_for(lambda: sum(inode_of(entry) == wanted for entry in Path("/proc/self/fd").iterdir()) > 1)


def inode_of(descriptor: Path) -> int:
    try:
        return descriptor.stat().st_ino
    except OSError:
        return 0


def test_who_waited_for_a_deleted_lock_takes_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "state" / "lock"
    got, release = threading.Event(), threading.Event()

    def waits() -> None:
        with held(path, "deploy", wait=60):
            got.set()
            release.wait(60)

    waiting = threading.Thread(target=waits)
    with taken(path):
        waiting.start()
        until_waited_for(path)
        shutil.rmtree(path.parent)
    try:
        assert got.wait(60)
        assert holder(path) is not None, "it holds a file that nobody else can find"
        with pytest.raises(Locked), held(path, "backup"):
            pass
    finally:
        release.set()
        waiting.join(60)


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    (tmp_path / "decodeat-ops.toml").write_text('name = "tested"\n[local]\nstate_dir = "state"\n')
    return load(tmp_path / "decodeat-ops.toml", None, {})


def test_a_change_that_waited_for_a_removal_begins_afresh(loaded: Loaded) -> None:
    desk = acting(open_desk(loaded, secrets={}), {"nothing": lambda context, params: None})
    layout = machine_of(desk).layout
    plan = Plan("deploy", "tested-production", "r1", (Step("one", "One", Action("nothing")),))
    answered: list[Outcome] = []

    def change() -> None:
        how = Change(lock_wait=60)
        answered.append(carry_out(desk, "deploy", lambda seen: plan, how, lambda p, r: Outcome("deploy", "Done.")))

    with taken(layout.lock):
        thread = threading.Thread(target=change)
        thread.start()
        until_waited_for(layout.lock)
        shutil.rmtree(layout.root)
    thread.join(60)
    assert [outcome.summary for outcome in answered] == ["Done."]


def test_the_end_of_a_removal_deletes_no_lock_that_another_command_holds(loaded: Loaded) -> None:
    layout = layout_of(loaded)
    layout.journals.mkdir(parents=True)
    with taken(layout.lock):
        verbs.remove(open_desk(loaded, secrets={}), Change())
        assert layout.lock.exists()
        assert layout.journals.exists()
    verbs.remove(open_desk(loaded, secrets={}), Change())
    assert not layout.root.exists()


def test_only_who_holds_the_lock_is_interrupted(loaded: Loaded) -> None:
    """A label may be that of an earlier holder, whose number another process has now."""
    layout = layout_of(loaded)
    with subprocess.Popen(["/usr/bin/sleep", "600"]) as innocent, taken(layout.lock) as descriptor:
        label = {"verb": "deploy", "user": "somebody", "pid": innocent.pid, "since": "2026-01-01T00:00:00+00:00"}
        os.pwrite(descriptor, json.dumps(label).encode().ljust(511) + b"\n", 0)
        try:
            with pytest.raises(Locked, match="not the one that holds it"):
                locks.release(loaded, holder(layout.lock))
            assert innocent.poll() is None
        finally:
            innocent.send_signal(signal.SIGKILL)


def test_another_command_than_the_one_asked_about_is_not_interrupted(loaded: Loaded) -> None:
    layout = layout_of(loaded)
    layout.root.mkdir(parents=True)
    asked_about = Owner("backup", "somebody", os.getpid(), "2026-01-01T00:00:00+00:00")
    with held(layout.lock, "deploy"):
        outcome = locks.release(loaded, asked_about)
        assert outcome.changed == 0
        assert "deploy" in outcome.summary
