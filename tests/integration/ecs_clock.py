"""Let the product's waits for AWS end at once: its clock advances by what it would have slept."""

from dataclasses import dataclass
from typing import Any, Protocol

from decodeat_ops.adapters.system_clock import SystemClock


@dataclass
class Leaping:
    """Hold the seconds that were slept."""

    slept: float = 0.0

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.slept += seconds


class Patch(Protocol):
    """Set an attribute, as pytest's own does."""

    def setattr(self, target: Any, name: str, value: Any, /) -> None: ...


def leap(patch: Patch) -> Leaping:
    """Replace the clock by which actions wait."""
    clock = Leaping()
    patch.setattr(SystemClock, "now", lambda self: clock.slept)
    patch.setattr(SystemClock, "sleep", lambda self, seconds: clock.sleep(seconds))
    return clock
