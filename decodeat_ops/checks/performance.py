"""Measure how fast the serving release is; the result is the baseline that the next release is compared with."""

from decodeat_ops.checks import baseline
from decodeat_ops.checks.answer import answer, first_deploy
from decodeat_ops.checks.load import soak
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Check, Finding, Status

ID = "performance.baseline"


def probe(subject: Subject) -> Finding:
    """Put load on the release that serves, not on the one that is staged, which has no traffic yet."""
    active = subject.view.active()
    endpoint = subject.view.endpoint(active, "public") if active else None
    if active is None or endpoint is None:
        return answer(ID, Status.SKIP, "performance.first" if first_deploy(subject) else "performance.stopped")
    measured = soak(subject, endpoint)
    seen = {**measured.as_json(), "release": active.id}
    if measured.errors:
        return answer(
            ID, Status.FAIL, "performance.errors", errors=measured.errors, requests=measured.requests, seen=seen
        )
    baseline.write(subject.records, active.id, measured)
    limit = round(subject.loaded.settings.checks.max_p95_seconds * 1000)
    if measured.p95_ms > limit:
        return answer(ID, Status.FAIL, "performance.slow", p95=round(measured.p95_ms), limit=limit, seen=seen)
    return answer(
        ID,
        Status.PASS,
        "performance.measured",
        p50=round(measured.p50_ms),
        p95=round(measured.p95_ms),
        p99=round(measured.p99_ms),
        requests=measured.requests,
        seen=seen,
    )


CHECKS = (Check(ID, probe, active=True),)
