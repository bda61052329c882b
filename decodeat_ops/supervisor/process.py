"""One running release: started here, or found running and adopted after a supervisor's death."""

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

MARK = "DECODEAT_OPS_INSTANCE"  # in every release's environment, so that a new supervisor finds what runs


@dataclass
class Process:
    """A session leader (gunicorn's master). `pidfd` becomes readable when it ends, child of ours or not."""

    pid: int
    pidfd: int
    since: float  # wall clock
    popen: subprocess.Popen[bytes] | None = None

    def ended(self) -> str:
        """How it ended, "" while it runs."""
        if self.popen is not None:
            status = self.popen.poll()
            if status is None:
                return ""
            return f"signal {-status}" if status < 0 else f"exit {status}"
        return "ended (started by an earlier supervisor)" if _gone(self.pid, self.pidfd) else ""

    def send(self, number: int, group: bool = False) -> None:
        """Signal it through its pidfd (a recycled pid can't be hit), or its whole session."""
        with contextlib.suppress(ProcessLookupError):
            if group:
                os.killpg(self.pid, number)
            else:
                signal.pidfd_send_signal(self.pidfd, number)

    def remind(self) -> None:
        """Send SIGTERM to its workers.

        One that was being forked when its master was told to stop inherits the master's handler, which swallows the
        signal; it would serve on, and the master would wait for it until the very end of its grace.
        """
        with contextlib.suppress(OSError):
            for child in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split():
                os.kill(int(child), signal.SIGTERM)

    def close(self) -> None:
        os.close(self.pidfd)


def start(argv: tuple[str, ...], *, cwd: Path, env: dict[str, str], log: Path, sockets: tuple[int, ...]) -> Process:
    """Start a release with the listening sockets inherited. Raises OSError when it can't be."""
    log.parent.mkdir(parents=True, exist_ok=True)
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
    return Process(popen.pid, os.pidfd_open(popen.pid), time.time(), popen)


def adopt(root: Path) -> dict[str, Process]:
    """Releases of this deployment that are running, whoever started them, by id."""
    found: dict[str, Process] = {}
    prefix = f"{MARK}={root}|".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        pid = int(entry.name)
        try:
            if os.getsid(pid) != pid:
                continue  # a worker; its master is the session's leader
            marks = [v for v in (entry / "environ").read_bytes().split(b"\0") if v.startswith(prefix)]
            if not marks:
                continue
            pidfd = os.pidfd_open(pid)
        except OSError:
            continue  # another user's, or gone meanwhile
        if _gone(pid, pidfd):
            os.close(pidfd)
            continue
        found[marks[0].removeprefix(prefix).decode()] = Process(pid, pidfd, entry.stat().st_mtime)
    return found


def _gone(pid: int, pidfd: int) -> bool:
    """Ended, or a zombie that an init which doesn't reap has left."""
    try:
        signal.pidfd_send_signal(pidfd, 0)
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] in {"Z", "X"}
