"""What lies in the future: a clock was ahead when it was made, or is behind now; either way its age is unknown."""

from datetime import UTC, datetime

SLACK = 300.0  # seconds that clocks may differ: archives come from other machines


def ahead(stamp: str, now: datetime | None = None) -> bool:
    """Whether an ISO 8601 moment is in the future."""
    return (datetime.fromisoformat(stamp) - (now or datetime.now(UTC))).total_seconds() > SLACK
