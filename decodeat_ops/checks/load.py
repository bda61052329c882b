"""Measure response times and errors under a bounded load at a fixed rate."""

import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from decodeat_ops.core.errors import Unreachable
from decodeat_ops.core.ports import Endpoint, Http
from decodeat_ops.deployment.tools import Subject

AT_ONCE = 16  # requests under way at most; a slow service shows in latency, not in fewer requests


@dataclass(frozen=True)
class Soak:
    """Hold a load's result: percentiles in milliseconds over the requests answered with 200; `errors` are all others.

    `rate` (requests a second) and `seconds` are those that were asked for.
    """

    requests: int
    errors: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    rate: float
    seconds: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def soak(subject: Subject, endpoint: Endpoint) -> Soak:
    """Send GET /health at `checks.soak_rate` requests a second for `checks.soak_seconds`.

    Latency counts from the moment a request was due, so the wait for a free one of `AT_ONCE` threads is part of it.
    """
    settings = subject.tools.loaded.settings.checks
    number = max(1, round(settings.soak_rate * settings.soak_seconds))
    began = time.monotonic()

    def one(index: int) -> float:
        due = began + index / settings.soak_rate
        time.sleep(max(0.0, due - time.monotonic()))
        return time.monotonic() - due if _answered(subject.tools.http, endpoint) else math.nan

    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        took = list(pool.map(one, range(number)))
    finally:
        pool.shutdown(cancel_futures=True)  # an operator who interrupts a long soak doesn't wait for its end
    good = sorted(seconds for seconds in took if not math.isnan(seconds))
    p50, p95, p99 = (round(percentile(good, share) * 1000, 1) for share in (50, 95, 99))
    return Soak(number, number - len(good), p50, p95, p99, settings.soak_rate, settings.soak_seconds)


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the percentile (nearest rank): the smallest value that `share` percent do not exceed; 0.0 without any."""
    return ordered[max(0, math.ceil(len(ordered) * share / 100) - 1)] if ordered else 0.0


def _answered(http: Http, endpoint: Endpoint) -> bool:
    try:
        return http.request(endpoint, "GET", "/health").status == 200
    except Unreachable:
        return False
