"""Check that the service does its work: it reads a label whose contents are known, and every field is compared."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from decodeat_ops.checks import label
from decodeat_ops.checks.answer import answer, nothing_serves
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.core.ports import Endpoint, Response
from decodeat_ops.deployment import credential
from decodeat_ops.deployment.tools import Subject

ID = "api.label"
PATIENCE = 120.0  # seconds, as long as the service's own clients wait


def probe(subject: Subject) -> Finding:
    if subject.release is None or subject.endpoint is None:
        return nothing_serves(ID)
    url = subject.tools.loaded.settings.checks.label_url
    if not url:
        return answer(ID, Status.SKIP, "api.no_label")
    shown = credential.headers(subject.tools, subject.release.id)
    if shown is None:
        return answer(ID, Status.SKIP, "api.no_key")
    ours = label.is_ours(url)
    if ours is None:
        return _judge(_post(subject, subject.endpoint, shown, url), None)
    lot = label.new_lot()
    try:
        with label.served(ours, lot) as asked:
            response = _post(subject, subject.endpoint, shown, label.address(ours, lot))
    except label.PortTaken:
        # A taken port says nothing about the release. A deploy refuses it before it begins; a rollback doesn't.
        return answer(ID, Status.WARN, "api.port_taken", port=ours.port)
    if not asked and response.status == 200:
        return answer(
            ID, Status.FAIL, "api.not_fetched", origin=f"{ours.scheme}://{ours.netloc}", got=_message(response)
        )
    return _judge(response, label.expected())


def _post(subject: Subject, endpoint: Endpoint, shown: Mapping[str, str], url: str) -> Response:
    headers = {"Content-Type": "application/json", **shown}
    body = json.dumps({"image_urls": [url], "product_id": None}).encode()
    return subject.tools.http.request(endpoint, "POST", "/api/v1/analyze", body=body, headers=headers, timeout=PATIENCE)


def _judge(response: Response, want: dict[str, Any] | None) -> Finding:
    """Compare every field with `want`; when it is None (the operator's own label), check that it was read at all."""
    digest = hashlib.sha256(response.body).hexdigest()[:12]
    ms = int(response.seconds * 1000)
    if response.status != 200:
        return answer(ID, Status.FAIL, "api.status", code=response.status, digest=digest)
    got = _object(response)
    if want is None:
        outcome = str(got.get("decodeStatus"))
        read = outcome == "COMPLETED" and got.get("nutrition_info") is not None
        status, says = (Status.PASS, "api.read") if read else (Status.FAIL, "api.unread")
        return answer(ID, status, says, outcome=outcome, ms=ms, digest=digest)
    compared, wrong = label.differences(want, got)
    if wrong:
        return answer(
            ID,
            Status.FAIL,
            "api.differs",
            count=len(wrong),
            compared=compared,
            first=wrong[0],
            wrong=wrong,
            digest=digest,
        )
    return answer(ID, Status.PASS, "api.exact", compared=compared, ms=ms, digest=digest)


def _object(response: Response) -> dict[str, Any]:
    try:
        body = json.loads(response.body)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _message(response: Response) -> str:
    return str(_object(response).get("message", ""))[:80]


CHECKS = (Check(ID, probe, gate=True, active=True),)
