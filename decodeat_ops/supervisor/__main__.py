"""`python -m decodeat_ops.supervisor STATE_DIR`: become a daemon, take the lock, supervise."""

import fcntl
import os
import sys
from pathlib import Path

from decodeat_ops.core.layout import Layout
from decodeat_ops.supervisor.sockets import Listeners
from decodeat_ops.supervisor.supervise import Supervisor


def main() -> int:
    """Exit 0 once a supervisor runs (this one or one that was there), 1 with a reason when none could start."""
    layout = Layout(Path(sys.argv[1]).resolve())
    os.umask(0o077)  # before anything is made: with parents=True a mode protects the last level alone
    for directory in (layout.root, layout.run, layout.wants, layout.logs, layout.releases):
        directory.mkdir(parents=True, exist_ok=True)
        problem = _not_ours(directory, 0o077 if directory == layout.run else 0o022)
        if problem:
            sys.stderr.write(problem)
            return 1
    lock = os.open(layout.supervisor_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 0
    if os.fork():
        os._exit(0)  # the lock lives on in the child: the caller may go on
    os.setsid()
    _detach(layout.supervisor_log)
    os.chdir(layout.run)  # private sockets are bound by name alone: a whole path may be too long for one
    Supervisor(layout, lock, Listeners()).run()
    return 0


def _not_ours(directory: Path, forbidden: int) -> str:
    """Why others could give this supervisor orders there, "" when they can't.

    Who may enter the run directory could pass for one of its releases.
    """
    found = directory.stat()
    if found.st_uid != os.geteuid():
        return f"{directory} belongs to another user (uid {found.st_uid}); remove it, or run as that user.\n"
    if found.st_mode & forbidden:
        return f"{directory} is open to others (mode {found.st_mode & 0o777:04o}); chmod 700 {directory}\n"
    return ""


def _detach(log: Path) -> None:
    """Let go of the caller's terminal and pipes; a traceback of ours belongs into the log."""
    null = os.open(os.devnull, os.O_RDWR)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)


if __name__ == "__main__":
    sys.exit(main())
