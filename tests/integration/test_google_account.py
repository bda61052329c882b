"""Given a service account's key in a variable, when labels are read, then Google gets its tokens, and nobody its key.

Google's own SDK speaks TLS here, to a server that takes tokens of that account alone.
"""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.servers import vision as ocr
from tests.servers.google_account import Account, account
from tests.support.waiting import PATIENCE
from tests.unit.decodeat.hostile_images import PNG
from tests.unit.decodeat.test_figures import LABEL
from tests.unit.decodeat.web import Service, service, web

TEXT = f"제품명: 초코 쿠키\n원재료명: 밀가루(밀:미국산), 설탕, 정제소금\n{LABEL}"


def variables(directory: Path, of: Account, side: ocr.Vision, server: Account, **more: str) -> dict[str, Any]:
    """Return what the service is given: the account, and whom it may believe that it is Google."""
    roots = directory / "roots.pem"
    roots.write_bytes(server.certificate)
    return {
        "GOOGLE_CREDENTIALS_JSON": of.content,
        "VISION_ENDPOINT": side.origin,
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(roots),
        "WORKERS": "1",
        "DATABASE_URL": "none",
        "DEBUG": "true",
        **more,
    }


def get(running: Service, path: str) -> str:
    answer = httpx.get(f"{running.url}{path}", timeout=PATIENCE, trust_env=False)
    return f"{answer.headers}\n{answer.text}"


def test_a_key_in_a_variable_signs_each_call_and_is_shown_nowhere(tmp_path: Path) -> None:
    reader = account()
    with ocr.serving(ocr.reads(TEXT), account=reader) as side, web() as site:
        given = variables(tmp_path, reader, side, reader, IMAGE_ALLOWED_ORIGINS=site.origin)
        with service(tmp_path, **given) as running:
            urls = {"image_urls": [site.serve("/label.png", PNG)]}
            address = f"{running.url}/api/v1/analyze"
            answer = httpx.post(address, json=urls, timeout=2 * PATIENCE, trust_env=False)
            shown = "".join(get(running, path) for path in ("/health", "/ready", "/metrics"))
    assert (answer.json()["decodeStatus"], len(side.asked)) == ("COMPLETED", 1)
    assert "Google Cloud Vision" in shown and 'upstream="vision"' in shown
    shown += answer.text + running.log.read_text()
    assert not [secret for secret in reader.secrets if secret in shown]


def test_a_key_that_google_does_not_know_never_becomes_ready_and_is_shown_nowhere(tmp_path: Path) -> None:
    known, stranger = account(), account(2)
    with ocr.serving(ocr.reads(TEXT), account=known) as side:
        for patience in (5, 30, 90):  # until it had time to boot and to say what is wrong
            with (
                pytest.raises(AssertionError, match="did not become ready") as not_ready,
                service(tmp_path, patience=patience, **variables(tmp_path, stranger, side, known)),
            ):
                """Never got to."""
            shown = str(not_ready.value)
            if "Google Cloud Vision: credentials" in shown:
                break
    assert "Google Cloud Vision: credentials" in shown
    assert "the text recognition service refused a request" in shown
    assert not [secret for secret in stranger.secrets if secret in shown]
