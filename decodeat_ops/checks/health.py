"""Check that the service answers, and with the expected release: several times in a row, and on the private socket."""

import json
from concurrent.futures import ThreadPoolExecutor

from decodeat_ops.checks.answer import answer, nothing_serves
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.core.errors import Unreachable
from decodeat_ops.core.ports import Endpoint, Http, Response

ID = "health.edge"
TIMES = 10  # enough to reach every worker of a small deployment


def probe(subject: Subject) -> Finding:
    if subject.release is None or subject.endpoint is None:
        return nothing_serves(ID)
    release, http = subject.release.id, subject.view.http
    private = subject.view.endpoint(subject.release, "private")
    asked = [subject.endpoint] * TIMES + ([private] if private else [])
    with ThreadPoolExecutor(2, "health") as pool:  # the private socket may be a machine away, and takes as long as all
        apart = pool.submit(_wrong, http, private, release) if private else None
        found = (_wrong(http, subject.endpoint, release) for _ in range(TIMES))
        wrong = next(((number, one) for number, one in enumerate(found, 1) if one), None)
    if wrong is None and apart is not None and (last := apart.result()):
        wrong = len(asked), last
    if wrong is None:
        return answer(ID, Status.PASS, "health.steady", times=len(asked), release=release, address=str(asked[0]))
    number, (says, seen) = wrong
    address = str(asked[number - 1])
    return answer(ID, Status.FAIL, says, seen=seen, release=release, address=address, number=number)


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
