"""What crashes, lies or is killed: bad releases never take traffic, and what served comes back by itself."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from decodeat_ops.engine.journal import read, unfinished
from tests.support.deployments import REPOSITORY, Deployment, Prober, deployment, make_source, pids_of
from tests.support.waiting import wait_for

pytestmark = pytest.mark.faults

GOOD = 60.0  # seconds within which a good release must be ready on a busy machine


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, source: Path) -> Iterator[Deployment]:
    with deployment(tmp_path_factory.mktemp("served"), source=source) as made:
        made.deploy()
        yield made


def begin_deploy(made: Deployment) -> subprocess.Popen[str]:
    argv = made.argv("deploy", "--yes", "--json")
    return subprocess.Popen(argv, cwd=made.home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.share(3)
@pytest.mark.parametrize(
    ("fault", "said", "shown"),
    [
        ("crash", "crashed while starting", "this release crashes at boot on purpose"),
        ("never-ready", "was not ready within ", "/ready answers 503: test: never"),
        ("answers-500", "/api/v1/analyze answered 500", ""),
        ("wrong-id", "reports the release id 20000101T000000Z-0000000", ""),
    ],
)
def test_a_bad_release_never_takes_traffic(
    served: Deployment, source: Path, tmp_path: Path, fault: str, said: str, shown: str
) -> None:
    before = served.serving()
    served.source = make_source(tmp_path / "bad", fault)
    try:
        with Prober(served) as prober:
            for served.ready in (8.0, GOOD) if fault == "never-ready" else (GOOD,):  # it must have booted by then
                served.write()
                ran = served.run("deploy", "--yes", "--json")
                assert ran.status == 5, str(ran)
                error = ran.json["error"]
                if shown in error["what"] + "\n".join(error["lines"]):
                    break
    finally:
        served.source, served.ready = source, GOOD
        served.write()
    assert said in error["what"]
    assert error["lines"], "its own log lines are shown"
    assert shown in error["what"] + "\n".join(error["lines"])
    assert "undone" in error["state"]
    assert set(prober.seen) == {before}
    assert not prober.failures
    assert unfinished(served.layout.journals) is None
    assert served.store.releases()[0].id == before


def test_a_killed_worker_comes_back(served: Deployment) -> None:
    release = served.serving()
    master = served.store.supervisor().releases[release].pid
    (worker,) = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    os.kill(int(worker), signal.SIGKILL)
    wait_for(
        lambda: Path(f"/proc/{master}/task/{master}/children").read_text().split() not in ([], [worker]),
        otherwise="no new worker",
    )
    served.wait_serving(release)
    assert served.store.supervisor().releases[release].restarts == 0


def test_a_killed_service_comes_back_and_status_says_so(served: Deployment) -> None:
    release = served.serving()
    before = served.store.supervisor().releases[release].restarts
    for pid in pids_of(served.state):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    served.wait_serving(release)
    status = served.run("status", "--json")
    known = status.json["data"]["releases"][release]
    assert known["restarts"] == before + 1
    assert "9" in known["last_exit"]


def test_a_killed_supervisor_is_replaced_and_nobody_notices(served: Deployment) -> None:
    release = served.serving()
    old = served.store.supervisor()
    with Prober(served) as prober:
        os.kill(old.pid, signal.SIGKILL)
        wait_for(lambda: served.store.supervisor().pid == old.standby, otherwise="the standby did not take over")
        wait_for(lambda: served.store.supervisor().standby not in {0, old.standby}, otherwise="no new standby")
        asked = sum(prober.seen.values())
        wait_for(lambda: sum(prober.seen.values()) > asked + 5, otherwise="nobody answers any more")
    assert not prober.failures
    assert set(prober.seen) == {release}
    served.deploy_again()


@pytest.mark.share(3)
def test_both_halves_of_the_supervisor_killed_and_one_command_brings_it_back(served: Deployment) -> None:
    release = served.serving()
    old = served.store.supervisor()
    with Prober(served) as prober:
        os.kill(old.pid, signal.SIGSTOP)
        os.kill(old.standby, signal.SIGKILL)
        os.kill(old.pid, signal.SIGKILL)
        wait_for(lambda: not served.store.supervisor().alive, otherwise="still alive")
        status = served.run("status", "--json")
        assert status.status == 4
        assert "the supervisor is not running" in status.json["data"]["problems"]
        assert served.serving() == release
        served.ok("start", "--yes")
        wait_for(lambda: served.run("status", "--json").status == 0, otherwise="status is not well again")
    assert not prober.failures
    served.deploy_again()


def test_a_reboot_brings_it_back_with_one_start(served: Deployment) -> None:
    """Everything is gone at once, as after a power cut; what is on disk says what ran."""
    release = served.serving()
    served.destroy()
    wait_for(lambda: not served.store.supervisor().alive and not pids_of(served.state), otherwise="still alive")
    served.ok("start", "--yes")
    served.wait_serving(release)


@pytest.mark.share(3)
@pytest.mark.parametrize(
    "step", ["switch", *(pytest.param(step, marks=pytest.mark.proof) for step in ("start", "probe", "confirm"))]
)
def test_a_reboot_in_the_middle_of_a_deploy_brings_back_what_served(served: Deployment, step: str) -> None:
    """A unit or a line of the crontab runs `start --yes`; nobody is there to settle the deploy first."""
    release = served.serving()
    served.configure(MAX_REQUESTS=int(served.variables.get("MAX_REQUESTS", 1000)) + 1)
    argv = [sys.executable, "-m", "tests.faults.driver", str(served.home / "decodeat-ops.toml"), "deploy", step, "kill"]
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, timeout=200, check=False)
    assert done.returncode == -signal.SIGKILL, done
    served.destroy()
    wait_for(lambda: not served.store.supervisor().alive and not pids_of(served.state))
    served.ok("start", "--yes")
    assert served.serving() == release
    assert unfinished(served.layout.journals) is None
    assert served.store.releases()[0].id == release, "the new one is gone"
    assert served.run("status", "--json").status == 0


@pytest.mark.share(3)
def test_two_deploys_at_once_and_a_backup_during_a_deploy(served: Deployment) -> None:
    served.configure(MAX_REQUESTS=int(served.variables.get("MAX_REQUESTS", 1000)) + 1)
    first = subprocess.Popen(
        served.argv("deploy", "--yes", "--json"),
        cwd=served.home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: unfinished(served.layout.journals) is not None, otherwise="the first deploy has not begun")
    first.send_signal(signal.SIGSTOP)  # it stays in the middle for as long as the others take
    second = served.run("deploy", "--yes", "--json")
    backup = served.run("backup", "--json")
    first.send_signal(signal.SIGCONT)
    output, _ = first.communicate(timeout=300)
    assert first.returncode == 0, output
    for refused in (second, backup):
        assert refused.status == 7, str(refused)
        assert f"process {first.pid}" in refused.json["error"]["what"]
        assert "deploy by" in refused.json["error"]["what"]
    assert served.serving() == json.loads(output)["data"]["release"]


@pytest.mark.share(3)
def test_a_first_deploy_that_fails_leaves_nothing_running(tmp_path: Path) -> None:
    with deployment(tmp_path, source=make_source(tmp_path / "source", "crash")) as made:
        ran = made.run("deploy", "--yes", "--json")
        assert ran.status == 5, str(ran)
        assert not made.store.supervisor().alive
        assert pids_of(made.state) == []
        assert made.store.releases() == ()
        status = made.run("status", "--json")
        assert status.status == 8


@pytest.mark.share(3)
def test_ctrl_c_stops_at_a_safe_place_and_both_ways_are_open(served: Deployment, source: Path, tmp_path: Path) -> None:
    before = served.serving()
    served.source, served.ready = make_source(tmp_path / "slow", "never-ready"), 15.0
    served.write()
    try:
        for then in ("deploy", "resume"):
            earlier = unfinished(served.layout.journals)
            going = begin_deploy(served)
            wait_for(lambda: "probe" in _begun(served, earlier), otherwise="the probe has not begun")  # noqa: B023
            going.send_signal(signal.SIGINT)
            output, _ = going.communicate(timeout=300)
            assert going.returncode == 130, output
            assert "resume" in json.loads(output)["error"]["hint"]
            assert served.serving() == before
            if then == "resume":
                ran = served.run("resume", "--yes", "--json")  # goes on, finds the release unready, undoes it
                assert ran.status == 5, str(ran)
    finally:
        served.source, served.ready = source, GOOD
        served.write()
    served.ok("deploy", "--yes")
    assert unfinished(served.layout.journals) is None


def _begun(made: Deployment, earlier: Path | None) -> list[str]:
    """Steps of the open journal, unless it is the earlier one, which a deploy undoes first."""
    path = unfinished(made.layout.journals)
    return [] if path is None or path == earlier else read(path).begun
