"""A real deployment on this machine for tests: its own settings, state and port, gone afterwards."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from decodeat_ops.core.layout import Layout
from decodeat_ops.deployment import inputs, source
from decodeat_ops.deployment.store import Store
from decodeat_ops.supervisor.process import belongs
from tests.support.ports import free_port
from tests.support.waiting import PATIENCE, wait_for

if TYPE_CHECKING:
    from tests.support.forking import Forks

REPOSITORY = Path(__file__).resolve().parents[2]
STATE = "tested-production"  # below the setting local.state_dir
# Python environments are made once and shared by every test: they are named by their lock's hash.
ENVIRONMENTS = Path(os.environ.get("DECODEAT_TEST_ENVIRONMENTS", REPOSITORY / ".venv" / "service-environments"))


def make_source(directory: Path, fault: str = "") -> Path:
    """Copy the service with test endpoints and a fault: crash, never-ready, never-green, answers-500 or wrong-id."""
    shutil.rmtree(directory, ignore_errors=True)
    package = directory / "decodeat"
    shutil.copytree(REPOSITORY / "decodeat", package, ignore=shutil.ignore_patterns("*.pyc.*"))
    text = (Path(__file__).parent / "faulty_service.py").read_text().replace("@FAULT@", fault)
    (package / "testing_faults.py").write_text(text)
    main = package / "main.py"
    hook = "\nfrom decodeat.testing_faults import Testing as _Testing\n\napp = _Testing(app)\n"
    crash = 'raise RuntimeError("this release crashes at boot on purpose")\n' if fault == "crash" else ""
    main.write_text(main.read_text() + hook + crash)
    return directory


@pytest.fixture(name="source", scope="module")
def service_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the service without a fault."""
    return make_source(tmp_path_factory.mktemp("service") / "source")


@dataclass
class Ran:
    """A finished command: exit status, both outputs, and its JSON when it printed one."""

    status: int
    stdout: str
    stderr: str

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.stdout)
        return found

    def __str__(self) -> str:
        return f"exit {self.status}\n--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"


@dataclass
class Deployment:
    """Hold settings in `home`, and run commands as the installed program does, in their own process.

    `state` is the deployment's own directory, which has its name. `forks` starts the commands faster than a new
    interpreter.
    """

    home: Path
    state: Path
    port: int
    source: Path
    variables: dict[str, str | int] = field(default_factory=lambda: {"WORKERS": 1})
    keep: int = 5
    ready: float = 60.0
    extra: str = ""
    forks: "Forks | None" = None

    @property
    def layout(self) -> Layout:
        return Layout(self.state)

    @property
    def store(self) -> Store:
        return Store(self.layout)

    def configure(self, **variables: str | int) -> None:
        self.variables.update(variables)
        self.write()

    def write(self) -> None:
        lines = [
            'name = "tested"',
            "[local]",
            f"port = {self.port}",
            f'state_dir = "{self.state.parent}"',
            f'environments_dir = "{ENVIRONMENTS}"',
            f"keep_releases = {self.keep}",
            f"ready_timeout = {self.ready}",
            "drain_timeout = 120.0",
            "[service]",
            f'source = "{self.source}"',
            "[service.environment]",
            *(f"{k} = {json.dumps(v)}" for k, v in self.variables.items()),
        ]
        (self.home / "decodeat-ops.toml").write_text("\n".join(lines) + "\n" + self.extra)
        env = self.home / "decodeat-ops.env"
        if not env.exists():
            env.touch(mode=0o600)

    def argv(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "decodeat_ops", *words]

    def run(self, *words: str, env: Mapping[str, str] | None = None, timeout: float = 400) -> Ran:
        variables = {**os.environ, "NO_COLOR": "1", **(env or {})}
        if self.forks is not None and "PYTHONPATH" not in (env or {}):  # another tool is asked for then
            return self.forks.run(words, self.home, variables)
        done = subprocess.run(
            self.argv(*words),
            cwd=self.home,
            env=variables,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=timeout,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def ok(self, *words: str, **options: Any) -> dict[str, Any]:
        """Run with --json and demand success."""
        ran = self.run(*words, "--json", **options)
        assert ran.status == 0, str(ran)
        return ran.json

    def deploy(self) -> str:
        release: str = self.ok("deploy", "--yes")["data"]["release"]
        return release

    def deploy_again(self) -> str:
        """Change a setting and deploy: what was broken before must not stand in the way."""
        self.configure(MAX_REQUESTS=int(self.variables.get("MAX_REQUESTS", 1000)) + 1)
        return self.deploy()

    def get(self, path: str, timeout: float = PATIENCE) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def serving(self) -> str:
        status, headers, _ = self.get("/health")
        assert status == 200
        return headers["x-release-id"]

    def wait_serving(self, release: str, seconds: float = PATIENCE) -> None:
        seen = ""

        def serves() -> bool:
            nonlocal seen
            with contextlib.suppress(OSError, http.client.HTTPException):
                seen = self.serving()
            return seen == release

        wait_for(serves, seconds, lambda: f"{release} does not serve after {seconds} s; last seen {seen!r}")

    def destroy(self) -> None:
        """Stop everything of this deployment, by pid: it may be half broken on purpose."""
        end_supervised(self.state)


def pids_of(state: Path) -> list[int]:
    """Processes of a deployment's releases, found by their mark."""
    mark = f"DECODEAT_OPS_INSTANCE={state}|".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if mark in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
    return found


def keep_environment() -> None:
    """Keep the environment when a test removes its deployment, since all tests share it."""
    lock = source.lock_digest(REPOSITORY / "decodeat" / source.LOCK_NAME)
    name = inputs.environment_path(ENVIRONMENTS, lock).name
    if not (ENVIRONMENTS / name).exists():
        place = ENVIRONMENTS / ".claims" / name
        place.mkdir(parents=True, exist_ok=True)
        (place / "kept").touch()


def processes_of(state: Path) -> set[int]:
    """Return all processes of a deployment: supervisor, standby and releases, whatever its status file says."""
    run = Layout(state).run
    numbers = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return {pid for pid in numbers if belongs(pid, run)} | set(pids_of(state))


def end_supervised(state: Path) -> None:
    """Stop all processes of a deployment, then kill them, until none is left that started another one meanwhile."""
    deadline = time.monotonic() + PATIENCE
    while found := processes_of(state):
        assert time.monotonic() < deadline, found
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
        time.sleep(0.02)


@contextlib.contextmanager
def deployment(directory: Path, **options: Any) -> Iterator[Deployment]:
    home, state = directory / "home", options.pop("state", directory / "state") / STATE
    home.mkdir(parents=True, exist_ok=True)
    keep_environment()
    package = options.pop("source", None) or make_source(directory / "source")
    made = Deployment(home, state, options.pop("port", 0) or free_port(), package, **options)
    made.write()
    try:
        yield made
    finally:
        made.destroy()


class Prober:
    """Asks /health on a fresh connection all the time; `failures` says when that didn't work."""

    def __init__(self, target: Deployment, pause: float = 0.05) -> None:
        self._target = target
        self._pause = pause
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.failures: list[str] = []
        self.seen: dict[str, int] = {}

    def __enter__(self) -> "Prober":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ending.set()
        self._thread.join(2 * PATIENCE)

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                status, headers, body = self._target.get("/health")
                if status != 200 or json.loads(body)["status"] != "healthy":
                    self.failures.append(f"{status} {body[:80]!r}")
                release = headers.get("x-release-id", "")
                self.seen[release] = self.seen.get(release, 0) + 1
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.failures.append(f"{type(error).__name__}: {error}")
            self._ending.wait(self._pause)
