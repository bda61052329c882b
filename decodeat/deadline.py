"""Limit the time that one request has in all: a deadline is passed from stage to stage."""

import time
from typing import Self


class Deadline:
    """Hold the moment by which an answer has to be there; all figures are seconds."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Return the seconds left, never negative."""
        return max(0.0, self._end - time.monotonic())

    def earlier(self, seconds: float) -> Self:
        """Return a deadline that ends so much earlier, to leave time for what comes after."""
        return type(self)(self.left - seconds)

    def at_most(self, seconds: float) -> Self:
        """Return a deadline so long from now, or this one if it ends earlier."""
        return type(self)(min(self.left, seconds))
