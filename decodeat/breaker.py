"""Remember that something outside the process is down, so that not every request has to find out by itself."""

import time
from enum import Enum


class State(Enum):
    """Name the states of a breaker. The value is what the metrics show: larger is worse."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


class Breaker:
    """Stop calls after `failures` in a row: for `seconds`, then twice as long each time, up to `longest` seconds.

    When the time is over one call may go as a trial; its success closes the breaker for all.
    """

    def __init__(self, failures: int, seconds: float, longest: float) -> None:
        self._limit = failures
        self._first = seconds
        self._longest = longest
        self._failures = 0
        self._seconds = seconds
        self._next_trial_at = 0.0  # 0.0 while closed
        self._trial = False

    @property
    def state(self) -> State:
        if not self._next_trial_at:
            return State.CLOSED
        return State.OPEN if time.monotonic() < self._next_trial_at else State.HALF_OPEN

    def try_acquire(self) -> float:
        """Return the seconds to wait before a call. 0.0 means: call now, and then report how the call ended."""
        if not self._next_trial_at:
            return 0.0
        left = self._next_trial_at - time.monotonic()
        if left > 0:
            return left
        if self._trial:
            return self._first  # another call is the trial; its answer is expected by then
        self._trial = True
        return 0.0

    def succeeded(self) -> None:
        self._failures, self._seconds, self._next_trial_at, self._trial = 0, self._first, 0.0, False

    def failed(self, hold: float = 0.0) -> None:
        """Count a failure. `hold`: seconds for which the other side asked not to be called, up to the longest time.

        A call that began before the breaker opened met the same outage: its failure makes no pause longer.
        """
        self._failures += 1
        seconds = min(hold, self._longest)
        if self._trial or (self._failures >= self._limit and self.state is not State.OPEN):
            seconds = max(seconds, self._seconds)
            self._seconds = min(self._longest, self._seconds * 2)
        if seconds:
            self._next_trial_at = max(self._next_trial_at, time.monotonic() + seconds)
        self._trial = False

    def release_trial(self) -> None:
        """End a call that proved neither success nor failure: the next call may be the trial."""
        self._trial = False


class NoBreaker(Breaker):
    """Allow every call: a failed one says nothing about the next, which goes to another place."""

    def __init__(self) -> None:
        super().__init__(failures=1, seconds=0.0, longest=0.0)

    def failed(self, hold: float = 0.0) -> None:
        """Do nothing."""
