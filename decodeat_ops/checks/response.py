"""Check how fast and how reliably the new release answers. One soak serves both checks."""

from decodeat_ops.checks import baseline
from decodeat_ops.checks.answer import answer, nothing_serves
from decodeat_ops.checks.load import Soak, soak
from decodeat_ops.checks.shared import once
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.core.ports import Endpoint
from decodeat_ops.core.release import Release
from decodeat_ops.deployment.tools import Subject

TIME = "response.time"
ERRORS = "response.errors"
MUCH_SLOWER = 1.5  # times the previous release's p95 ...
NOTICEABLE = 20.0  # ... and more milliseconds than noise on a busy machine makes
TOLERABLE = 0.01  # share of requests


def response_time(subject: Subject) -> Finding:
    release, endpoint = subject.release, subject.endpoint
    if release is None or endpoint is None:
        return nothing_serves(TIME)
    measured = _soak(subject, endpoint)
    p95, requests, seen = round(measured.p95_ms), measured.requests, measured.as_json()
    if measured.errors == measured.requests:
        return answer(TIME, Status.FAIL, "response.silent", requests=requests, seen=seen)
    limit = round(subject.tools.loaded.settings.checks.max_p95_seconds * 1000)
    if measured.p95_ms > limit:
        return answer(TIME, Status.FAIL, "response.slow", p95=p95, limit=limit, seen=seen)
    before = _before(subject, release)
    if before is None:
        return answer(TIME, Status.PASS, "response.fast", p95=p95, limit=limit, requests=requests, seen=seen)
    slower = measured.p95_ms > MUCH_SLOWER * before and measured.p95_ms - before > NOTICEABLE
    status, says = (Status.WARN, "response.slower") if slower else (Status.PASS, "response.as_before")
    return answer(TIME, status, says, p95=p95, before=round(before), limit=limit, seen=seen)


def error_rate(subject: Subject) -> Finding:
    if subject.release is None or subject.endpoint is None:
        return nothing_serves(ERRORS)
    measured = _soak(subject, subject.endpoint)
    counted = {"errors": measured.errors, "requests": measured.requests}
    if not measured.errors:
        return answer(ERRORS, Status.PASS, "response.clean", requests=measured.requests)
    tolerable = measured.errors <= TOLERABLE * measured.requests
    return answer(ERRORS, Status.WARN if tolerable else Status.FAIL, "response.errors_seen", **counted)


def _soak(subject: Subject, endpoint: Endpoint) -> Soak:
    return once(f"soak {endpoint}", lambda: soak(subject, endpoint))


def _before(subject: Subject, release: Release) -> float | None:
    """Return the previous release's p95 in milliseconds, None when there is no such release or no measurement."""
    previous = subject.tools.store.previous(release)
    known = baseline.read(subject.tools.layout.records)
    return float(known[previous.id]["p95_ms"]) if previous and previous.id in known else None


CHECKS = (Check(TIME, response_time, active=True), Check(ERRORS, error_rate, active=True))
