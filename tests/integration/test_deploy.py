"""Given a deployment on this machine: what a second run, a third release, another port or another user find."""

import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from decodeat_ops.engine.journal import read, unfinished
from tests.support.deployments import ENVIRONMENTS, REPOSITORY, STATE, Deployment, Prober, deployment, make_source
from tests.support.ports import free_port
from tests.support.waiting import wait_for


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, source: Path) -> Iterator[Deployment]:
    with deployment(tmp_path_factory.mktemp("served"), source=source, keep=3) as made:
        made.deploy()
        yield made


def fingerprint(state: Path) -> dict[str, tuple[int, int]]:
    """Every file's size and time of change; what runs goes on writing its log and database."""
    living = {"logs", "run", "data"}
    return {
        str(path.relative_to(state)): (path.lstat().st_mtime_ns, path.lstat().st_size)
        for path in state.rglob("*")
        if path.relative_to(state).parts[0] not in living
    }


def test_a_second_deploy_changes_writes_and_restarts_nothing(served: Deployment) -> None:
    before, supervisor = fingerprint(served.state), served.store.supervisor()
    envelope = served.ok("deploy", "--yes")
    assert envelope["changed"] == 0
    assert "0 changed" in envelope["summary"]
    assert fingerprint(served.state) == before
    assert served.store.supervisor().releases == supervisor.releases


def test_the_release_answers_with_its_id_in_header_and_body(served: Deployment) -> None:
    status, headers, body = served.get("/health")
    assert status == 200
    assert headers["x-release-id"] == json.loads(body)["release"] == served.store.active_id()


def test_a_dry_run_shows_the_plan_and_touches_nothing(served: Deployment) -> None:
    served.configure(MAX_REQUESTS=901)
    before = fingerprint(served.state)
    plan = served.ok("deploy", "--dry-run")["data"]["plan"]
    assert [step["id"] for step in plan["steps"]][-2:] == ["drain", "prune"]
    assert fingerprint(served.state) == before


class Held:
    """Hold a request under way until the test releases it."""

    def __init__(self, served: Deployment, directory: Path) -> None:
        began, self._until = directory / "began", directory / "until"
        path = f"/test/held?began={began}&until={self._until}"
        self.statuses: list[int] = []
        self._thread = threading.Thread(target=lambda: self.statuses.append(served.get(path, timeout=300)[0]))
        self._thread.start()
        wait_for(began.exists, otherwise="the request was not taken")

    def let_go(self) -> None:
        self._until.touch()
        self._thread.join()


@pytest.mark.share(3)
def test_a_third_deploy_waits_for_the_draining_one(served: Deployment, tmp_path: Path) -> None:
    """A slow request keeps the first release alive; the third may start only when it has ended."""
    served.configure(MAX_REQUESTS=902)
    first = served.deploy()
    slow = Held(served, tmp_path)
    try:
        served.configure(MAX_REQUESTS=903)
        second = served.deploy()
        assert served.store.draining() == {first}
        served.configure(MAX_REQUESTS=904)
        plan = served.ok("deploy", "--dry-run")["data"]["plan"]
        assert plan["steps"][3]["id"] == "wait", [s["id"] for s in plan["steps"]]
        third = subprocess.Popen(served.argv("deploy", "--yes", "--json"), cwd=served.home, stdout=subprocess.PIPE)
        wait_for(lambda: "wait" in _begun(served), otherwise="it does not come to its waiting")
        assert (third.poll(), slow.statuses, served.serving()) == (None, [], second)
    finally:
        slow.let_go()
    output, _ = third.communicate(timeout=300)
    assert (third.returncode, slow.statuses) == (0, [200]), output
    assert served.serving() == json.loads(output)["data"]["release"]


def _begun(served: Deployment) -> list[str]:
    path = unfinished(served.layout.journals)
    return read(path).begun if path else []


@pytest.mark.share(3)
def test_a_rollback_calls_a_draining_release_back_at_once(served: Deployment, tmp_path: Path) -> None:
    served.configure(MAX_REQUESTS=905)
    first = served.deploy()
    pid = served.store.supervisor().releases[first].pid
    slow = Held(served, tmp_path)
    try:
        served.configure(MAX_REQUESTS=906)
        served.deploy()
        with Prober(served) as prober:
            served.ok("rollback", "--yes")
    finally:
        slow.let_go()
    assert served.serving() == first
    assert served.store.supervisor().releases[first].pid == pid, "it was not started anew"
    assert (prober.failures, slow.statuses) == ([], [200])


@pytest.mark.share(3)
def test_retention_keeps_the_newest_and_the_data(served: Deployment) -> None:
    data = (served.layout.active.resolve() / "data").resolve()
    for number in range(3):
        served.configure(MAX_REQUESTS=910 + number)
        newest = served.deploy()
    kept = [r.id for r in served.store.releases()]
    assert len(kept) == 3
    assert kept[0] == newest
    assert (served.layout.active.resolve() / "data").resolve() == data


@pytest.mark.share(3)
def test_another_port_is_served_and_the_old_one_is_let_go(served: Deployment) -> None:
    old, served.port = served.port, free_port()
    served.write()
    served.deploy()
    assert served.get("/health")[0] == 200
    wait_for(
        lambda: f"127.0.0.1:{old}" not in served.store.supervisor().listening,
        otherwise="the old port is still listened on",
    )
    served.ok("rollback", "--yes")
    assert f"127.0.0.1:{old}" in served.store.supervisor().listening, "a rollback brings the port back too"
    served.port = old
    served.write()


