"""Run one program on a channel of its own: feed it, follow its lines, or exchange lines with it."""

import contextlib
import shlex
import threading
import time
from collections.abc import Iterable, Iterator

from decodeat_ops.adapters.ssh.duplex import FEED, PIECE, Broken, Duplex, Late
from decodeat_ops.adapters.ssh.entrance import booting, write
from decodeat_ops.adapters.ssh.shell import BOUND
from decodeat_ops.core.errors import Lost, Unreachable
from decodeat_ops.core.remote import Answer

LINE = 1 << 20  # bytes; a longer line comes in parts
TAIL = 1 << 13  # bytes that are kept of what a program says of itself
_ENDING = 30.0  # seconds; for a status, when the outputs have ended
_UNKNOWN = "Whether it came to its end is unknown."
_HINT = "Check the network and the machine, then repeat the command."
_IN_ITS_SESSION = 's=$(cat); exec </dev/null; eval "$s"'


def watched(script: str) -> str:
    """Return a script that runs another one in a session of its own, and ends it when the input ends.

    A channel that is closed tells its programs nothing but that, and one that writes nothing would stay for ever.
    """
    return (
        f"exec 3<&0 </dev/null\nprintf %s {shlex.quote(script)} | setsid sh -c {shlex.quote(_IN_ITS_SESSION)} 3<&- &\n"
        "p=$!\n"
        "(while IFS= read -r l; do :; done; kill -TERM -$p; sleep 5; kill -KILL -$p) <&3 3<&- >/dev/null 2>&1 &\n"
        "w=$!\nexec 3<&-\nwait $p; s=$?\nkill $w 2>/dev/null\nexit $s\n"
    )


def fed(duplex: Duplex, host: str, script: str, content: Iterable[bytes], timeout: float) -> Answer:
    """Run a script that reads the content, and return what it ended with; it may end before it has read all.

    Raises `Lost` when nothing moves for `timeout` seconds, or the program breaks off.
    """
    out, err = bytearray(), bytearray()
    pieces = _pieces(booting(script), content)
    left, more, moved = memoryview(b""), True, time.monotonic()
    try:
        while not duplex.ended:
            if not left and more:
                left = memoryview(next(pieces, b""))
                if not left:
                    more = False
                    duplex.finish()
            taken = _taken(duplex, left) if left else 0
            if taken < 0:  # it reads no more, but may have something to say
                left, more, taken = memoryview(b""), False, 1
            left = left[taken:]
            came = duplex.read(0.0 if left or more else min(timeout, 1.0))
            out += came.out
            err += came.err
            if len(out) > BOUND or len(err) > BOUND:
                raise Broken(f"it answered with more than {BOUND >> 20} MiB")
            if taken or came.out or came.err:
                moved = time.monotonic()
            elif time.monotonic() - moved > timeout:
                raise Late(f"nothing moved for {timeout:g} s")
        status = duplex.status(_ENDING)
        if status is None:
            raise Broken("its end is unknown")
    except Broken as error:
        raise Lost(f"The connection to {host} broke off while it was sent to: {error}.", state=_UNKNOWN, hint=_HINT) \
            from error  # fmt: skip
    return Answer(status, out.decode(errors="replace"), err.decode(errors="replace"))


def followed(duplex: Duplex, host: str, script: str) -> Iterator[str]:
    """Yield the lines of a script's output as they come.

    Raises `Lost` when the connection breaks off, `Unreachable` when the script ends by itself and fails.
    """
    left, err = b"", b""
    try:
        write(duplex, booting(watched(script)), _ENDING)
        while not duplex.ended:
            came = duplex.read(60.0)
            err = (err + came.err)[-TAIL:]
            *lines, left = (left + came.out).split(b"\n")
            if len(left) > LINE:
                lines, left = [*lines, left], b""
            for line in lines:
                yield line.decode(errors="replace")
        if left:
            yield left.decode(errors="replace")
        status = duplex.status(_ENDING)
        if status is None:
            raise Broken("it ended without a status")
    except Broken as error:
        raise Lost(f"The connection to {host} broke off: {error}.", state="Nothing was changed.", hint=_HINT) from error
    if status:
        said = err.decode(errors="replace").strip() or "without a word"
        raise Unreachable(f"What was followed at {host} ended with status {status}: {said}")


class Conversation:
    """Ask a program that was started, a line for a line. One line at a time, whichever thread asks."""

    def __init__(self, duplex: Duplex, host: str, script: str) -> None:
        self._duplex = duplex
        self._host = host
        self._left = b""
        self._err = b""
        self._lock = threading.Lock()
        try:
            write(duplex, booting(script), _ENDING)
        except Broken as error:
            raise self._lost(str(error)) from error

    def ask(self, line: str, timeout: float = 30.0) -> str:
        if "\n" in line:
            raise ValueError("a line has no line break")
        deadline = time.monotonic() + timeout
        with self._lock:
            try:
                write(self._duplex, line.encode() + b"\n", timeout)
                return self._answer(deadline, timeout)
            except Broken as error:
                raise self._lost(str(error)) from error

    def _answer(self, deadline: float, timeout: float) -> str:
        while b"\n" not in self._left:
            seconds = deadline - time.monotonic()
            if seconds <= 0:
                raise Late(f"it did not answer within {timeout:g} s")
            if self._duplex.ended:
                raise Broken(self._err.decode(errors="replace").strip() or "it ended")
            came = self._duplex.read(seconds)
            self._left += came.out
            self._err = (self._err + came.err)[-TAIL:]
            if len(self._left) > BOUND:
                raise Broken("its answer has no end")
        line, _, self._left = self._left.partition(b"\n")
        return line.decode(errors="replace")

    def _lost(self, why: str) -> Lost:
        return Lost(f"What {self._host} was asked has no answer: {why}.", state=_UNKNOWN, hint=_HINT)


def _pieces(first: bytes, content: Iterable[bytes]) -> Iterator[bytes]:
    yield first
    for part in content:
        for start in range(0, len(part), PIECE):
            yield part[start : start + PIECE]


def _taken(duplex: Duplex, content: memoryview) -> int:
    """Return how many bytes were taken, -1 when none will be taken any more."""
    with contextlib.suppress(Broken):
        return duplex.write(content, FEED)
    return -1
