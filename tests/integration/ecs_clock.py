"""Let the product's waits for AWS end at once: its clock advances by what it would have slept."""

from dataclasses import dataclass

import pytest

from decodeat_ops.adapters.system_clock import SystemClock


@dataclass
class Leaping:
    """Hold the seconds that were slept."""

    slept: float = 0.0

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.slept += seconds


def leap(patch: pytest.MonkeyPatch) -> Leaping:
    """Replace the clock by which actions wait."""
    clock = Leaping()
    patch.setattr(SystemClock, "now", lambda self: clock.slept)
    patch.setattr(SystemClock, "sleep", lambda self, seconds: clock.sleep(seconds))
    return clock
