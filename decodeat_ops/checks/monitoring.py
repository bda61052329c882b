"""Check whether the service is monitored, and whether its counters move with the traffic that they count."""

import re

from decodeat_ops.checks.answer import answer, nothing_serves
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.core.ports import Endpoint
from decodeat_ops.deployment.tools import Subject

TARGETS = "monitoring.targets"
COUNTERS = "monitoring.counters"
REQUESTS = 10
_SAMPLE = re.compile(r"^(?P<name>[a-zA-Z_:][\w:]*)(?P<labels>\{.*\})? (?P<value>\S+)", re.MULTILINE)


def targets(subject: Subject) -> Finding:
    return answer(TARGETS, Status.SKIP, "monitoring.none", target=subject.tools.loaded.settings.target)


def counters(subject: Subject) -> Finding:
    """Send a known number of requests between two readings; other traffic may add to the difference."""
    if subject.release is None or subject.endpoint is None:
        return nothing_serves(COUNTERS)
    endpoint, http = subject.endpoint, subject.tools.http
    before = _read(subject, endpoint)
    if f'release="{subject.release.id}"' not in before:
        return answer(COUNTERS, Status.FAIL, "metrics.other_release", release=subject.release.id)
    for _ in range(REQUESTS):
        http.request(endpoint, "GET", "/health")
    after = _read(subject, endpoint)
    requests = total(after, "api_requests_total") - total(before, "api_requests_total")
    timed = total(after, "api_request_duration_seconds_count") - total(before, "api_request_duration_seconds_count")
    moved = {"sent": REQUESTS, "counted": int(requests), "timed": int(timed)}
    if min(requests, timed) < REQUESTS:
        return answer(COUNTERS, Status.FAIL, "metrics.stuck", **moved)
    return answer(COUNTERS, Status.PASS, "metrics.move", **moved)


def _read(subject: Subject, endpoint: Endpoint) -> str:
    return subject.tools.http.request(endpoint, "GET", "/metrics").body.decode(errors="replace")


def total(text: str, name: str) -> float:
    """Return the sum of a metric's samples over all its labels; `text` is in Prometheus' text format."""
    return sum(float(sample["value"]) for sample in _SAMPLE.finditer(text) if sample["name"] == name)


CHECKS = (Check(TARGETS, targets), Check(COUNTERS, counters, active=True))
