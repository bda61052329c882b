"""Move bytes to and from a program that reads one stream and writes two, so that neither side waits for the other."""

import time
from collections.abc import Iterator
from typing import NamedTuple, Protocol

FEED = 0.05  # seconds; how long output lies while input is pushed
PIECE = 1 << 20  # bytes that are offered at once


class Came(NamedTuple):
    """Hold what has come from both streams since the last time."""

    out: bytes
    err: bytes


class Broken(Exception):
    """Report that what carries the bytes is gone; its text says why."""


class Late(Broken):
    """Report that the time is over."""


class Duplex(Protocol):
    """Carry bytes to a program's input and from its two outputs. Each method but `close` may raise `Broken`."""

    @property
    def ended(self) -> bool:
        """Return whether both outputs have ended, and all of them has been read."""
        ...

    def write(self, content: memoryview, seconds: float) -> int:
        """Return how many bytes were taken: wait so long at most for the first one of them."""
        ...

    def finish(self) -> None:
        """End the program's input."""
        ...

    def read(self, seconds: float) -> Came:
        """Return what has come on both streams: wait so long at most for something."""
        ...

    def status(self, seconds: float) -> int | None:
        """Return the program's exit status, None when it is not known after so many seconds."""
        ...

    def close(self) -> None:
        """Leave the program, which sees its input end. Nothing is wrong with a second time."""
        ...


def pump(duplex: Duplex, content: bytes, deadline: float) -> Iterator[Came]:
    """Write all of the content, and yield what comes meanwhile and after it, until both outputs have ended.

    Raises `Broken` when the outputs end before the content is written, `Late` at the deadline.
    """
    left = memoryview(content)
    while not duplex.ended:
        seconds = deadline - time.monotonic()
        if seconds <= 0:
            raise Late("it took too long")
        if left:
            left = left[duplex.write(left[:PIECE], min(seconds, FEED)) :]
        came = duplex.read(0.0 if left else seconds)
        if came.out or came.err:
            yield came
    duplex.read(0.0)  # raises when it ended since the connection did
    if left:
        raise Broken("the program ended and read no more")
