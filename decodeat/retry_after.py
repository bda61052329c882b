"""Parse the HTTP header Retry-After (RFC 9110, 10.2.3): seconds or a date."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def seconds(header: str) -> float | None:
    """Return the seconds from now, never negative; None when the header can't be understood."""
    if re.fullmatch(r"\d{1,9}", header.strip(), re.ASCII):
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, OverflowError):  # the latter for a year of twenty digits
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
