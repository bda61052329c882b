"""Test that the question whether a file is locked leads nowhere else, and waits for no other process."""

import fcntl
import os
from pathlib import Path

from decodeat_ops.core.layout import Layout
from decodeat_ops.deployment import files
from decodeat_ops.deployment.store import Store


def test_a_lock_is_that_of_the_file_itself(tmp_path: Path) -> None:
    held, link = tmp_path / "held", tmp_path / "link"
    link.symlink_to(held)
    assert not files.is_locked(held), "it is not there"
    with held.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        assert files.is_locked(held)
        assert not files.is_locked(link)
    assert not files.is_locked(held)


def test_a_pipe_in_place_of_the_supervisor_s_lock_is_no_supervisor(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.supervisor_lock.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(layout.supervisor_lock)
    assert not Store(layout).supervisor().alive
