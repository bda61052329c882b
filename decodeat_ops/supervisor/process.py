"""Start and find the processes of releases; a new supervisor adopts those that run when it starts."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from decodeat_ops.core.layout import Layout, is_id
from decodeat_ops.settings import trust

T = TypeVar("T")
MARK = "DECODEAT_OPS_INSTANCE"  # in every release's environment, so that a new supervisor finds what runs


@dataclass
class Process:
    """Hold a release's session leader (gunicorn's master). `pidfd` becomes readable when it ends, our child or not."""

    pid: int
    pidfd: int
    since: float  # wall clock
    popen: subprocess.Popen[bytes] | None = None

    def ended(self) -> str:
        """Return how it ended, "" while it runs."""
        if self.popen is not None:
            status = self.popen.poll()
            if status is None:
                return ""
            return f"signal {-status}" if status < 0 else f"exit {status}"
        return "ended (started by an earlier supervisor)" if _gone(self.pid, self.pidfd) else ""

    def send(self, number: int, group: bool = False) -> None:
        """Send a signal, never to a later process with the same pid; with `group`, to the whole process group."""
        with contextlib.suppress(ProcessLookupError):
            if group:
                os.killpg(self.pid, number)
            else:
                signal.pidfd_send_signal(self.pidfd, number)

    def remind(self) -> None:
        """Send SIGTERM to its workers.

        A worker that is forked while its master gets SIGTERM inherits the master's handler, which ignores the signal.
        It would go on serving, and the master would wait for it until its grace is over.
        """
        with contextlib.suppress(OSError):
            for child in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split():
                self._terminate_child(int(child))

    def _terminate_child(self, pid: int) -> None:
        """Send SIGTERM to a child, but never to another process that got the pid of a child that has ended."""
        with contextlib.suppress(OSError):
            pidfd = os.pidfd_open(pid)
            try:
                if _stat(pid)[1] == str(self.pid):
                    signal.pidfd_send_signal(pidfd, signal.SIGTERM)
            finally:
                os.close(pidfd)

    def close(self) -> None:
        os.close(self.pidfd)


def start(argv: tuple[str, ...], *, cwd: Path, env: dict[str, str], log: Path, sockets: tuple[int, ...]) -> Process:
    """Start a release, which inherits the listening sockets. Raises OSError when it can't be started."""
    trust.private_directory(log.parent)
    with log.open("ab") as output:
        popen = subprocess.Popen(
            argv,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=sockets,
            start_new_session=True,
            umask=0o077,
        )
    try:
        return Process(popen.pid, os.pidfd_open(popen.pid), time.time(), popen)
    except OSError:
        popen.kill()  # without a pidfd it can't be watched, and another would be started beside it
        popen.wait()
        raise


def adopt(layout: Layout) -> dict[str, Process]:
    """Return the running releases of this deployment by id, whichever supervisor started them."""
    found: dict[str, Process] = {}
    for pid, pidfd, (release, since) in _processes(lambda pid: _master(pid, layout)):
        if release in found or _gone(pid, pidfd):
            os.close(pidfd)
        else:
            found[release] = Process(pid, pidfd, since)
    return found


def holders(layout: Layout) -> dict[int, int]:
    """Return the processes (supervisor and standby) that hold the supervisor's lock, with a pidfd of each."""
    try:
        lock = layout.supervisor_lock.stat()
    except OSError:
        return {}

    def holds(pid: int) -> bool:
        return pid != os.getpid() and belongs(pid, layout.run) and has_open(pid, lock)

    return {pid: pidfd for pid, pidfd, _ in _processes(holds)}


def _processes(look: Callable[[int], T | None]) -> Iterator[tuple[int, int, T]]:
    """Yield pid, pidfd and result for each process for which `look` returns something. The caller closes the pidfd.

    A `look` that raises OSError counts as none: the process ended meanwhile.
    """
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        pid, found = int(entry.name), None
        try:
            pidfd = os.pidfd_open(pid)  # opened first: what is read afterwards is about this process, or about none
        except OSError:
            continue  # ended meanwhile, or a thread
        try:
            with contextlib.suppress(OSError):
                found = look(pid)
        finally:
            if not found:
                os.close(pidfd)
        if found:
            yield pid, pidfd, found


def _master(pid: int, layout: Layout) -> tuple[str, float] | None:
    """Return the release whose master a process is, and when it started; None for any other process."""
    if os.getsid(pid) != pid or not belongs(pid, layout.run):
        return None  # a worker (its master is the session's leader), or a process of another program
    variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    marks = [v.decode(errors="replace") for v in variables if v.startswith(f"{MARK}=".encode())]
    release = marks[0].rpartition("|")[2] if marks else ""
    if not is_id(release) or not layout.unit(release).is_file():
        return None
    return release, Path(f"/proc/{pid}").stat().st_mtime


def belongs(pid: int, run: Path) -> bool:
    """Return whether a process is the deployment's own, without trusting what it can set itself.

    Any user can set a mark, a name and an environment. Only the deployment's user can work in its run directory,
    which no other user may enter, and only a process started by that user has no other user among its ids (a
    set-user-ID program keeps its caller's).
    """
    try:
        place, here = run.stat(), Path(f"/proc/{pid}/cwd").stat()
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return False
    users = next(line.split()[1:] for line in lines if line.startswith("Uid:"))
    return (here.st_dev, here.st_ino) == (place.st_dev, place.st_ino) and set(users) == {str(place.st_uid)}


def has_open(pid: int, file: os.stat_result) -> bool:
    """Return whether a process has a file open. Raises OSError when that can't be seen."""
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found = descriptor.stat()
            if (found.st_dev, found.st_ino) == (file.st_dev, file.st_ino):
                return True
    return False


def stopped(pid: int) -> bool:
    """Return whether a process is stopped (by SIGSTOP or a debugger)."""
    try:
        return _stat(pid)[0] in {"T", "t"}
    except OSError:
        return False


def _gone(pid: int, pidfd: int) -> bool:
    """Return whether a process has ended, or is a zombie, as an init process that reaps none leaves them."""
    try:
        signal.pidfd_send_signal(pidfd, 0)
        state = _stat(pid)[0]
    except OSError:
        return True
    return state in {"Z", "X"}


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the state on: state, parent, and so forth."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
