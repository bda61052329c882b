"""Become a daemon, take the lock and supervise: `python -m decodeat_ops.supervisor STATE_DIR [--replace]`.

`--replace` replaces a supervisor that is older or does not answer; running releases go on.
"""

import contextlib
import fcntl
import os
import signal
import sys
import time
from pathlib import Path

from decodeat_ops.core.layout import Layout
from decodeat_ops.settings import trust
from decodeat_ops.supervisor.process import holders
from decodeat_ops.supervisor.sockets import Listeners
from decodeat_ops.supervisor.supervise import Supervisor
from decodeat_ops.supervisor.unit import Unit

LOOK_SECONDS = 5.0  # a command that looks whether a supervisor runs holds the lock for a moment
LET_GO_SECONDS = 15.0  # from a process's end until the system has closed its files


def main() -> int:
    """Return exit code 0 once a supervisor runs (this or an earlier one), 1 with a reason when none can start."""
    layout = Layout(Path(sys.argv[1]).resolve())
    os.umask(0o077)
    for directory in (layout.root, layout.run, layout.wants, layout.logs, layout.releases):
        trust.private_directory(directory)
        # A user who can write there controls the supervisor; one who can enter `run/` could pretend to be a release.
        if untrusted := trust.flaw(directory, private=directory == layout.run):
            place, why, mend = untrusted
            sys.stderr.write(f"{place} {why}; look at what it holds, then {mend}\n")
            return 1
    lock = os.open(layout.supervisor_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    listeners = Listeners()
    if not _take(lock, LOOK_SECONDS):
        if "--replace" not in sys.argv[2:]:
            return 0
        _end(layout, listeners)
        if not _take(lock, LET_GO_SECONDS):
            sys.stderr.write(f"{layout.supervisor_lock} is still held by a process that can't be ended\n")
            return 1
    if os.fork():
        os._exit(0)  # the child holds the lock now: the caller may go on
    os.setsid()
    _detach(layout.supervisor_log)
    os.chdir(layout.run)  # private sockets are bound by name alone: a whole path may be too long for one
    Supervisor(layout, lock, listeners).run()
    return 0


def _take(lock: int, wait: float) -> bool:
    deadline = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.01)
        else:
            return True


def _end(layout: Layout, listeners: Listeners) -> None:
    """Kill both processes of the old supervisor after taking its sockets, in whose queues clients wait meanwhile."""
    found = holders(layout)
    _send(found, signal.SIGSTOP)  # stopped first, so that neither starts another or takes over
    for path in layout.releases.glob("*/unit.json"):
        with contextlib.suppress(OSError, ValueError, TypeError):
            unit = Unit.load(path)
            for pid, pidfd in found.items():
                listeners.recover(pid, pidfd, unit.host, unit.port, unit.address)
    _send(found, signal.SIGKILL)
    for pidfd in found.values():
        os.close(pidfd)


def _send(processes: dict[int, int], number: int) -> None:
    for pidfd in processes.values():
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(pidfd, number)


def _detach(log: Path) -> None:
    """Leave the caller's terminal and pipes, and send output to the log, as a traceback of ours belongs there."""
    null = os.open(os.devnull, os.O_RDWR)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)


if __name__ == "__main__":
    sys.exit(main())
