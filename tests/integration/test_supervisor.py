"""The supervisor alone, with small programs in a release's place: what it starts, restarts, lets go and ends."""

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.deployments import pids_of
from tests.support.supervised import IGNORES, RELEASE, SHOWS, Supervised, supervised
from tests.support.waiting import PATIENCE, wait_for

__all__ = ["supervised"]

# A master with one worker that misses the first SIGTERM, as one does that is being forked at that moment.
DEAF = """
import os, signal, sys, time
pid = os.fork()
if not pid:
    heard = []
    def hear(*_):
        heard.append(1)
        if len(heard) == 2: os._exit(0)
    signal.signal(signal.SIGTERM, hear)
    print("listens", flush=True)
    while True: time.sleep(1)
def stop(*_):
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)
    os._exit(0)
signal.signal(signal.SIGTERM, stop)
while True: time.sleep(1)
"""
CRASHES = "import sys; print('no luck', flush=True); sys.exit(3)"


def test_a_worker_that_missed_the_signal_is_reminded(supervised: Supervised) -> None:
    supervised.release(DEAF, grace=300.0)
    supervised.start()
    log = supervised.layout.log(RELEASE)
    supervised.wait(lambda: log.exists() and "listens" in log.read_text())
    began = time.monotonic()
    supervised.layout.want(RELEASE).unlink()
    supervised.wait(lambda: not pids_of(supervised.layout.root), 200)
    assert time.monotonic() - began < 200, "it waited for the end of the grace"


def test_what_crashes_is_started_again_with_back_off_and_counted(supervised: Supervised) -> None:
    supervised.release(CRASHES)
    supervised.start()
    supervised.wait(lambda: (k := supervised.store.supervisor().releases.get(RELEASE)) and k.restarts >= 3)
    known = supervised.store.supervisor().releases[RELEASE]
    assert known.last_exit == "exit 3"
    assert supervised.layout.log(RELEASE).read_text().count("no luck") >= 3


def test_what_ignores_the_signal_is_ended_after_its_grace(supervised: Supervised) -> None:
    supervised.release(IGNORES, grace=1.0)
    supervised.start()
    supervised.wait(lambda: supervised.state() == "running")
    supervised.layout.want(RELEASE).unlink()
    supervised.wait(lambda: not pids_of(supervised.layout.root))


def test_a_release_gets_its_sockets_and_nothing_of_the_operators_environment(
    supervised: Supervised, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_OPERATOR", "never")
    supervised.release(SHOWS, env={"OWN": "value"})
    supervised.layout.secrets(RELEASE).write_text("KEY='from the file'\n")
    supervised.start()
    log = supervised.layout.log(RELEASE)
    supervised.wait(lambda: log.exists() and log.read_text().endswith("}\n"))
    shown = json.loads(log.read_text())
    assert shown["names"] == [f"{RELEASE}.sock", ["127.0.0.1", supervised.port]]
    assert shown["env"]["OWN"] == "value"
    assert "SECRET_OF_THE_OPERATOR" not in shown["env"]


def test_a_taken_port_is_told_and_taken_up_once_it_is_free(supervised: Supervised) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", supervised.port))
        taken.listen()
        supervised.release(IGNORES)
        supervised.start()
        supervised.wait(lambda: supervised.state() == "blocked")
        assert "can't listen" in supervised.store.supervisor().releases[RELEASE].problem
    supervised.wait(lambda: supervised.state() == "running")


def test_a_damaged_unit_harms_no_other_release(supervised: Supervised) -> None:
    other = "20260102T000000Z-bbbbbbb"
    supervised.release(IGNORES)
    supervised.release(IGNORES, other)
    supervised.layout.unit(other).write_text("{")
    supervised.start()
    supervised.wait(lambda: supervised.state() == "running")
    supervised.wait(lambda: "unit can't be read" in supervised.store.supervisor().releases[other].problem)


def test_a_second_supervisor_leaves_the_first_alone(supervised: Supervised) -> None:
    supervised.start()
    supervised.wait(lambda: supervised.store.supervisor().pid)
    first = supervised.store.supervisor().pid
    supervised.start()
    assert supervised.store.supervisor().pid == first


def test_told_to_stop_it_takes_its_releases_and_its_standby_with_it(supervised: Supervised) -> None:
    supervised.release(SHOWS)
    supervised.start()
    supervised.wait(lambda: supervised.state() == "running")
    found = supervised.store.supervisor()
    os.kill(found.pid, signal.SIGTERM)
    supervised.wait(lambda: not supervised.store.supervisor().alive)
    assert not pids_of(supervised.layout.root)
    assert supervised.layout.want(RELEASE).exists(), "the wish outlives it: a start brings it back"


def test_a_look_whether_one_runs_keeps_none_from_starting(supervised: Supervised) -> None:
    """To see it, `status` holds the lock for a moment."""
    path = supervised.layout.supervisor_lock
    look = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(look, fcntl.LOCK_SH)
    starting = subprocess.Popen([sys.executable, "-m", "decodeat_ops.supervisor", str(supervised.layout.root)])
    wait_for(lambda: starting.poll() is not None or _has_open(starting.pid, path), otherwise="it does not start")
    fcntl.flock(look, fcntl.LOCK_UN)
    assert starting.wait(PATIENCE) == 0
    supervised.wait(lambda: supervised.store.supervisor().alive)
    os.close(look)


def _has_open(pid: int, path: Path) -> bool:
    with contextlib.suppress(OSError):
        return any(entry.exists() and entry.samefile(path) for entry in Path(f"/proc/{pid}/fd").iterdir())
    return False


STOPPED_MEANWHILE = """
import os, signal, sys
from pathlib import Path
from decodeat_ops.core.layout import Layout
from decodeat_ops.supervisor.sockets import Listeners
from decodeat_ops.supervisor.supervise import Supervisor

class Asked(Supervisor):
    def _moved(self):
        os.kill(os.getpid(), signal.SIGTERM)
        return super()._moved()

layout = Layout(Path(sys.argv[1]))
os.chdir(layout.run)
Asked(layout, os.open(layout.supervisor_lock, os.O_RDWR | os.O_CREAT, 0o600), Listeners()).run()
"""


def test_a_stop_is_heard_at_whatever_moment_it_comes(supervised: Supervised) -> None:
    """Asked while it looked whether its directory was moved, it forgot the request, and was asked only once."""
    argv = [sys.executable, "-c", STOPPED_MEANWHILE, str(supervised.layout.root)]
    subprocess.run(argv, check=True, timeout=PATIENCE)
