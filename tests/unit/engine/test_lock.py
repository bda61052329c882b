"""Given two commands at once, a killed one, a full disk: who holds the lock and what it says."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from decodeat_ops.core.errors import Locked
from decodeat_ops.engine.lock import held, holder

HOLD = (
    "import sys, time; from pathlib import Path; from decodeat_ops.engine.lock import held\n"
    "with held(Path(sys.argv[1]), 'deploy'):\n    print('held', flush=True); time.sleep(600)"
)


def other_process(path: Path) -> subprocess.Popen[str]:
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    return other


def test_the_second_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    other = other_process(path)
    try:
        with pytest.raises(Locked) as caught, held(path, "backup"):
            pass
        assert caught.value.code == 7
        assert f"deploy by {holder(path).user} (process {other.pid})" in caught.value.advice.what  # type: ignore[union-attr]
    finally:
        other.kill()
        other.wait()


def test_a_killed_holder_leaves_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    other = other_process(path)
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert holder(path) is None
    with held(path, "backup") as owner:
        assert owner.pid == os.getpid()


def test_waiting_takes_over_once_it_is_free(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    other = other_process(path)
    before = time.monotonic()
    subprocess.Popen([sys.executable, "-c", f"import os, time; time.sleep(0.5); os.kill({other.pid}, 9)"])
    with held(path, "backup", wait=60):
        assert time.monotonic() - before > 0.4
    other.wait()


def test_no_lock_file_means_nobody(tmp_path: Path) -> None:
    assert holder(tmp_path / "none") is None


def test_a_look_at_the_lock_keeps_no_command_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To see whether it is free, `status` holds it for a moment."""
    path = tmp_path / "lock"
    look = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(look, fcntl.LOCK_SH)
    monkeypatch.setattr("decodeat_ops.engine.lock.time.sleep", lambda seconds: fcntl.flock(look, fcntl.LOCK_UN))
    with held(path, "deploy") as owner:
        assert owner.pid == os.getpid()
    os.close(look)


def test_a_pipe_in_place_of_the_lock_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    os.mkfifo(path)
    assert holder(path) is None