def test_stop_start_restart_and_what_status_says(served: Deployment) -> None:
    served.ok("stop", "--yes")
    status = served.run("status", "--json")
    assert status.status == 8
    assert status.json["data"]["problems"] == ["the service is stopped"]
    assert served.ok("stop", "--yes")["changed"] == 0
    served.ok("start", "--yes")
    before = served.serving()
    assert served.ok("start", "--yes")["changed"] == 0
    with Prober(served) as prober:
        served.ok("restart", "--yes")
        after = served.serving()
    assert after != before
    assert served.store.get(after).fingerprint == served.store.get(before).fingerprint  # type: ignore[union-attr]
    assert not prober.failures
    assert served.run("status", "--json").status == 0


@pytest.mark.share(3)
def test_logs_rotate_without_losing_a_line(source: Path, tmp_path: Path) -> None:
    with deployment(tmp_path, source=source, extra="[logs]\nmax_mb = 0.02\nkeep_files = 50\n") as made:
        release = made.deploy()
        log, rotated = made.layout.log(release), 0
        for number in range(300):
            assert made.get(f"/health?{number}")[0] == 200
            if number % 100 == 99:
                wait_for(lambda: len(_rotated(log)) > rotated, otherwise="nothing was rotated")  # noqa: B023
                rotated = len(_rotated(log))
        lines = [line for path in (*_rotated(log), log) if path.exists() for line in path.read_text().splitlines()]
        served = [x for x in lines if '"path": "/health"' in x]
        assert len(served) >= 300
        assert len({json.loads(x)["request_id"] for x in served}) == len(served)
        assert made.run("logs", "-n", "3").stdout.count("\n") == 3


def _rotated(log: Path) -> list[Path]:
    return sorted(log.parent.glob(f"{log.name}.*"))


@pytest.mark.share(3)
def test_two_environments_side_by_side(source: Path, tmp_path: Path) -> None:
    with deployment(tmp_path, source=source) as made:
        staging_port = free_port()
        (made.home / "decodeat-ops.staging.toml").write_text(
            f"[local]\nport = {staging_port}\n"  # nothing else: the state's place follows from the name
        )
        staging = Deployment(made.home, made.state.with_name("tested-staging"), staging_port, source)
        try:
            one, two = made.deploy(), staging.ok("deploy", "--yes", "--env", "staging")["data"]["release"]
            assert (made.serving(), staging.serving()) == (one, two)
            staging.ok("remove", "--yes", "--name", "tested-staging", "--env", "staging")
            assert made.serving() == one
            assert made.run("status").status == 0
        finally:
            staging.destroy()


SYSTEM_PYTHON = Path("/usr/bin/python3")  # an ordinary user may run it, whoever owns the one that runs the tests


@pytest.mark.share  # it installs all that the tool and the service need once more
@pytest.mark.skipif(os.geteuid() != 0, reason="becoming an ordinary user needs root")
@pytest.mark.skipif(not SYSTEM_PYTHON.exists(), reason="there is no /usr/bin/python3")
def test_an_ordinary_user_deploys_from_a_very_long_path() -> None:
    """With an environment of the user's own, made from the lock, as the README says."""
    top = Path(tempfile.mkdtemp(prefix="decodeat-user-", dir="/tmp"))
    home = top / ("long-" * 24)
    home.mkdir(parents=True)
    for name in ("decodeat_ops", "decodeat", "templates"):
        shutil.copytree(REPOSITORY / name, home / "tool" / name, ignore=shutil.ignore_patterns("__pycache__"))
    made = Deployment(home, home / "state" / STATE, free_port(), make_source(home / "source"))
    made.write()
    settings = home / "decodeat-ops.toml"
    settings.write_text(settings.read_text().replace(str(ENVIRONMENTS), str(home / "environments")))
    subprocess.run(["chown", "-R", "65534:65534", str(top)], check=True)
    env = {"PATH": "/usr/bin:/bin", "HOME": str(home), "PYTHONPATH": str(home / "tool"), "NO_COLOR": "1"}
    env |= {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))}

    def as_nobody(*argv: str) -> subprocess.CompletedProcess[str]:
        user = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
        return subprocess.run((*user, *argv), cwd=home, env=env, capture_output=True, text=True, check=False)

    try:
        lock = home / "tool" / "decodeat_ops" / "requirements.txt"
        python = str(home / "venv" / "bin" / "python")
        for argv in (
            (str(SYSTEM_PYTHON), "-m", "venv", str(home / "venv")),
            (python, "-m", "pip", "install", "-q", "--no-deps", "--require-hashes", "-r", str(lock)),
            (python, "-m", "decodeat_ops", "deploy", "--yes"),
        ):
            ran = as_nobody(*argv)
            assert ran.returncode == 0, f"{argv}\n{ran.stdout}{ran.stderr}"
        assert made.get("/health")[0] == 200
        assert len(str(made.layout.socket(made.serving()))) > 107
        assert made.state.stat().st_uid == 65534
        assert made.state.stat().st_mode & 0o077 == 0
    finally:
        made.destroy()
        shutil.rmtree(top)
