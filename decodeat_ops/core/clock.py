"""Detect dates in the future, where one of two clocks was wrong; define the port to the clock by which actions wait."""

from datetime import UTC, datetime
from typing import Protocol

SLACK = 300.0  # seconds that clocks may differ: archives come from other machines


class Clock(Protocol):
    """Tell how time passes, and let it pass."""

    def now(self) -> float:
        """Return seconds since some moment; they never go back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return after that many seconds."""
        ...


def ahead(stamp: str, now: datetime | None = None) -> bool:
    """Return whether an ISO 8601 moment is more than `SLACK` seconds in the future."""
    return (datetime.fromisoformat(stamp) - (now or datetime.now(UTC))).total_seconds() > SLACK
