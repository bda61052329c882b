"""Test replacing a dead, stopped, older or moved supervisor: running releases are found, and no request is lost."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from decodeat_ops.supervisor.process import holders
from tests.support.deployments import Deployment, Prober, deployment, pids_of
from tests.support.supervised import RELEASE, Supervised, supervised
from tests.support.waiting import wait_for

__all__ = ["supervised"]
REPOSITORY = Path(__file__).resolve().parents[2]
SERVES = (
    "import os, socket\n"
    "server = socket.socket(fileno=int(os.environ['LISTEN_ON'].split()[1]))\n"
    "while True:\n"
    "    client, _ = server.accept()\n"
    "    client.sendall(b'served')\n"
    "    client.close()\n"
)


def replace(made: Supervised) -> None:
    argv = [sys.executable, "-m", "decodeat_ops.supervisor", str(made.layout.root), "--replace"]
    subprocess.run(argv, check=True, timeout=60)


def kill_both_halves(made: Supervised | Deployment) -> None:
    found = holders(made.layout)
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in found:
            os.kill(pid, number)
    for pidfd in found.values():
        os.close(pidfd)
    wait_for(lambda: not (seen := made.store.supervisor()).alive and not seen.stuck)


def test_one_that_was_stopped_is_not_alive_and_is_replaced(supervised: Supervised) -> None:
    supervised.release(SERVES)
    supervised.start()
    supervised.wait(lambda: supervised.state() == "running")
    first, release = supervised.store.supervisor(), supervised.pid()
    os.kill(first.pid, signal.SIGSTOP)
    supervised.wait(lambda: supervised.store.supervisor().stuck)
    assert not supervised.store.supervisor().alive
    assert supervised.store.supervisor().pid == first.pid
    assert supervised.store.running(supervised.store.supervisor()) == {RELEASE}
    replace(supervised)
    supervised.wait(lambda: supervised.state() == "running")
    assert supervised.store.supervisor().pid not in {first.pid, first.standby}
    assert supervised.pid() == release, "the release went on"


def test_its_sockets_are_taken_with_it_though_no_release_holds_them(supervised: Supervised) -> None:
    """Replace it while a crashed release waits for its next start, and clients wait in the socket's queue."""
    supervised.release("import sys; sys.exit(3)")
    supervised.start()
    supervised.wait(lambda: (k := supervised.store.supervisor().releases.get(RELEASE)) and k.restarts >= 5)
    with socket.create_connection(("127.0.0.1", supervised.port), timeout=60) as client:
        supervised.release(SERVES)
        replace(supervised)
        assert client.recv(100) == b"served"


def test_a_supervisor_whose_directory_was_moved_ends(supervised: Supervised) -> None:
    supervised.start()
    supervised.wait(lambda: supervised.store.supervisor().alive)
    moved = supervised.layout.root.rename(supervised.layout.root.with_name("moved"))
    supervised.layout = type(supervised.layout)(moved)
    supervised.store = type(supervised.store)(supervised.layout)
    assert not supervised.store.supervisor().alive, "it works for another place"
    supervised.wait(lambda: not supervised.store.supervisor().stuck)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Deployment]:
    with deployment(tmp_path, ready=60.0) as made:
        made.deploy()
        yield made


@pytest.mark.share(3)
def test_stop_and_remove_end_what_runs_without_a_supervisor(served: Deployment) -> None:
    kill_both_halves(served)
    status = served.run("status", "--json")
    assert status.status == 4
    assert "the supervisor is not running" in status.json["data"]["problems"]
    served.ok("stop", "--yes")
    assert pids_of(served.state) == []
    served.ok("start", "--yes")
    kill_both_halves(served)
    served.ok("remove", "--yes", "--name", "tested-production")
    assert pids_of(served.state) == []
    assert not served.layout.releases.exists()


@pytest.mark.share(3)
def test_a_stopped_supervisor_is_said_and_start_replaces_it(served: Deployment) -> None:
    release = served.serving()
    stopped = served.store.supervisor().pid
    os.kill(stopped, signal.SIGSTOP)
    wait_for(lambda: served.store.supervisor().stuck)
    status = served.run("status", "--json")
    assert status.status == 4, str(status)
    assert f"the supervisor (process {stopped}) does not answer" in status.json["data"]["problems"]
    doctor = served.run("doctor", "--json")
    assert "machine.supervisor_stuck" in doctor.stdout or "does not answer" in doctor.stdout, str(doctor)
    with Prober(served) as prober:
        assert served.ok("start", "--yes")["changed"] == 1
    assert not prober.failures
    assert set(prober.seen) == {release}
    assert served.store.supervisor().alive
    assert served.run("status", "--json").status == 0


@pytest.mark.share(3)
def test_a_deploy_replaces_an_older_supervisor_and_no_request_is_lost(served: Deployment, tmp_path: Path) -> None:
    older = tmp_path / "older"
    shutil.copytree(REPOSITORY / "decodeat_ops", older / "decodeat_ops")
    version = older / "decodeat_ops" / "__init__.py"
    version.write_text(version.read_text().replace("__version__ = ", '__version__ = "0.0.9"  # '))
    before = served.serving()
    argv = [sys.executable, "-m", "decodeat_ops.supervisor", str(served.state), "--replace"]
    with Prober(served) as prober:
        subprocess.run(argv, cwd=older, check=True, timeout=60)
        wait_for(lambda: (seen := served.store.supervisor()).alive and seen.version == "0.0.9")
        assert served.store.supervisor().older
        assert "supervisor 0.0.9, this tool" in served.run("status").stdout
        after = served.deploy_again()
    assert not prober.failures
    assert set(prober.seen) == {before, after}
    assert not served.store.supervisor().older


@pytest.mark.share(3)
def test_a_state_directory_that_was_moved_while_stopped_can_be_started(served: Deployment) -> None:
    release = served.serving()
    served.ok("stop", "--yes")
    parent = served.state.parent
    served.state = parent.rename(parent.with_name("moved")) / served.state.name
    served.write()
    served.ok("start", "--yes")
    served.wait_serving(release)
    assert served.run("status", "--json").status == 0
