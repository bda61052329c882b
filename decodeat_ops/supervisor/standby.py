"""Fork a standby that holds the supervisor's sockets and lock, and takes over when the supervisor dies."""

import contextlib
import ctypes
import os
import signal
from collections.abc import Callable


class Standby:
    """Keep at most one standby. It waits until a pipe closes whose other end only the supervisor holds."""

    def __init__(self, take_over: Callable[[], None]) -> None:
        self._take_over = take_over
        self.pid = 0
        self._lifeline = -1

    def ensure(self) -> None:
        """Fork a standby if there is none, or if the last has died."""
        if self.pid:
            ended, _ = os.waitpid(self.pid, os.WNOHANG)
            if not ended:
                return
            self._forget()
        self._fork()

    def replace(self) -> None:
        """Fork a new standby after a change of the sockets, since one holds those that were open when it was forked."""
        self.dismiss()
        self._fork()

    def dismiss(self) -> None:
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self._forget()

    def _forget(self) -> None:
        os.close(self._lifeline)
        self.pid, self._lifeline = 0, -1

    def _fork(self) -> None:
        waiting, lifeline = os.pipe()
        pid = os.fork()
        if pid:
            os.close(waiting)
            self.pid, self._lifeline = pid, lifeline
            return
        os.close(lifeline)
        self._wait(waiting)

    def _wait(self, waiting: int) -> None:
        status = 1
        try:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)  # they are for the supervisor, which then dismisses its standby
            name_process("decodeat-standby")
            os.read(waiting, 1)  # returns when the supervisor dies, whatever the cause
            os.close(waiting)
            self.pid, self._lifeline = 0, -1
            self._take_over()
            status = 0
        finally:
            os._exit(status)


def name_process(name: str) -> None:
    """Set the process's name as `ps` and `top` show it (prctl PR_SET_NAME, 15 characters)."""
    ctypes.CDLL(None).prctl(15, name[:15].encode(), 0, 0, 0)


def allow_takeover() -> None:
    """Let other processes of this user take duplicates of our sockets (prctl PR_SET_PTRACER, any).

    Otherwise, where the Yama module is set to 1, only root and our own parents may, and a newer supervisor could not
    take over without a pause. Other users never may.
    """
    ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1), 0, 0, 0)
