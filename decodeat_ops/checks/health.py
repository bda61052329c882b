"""Check that the service answers, and with the expected release: several times in a row, then on the private socket."""

import json

from decodeat_ops.checks.answer import answer, nothing_serves
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.core.errors import Unreachable
from decodeat_ops.core.ports import Endpoint, Http, Response
from decodeat_ops.deployment.tools import Subject

ID = "health.edge"
TIMES = 10  # enough to reach every worker of a small deployment


def probe(subject: Subject) -> Finding:
    if subject.release is None or subject.endpoint is None:
        return nothing_serves(ID)
    release, http = subject.release.id, subject.tools.http
    private = subject.tools.store.private(release)
    asked = [subject.endpoint] * TIMES + [private]
    for number, endpoint in enumerate(asked, 1):
        wrong = _wrong(http, endpoint, release)
        if wrong is not None:
            says, seen = wrong
            return answer(ID, Status.FAIL, says, seen=seen, release=release, address=str(endpoint), number=number)
    return answer(ID, Status.PASS, "health.steady", times=len(asked), release=release, address=str(subject.endpoint))


def _wrong(http: Http, endpoint: Endpoint, release: str) -> tuple[str, str] | None:
    """Return what is wrong with one answer: the sentence's id and what was seen; None when nothing is."""
    try:
        response = http.request(endpoint, "GET", "/health")
    except Unreachable as error:
        return "health.unreachable", error.advice.what
    if response.status != 200:
        return "health.status", str(response.status)
    header, body = response.headers.get("x-release-id", ""), _reported(response)
    if (header, body) != (release, release):
        return "health.other_release", body if header == release else header
    return None


def _reported(response: Response) -> str:
    try:
        body = json.loads(response.body)
    except ValueError:
        return ""
    return str(body.get("release", "")) if isinstance(body, dict) else ""


CHECKS = (Check(ID, probe, gate=True),)
