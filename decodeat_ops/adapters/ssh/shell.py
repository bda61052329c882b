"""Run scripts one after the other in one shell: each in a frame that says where its output begins and ends.

A script reaches the shell as a quoted word on its standard input, never as an argument, and runs in a subshell that has
another input. A random mark, new for each script, stands before and after its output in both streams.
"""

import secrets
import shlex
import time

from decodeat_ops.adapters.ssh.duplex import Broken, Duplex, Late, pump
from decodeat_ops.core.errors import Lost
from decodeat_ops.core.remote import Answer

BOUND = 16 << 20  # bytes of each stream that are kept of one script
_LEFT = "Whether it came to its end is unknown."
_STATUS = 24  # bytes that the line with the status has at most, the mark not counted


def frame(script: str, given: str, mark: str) -> bytes:
    """Return what a shell has to read so that it runs the script. Raises `ValueError` for text that can't be passed on.

    The words that write are built into every shell, so that no process gets them as arguments.
    """
    if "\0" in script or "\0" in given:
        raise ValueError("a shell takes no zero byte")
    run = f"(eval {shlex.quote(script)})"
    run = f"printf %s {shlex.quote(given)} 2>/dev/null | {run}" if given else f"{run} </dev/null"
    marked = f"printf %s {mark} >&2"
    return f"printf %s {mark}; {marked}\n{run}\nprintf '%s%d\\n' {mark} $?; {marked}\n".encode()


class Stream:
    """Collect what stands between two marks of one stream."""

    def __init__(self, mark: bytes) -> None:
        self._mark = mark
        self._content = bytearray()
        self._begun = False
        self._from = 0  # where to look for the mark
        self.end = -1  # where the second mark stands

    def add(self, piece: bytes) -> None:
        """Take what has come. What comes before the first mark is of an earlier script, and is dropped.

        Raises `OverflowError` when it is more than `BOUND`.
        """
        self._content += piece
        if not self._begun:
            at = self._content.find(self._mark)
            self._begun = at >= 0
            del self._content[: at + len(self._mark) if self._begun else max(0, len(self._content) - len(self._mark))]
        if self._begun and self.end < 0:
            self.end = self._content.find(self._mark, self._from)
            self._from = max(0, len(self._content) - len(self._mark))
        if (self.end if self.end >= 0 else len(self._content)) > BOUND:
            raise OverflowError

    @property
    def text(self) -> str:
        return self._content[: self.end].decode(errors="replace")

    @property
    def after(self) -> bytes:
        """Return what follows the second mark."""
        return bytes(self._content[self.end + len(self._mark) :][:_STATUS]) if self.end >= 0 else b""


class Shell:
    """Run scripts in a shell that reads commands from the duplex. After an error it is of no use any more."""

    def __init__(self, duplex: Duplex, host: str) -> None:
        self._duplex = duplex
        self._host = host

    @property
    def ended(self) -> bool:
        """Return whether it is known to be gone, before it is given a script."""
        try:
            self._duplex.read(0.0)  # what is left of an earlier script, or the end
        except Broken:
            return True
        return self._duplex.ended

    def run(self, script: str, given: str, timeout: float) -> Answer:
        """Run a script to its end. Raises `Lost` when the shell breaks off, or the time is over, or too much comes."""
        mark = secrets.token_hex(16)
        out, err = Stream(mark.encode()), Stream(mark.encode())
        try:
            for came in pump(self._duplex, frame(script, given, mark), time.monotonic() + timeout):
                out.add(came.out)
                err.add(came.err)
                status, line_break, _ = out.after.partition(b"\n")
                if line_break and err.end >= 0:
                    if not status.isdigit():
                        raise Broken("its shell says no status")
                    return Answer(int(status), out.text, err.text)
        except Late as error:
            hint = "Look at what keeps the machine busy, then repeat the command."
            raise Lost(f"{self._host} did not end a script within {timeout:g} s.", state=_LEFT, hint=hint) from error
        except Broken as error:
            raise self._broken(str(error)) from error
        except OverflowError as error:
            what = f"{self._host} answered a script with more than {BOUND >> 20} MiB."
            raise Lost(what, state=_LEFT, hint="Look at the machine: this is more than anything there says.") from error
        raise self._broken("its shell ended")

    def close(self) -> None:
        self._duplex.close()

    def _broken(self, why: str) -> Lost:
        return Lost(
            f"The connection to {self._host} broke off in the middle of a script: {why}.",
            state=_LEFT,
            hint="Check the network and the machine, then repeat the command.",
        )
