"""A Docker engine of the tests' own: its socket, data, processes and mounts are nobody else's, and go with it.

Several may run at the same time, one for each process of a run.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

NETWORK = "lab"
_PROGRAMS = "/usr/sbin:/usr/bin:/sbin:/bin"  # the distribution's: its client and its engine speak the same version
_NEEDED = {"dockerd": "docker.io", "docker": "docker.io", "mmdebstrap": "mmdebstrap", "unshare": "util-linux"}
_START_SECONDS, _STOP_SECONDS = 120, 60
# Everything that the engine starts lives in its process namespace and ends with it, even when the tests are killed;
# so do its mounts. A containerd that somebody else runs must not be found: it would be taken for the engine's own.
_ALONE = ("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
_HIDDEN = "mkdir -p /run/containerd && mount -t tmpfs lab /run/containerd"
_PLENTY, _MOST = 12 * 2**30, "6g"  # bytes of memory that must be free for the lab to use it instead of a disk


@dataclass(frozen=True)
class Engine:
    """A running engine. `directory` is its own; `gateway` is this machine's address as containers on `lab` see it."""

    directory: Path

    def run(self, *words: str, given: bytes = b"", **variables: str) -> subprocess.CompletedProcess[bytes]:
        """`docker WORDS` with `given` as its input and more variables, whatever comes of it."""
        env = {**self.environment, **variables}
        return subprocess.run(("docker", *words), env=env, input=given, capture_output=True, timeout=1500, check=False)

    def ok(self, *words: str, given: bytes = b"", **variables: str) -> str:
        """`docker WORDS`; what it wrote. Fails the test when the command failed."""
        done = self.run(*words, given=given, **variables)
        assert done.returncode == 0, f"docker {' '.join(words)}\n{(done.stdout + done.stderr).decode()}"
        return done.stdout.decode().strip()

    @property
    def environment(self) -> dict[str, str]:
        """What the client runs with: no settings of the user's, and the builder that the oldest engine has."""
        return {
            "PATH": _PROGRAMS,
            "DOCKER_HOST": f"unix://{self.directory}/docker.sock",
            "DOCKER_CONFIG": str(self.directory / "config"),
            "DOCKER_BUILDKIT": "0",
        }

    @property
    def gateway(self) -> str:
        return self.ok("network", "inspect", NETWORK, "--format", "{{(index .IPAM.Config 0).Gateway}}")


def in_memory(directory: Path) -> str:
    """A shell command that keeps a directory in memory, where there is plenty, for the mount namespace it is run in.

    Gigabytes are written that nobody keeps, and what is tested beside the lab is timed on the same disk.
    """
    directory.mkdir()
    free = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable:"))
    return f"mount -t tmpfs -o size={_MOST} lab {directory}" if int(free.split()[1]) * 1024 > _PLENTY else "true"


@contextlib.contextmanager
def running() -> Iterator[Engine]:
    """An engine with the network `lab`, on which containers and this machine reach each other and nothing else.

    Nothing of this machine's firewall is touched: no rule is made, no port published. Skips where it can't run.
    What kills the tests outright leaves a directory and an idle bridge behind, and nothing that runs.
    """
    if os.geteuid() != 0:
        pytest.skip("a Docker engine of our own takes root")
    missing = {package for program, package in _NEEDED.items() if shutil.which(program, path=_PROGRAMS) is None}
    if missing:
        pytest.skip(f"not installed: {', '.join(sorted(missing))}")
    directory = Path(tempfile.mkdtemp(prefix="decodeat-lab-"))
    try:
        with _dockerd(directory) as engine:
            _create_network(engine)
            try:
                yield engine
            finally:
                for container in engine.ok("ps", "--all", "--quiet").split():
                    engine.ok("rm", "--force", "--volumes", container)
                engine.ok("network", "rm", NETWORK)
    finally:
        shutil.rmtree(directory)


def _create_network(engine: Engine) -> None:
    """Create the network `lab` while no other engine of these tests looks for free addresses.

    An engine takes a range that no route of this machine leads to. Two that looked at once would take the same one.
    """
    with Path(tempfile.gettempdir(), "decodeat-lab.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        engine.ok("network", "create", NETWORK)


@contextlib.contextmanager
def _dockerd(directory: Path) -> Iterator[Engine]:
    engine, group = Engine(directory), directory.name
    script = f'{_HIDDEN} && {in_memory(directory / "data-root")} && exec "$0" "$@"'
    argv = [*_ALONE, "sh", "-c", script, "dockerd", "--host", engine.environment["DOCKER_HOST"]]
    argv += [f"--{name}={directory / name}" for name in ("data-root", "exec-root", "pidfile")]
    argv += ["--exec-opt=native.cgroupdriver=cgroupfs", f"--cgroup-parent=/{group}", "--bridge=none"]
    argv += ["--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(argv, env={"PATH": _PROGRAMS}, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        _wait(engine, process)
        yield engine
    finally:
        _stop(process)
        for tree in _control_groups(group):
            for inner in sorted(tree.glob("**/"), reverse=True):
                inner.rmdir()


def _control_groups(name: str) -> set[Path]:
    """Return where a control group of the highest level is, in each hierarchy that is mounted.

    Nothing below is searched: what another engine's containers have there may be gone before it is read.
    """
    root = Path("/sys/fs/cgroup")
    return {found.resolve() for pattern in (name, f"*/{name}") for found in root.glob(pattern)}


def _wait(engine: Engine, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while engine.run("version").returncode != 0:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the engine did not start:\n{(engine.directory / 'log').read_text()[-3000:]}")
        time.sleep(0.1)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask the engine itself, a child of what keeps it alone; what does not end then is killed as a whole."""
    if process.poll() is not None:
        return
    for engine in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
        os.kill(int(engine), signal.SIGTERM)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
