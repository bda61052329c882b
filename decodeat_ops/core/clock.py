"""Detect dates in the future: one of two clocks was wrong, so that the age is unknown."""

from datetime import UTC, datetime

SLACK = 300.0  # seconds that clocks may differ: archives come from other machines


def ahead(stamp: str, now: datetime | None = None) -> bool:
    """Return whether an ISO 8601 moment is more than `SLACK` seconds in the future."""
    return (datetime.fromisoformat(stamp) - (now or datetime.now(UTC))).total_seconds() > SLACK
