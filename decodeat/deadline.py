"""The time that one request has in all, handed from stage to stage."""

import time
from typing import Self


class Deadline:
    """A moment by which an answer has to be there; all figures are seconds."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Never negative."""
        return max(0.0, self._end - time.monotonic())

    def earlier(self, seconds: float) -> Self:
        """One that leaves so much for what comes after."""
        return type(self)(self.left - seconds)

    def at_most(self, seconds: float) -> Self:
        """The nearer one of this and of so long from now."""
        return type(self)(min(self.left, seconds))
