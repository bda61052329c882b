"""Remembers that something outside is down, so that not every request finds it out anew."""

import time
from enum import Enum


class State(Enum):
    """The value is what is counted: larger is worse."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


class Breaker:
    """Opens after `failures` in a row, for `seconds` and then twice as long each time, up to `longest` seconds.

    When the time is over one call goes ahead, as a trial; its success closes the breaker for all.
    """

    def __init__(self, failures: int, seconds: float, longest: float) -> None:
        self._limit = failures
        self._first = seconds
        self._longest = longest
        self._failures = 0
        self._seconds = seconds
        self._opens_at = 0.0  # when the next trial may go; 0.0 while closed
        self._trial = False

    @property
    def state(self) -> State:
        if not self._opens_at:
            return State.CLOSED
        return State.OPEN if time.monotonic() < self._opens_at else State.HALF_OPEN

    def wait(self) -> float:
        """Seconds until it is worth asking again; 0.0 means go now, and say how it went."""
        if not self._opens_at:
            return 0.0
        left = self._opens_at - time.monotonic()
        if left > 0:
            return left
        if self._trial:
            return self._first  # somebody is trying; the answer will be there by then
        self._trial = True
        return 0.0

    def succeeded(self) -> None:
        self._failures, self._seconds, self._opens_at, self._trial = 0, self._first, 0.0, False

    def failed(self, hold: float = 0.0) -> None:
        """`hold`: the other side itself asked not to be called for so long; believed up to the longest time."""
        self._failures += 1
        seconds = min(hold, self._longest)
        if self._trial or self._failures >= self._limit:
            seconds = max(seconds, self._seconds)
            self._seconds = min(self._longest, self._seconds * 2)
        if seconds:
            self._opens_at = max(self._opens_at, time.monotonic() + seconds)
        self._trial = False

    def abandoned(self) -> None:
        """The call ended without telling anything: whoever comes next may try."""
        self._trial = False


class NoBreaker(Breaker):
    """Never opens: that one call failed says nothing about the next, which goes somewhere else."""

    def __init__(self) -> None:
        super().__init__(failures=1, seconds=0.0, longest=0.0)

    def failed(self, hold: float = 0.0) -> None:
        """Forget it."""
