"""Runs the real program in its own process, off a terminal or on one."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.support.deployments import Ran

__all__ = ["Ran"]
REPOSITORY = Path(__file__).resolve().parents[3]


def environment(**more: str) -> dict[str, str]:
    """The caller's environment without what would change the program's answers."""
    gone = ("DECODEAT_OPS_", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TERM", "CLICOLOR")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(gone)}
    return {**kept, "PYTHONPATH": str(REPOSITORY), "LC_ALL": "C.UTF-8", **more}


def run(home: Path, *words: str, stdin: str | None = None, **variables: str) -> Ran:
    """Off a terminal: all three streams are pipes or nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "decodeat_ops", *words],
        cwd=home,
        env=environment(**variables),
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def _waits(pid: int) -> bool:
    """Return whether a process waits, as for an answer.

    In the moment before, Python would take note of a signal, wait all the same, and handle it after the answer; a
    person presses the keys again.
    """
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


def on_terminal(
    home: Path, *words: str, answers: str = "", interrupt_at: str = "", module: str = "decodeat_ops", **variables: str
) -> tuple[int, str]:
    """On a terminal of 80 columns: exit code and all that was shown. `interrupt_at` sends Ctrl-C after a text."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(home)
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored where the whole run was started in the background
        env = environment(TERM="xterm-256color", COLUMNS="80", LINES="40", **variables)
        os.execve(sys.executable, [sys.executable, "-m", module, *words], env)
    shown = b""
    if answers:
        os.write(terminal, answers.encode())
    deadline = time.monotonic() + 60
    interrupted = False
    try:
        while time.monotonic() < deadline:
            if select.select([terminal], [], [], 0.2)[0]:
                try:
                    chunk = os.read(terminal, 65536)
                except OSError:  # the other side has closed: the program has ended
                    break
                if not chunk:
                    break
                shown += chunk
            if interrupt_at and not interrupted and interrupt_at.encode() in shown and _waits(pid):
                interrupted = True
                os.kill(pid, signal.SIGINT)
        else:
            os.kill(pid, signal.SIGKILL)
    finally:
        os.close(terminal)
        _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), shown.decode(errors="replace").replace("\r\n", "\n")
