"""Test that events which never happened count as 0, and that users differ from probes, and their faults from ours."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from decodeat.api.request import _by
from tests.unit.decodeat.conftest import encoded
from tests.unit.decodeat.web import Service, Web, service

PATH = "/api/v1/analyze"


@pytest.fixture(scope="module")
def fresh(host: Web, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run a service that had no analysis request yet."""
    place = tmp_path_factory.mktemp("service")
    with service(place, WORKERS="1", DATABASE_URL="none", IMAGE_ALLOWED_ORIGINS=host.origin) as running:
        yield running


def samples(running: Service) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    text = httpx.get(f"{running.url}/metrics", timeout=30, trust_env=False).text
    found = re.findall(r"^(\w+)(?:\{(.*)\})? (\S+)$", text, re.MULTILINE)
    return {(name, frozenset(re.findall(r'(\w+)="(.*?)"', labels))): float(value) for name, labels, value in found}


def value(running: Service, name: str, **labels: str) -> float | None:
    return samples(running).get((name, frozenset(labels.items())))


def test_what_never_happened_is_zero(fresh: Service) -> None:
    for status in ("200", "401", "408", "413", "422", "429", "499", "500"):
        labels = {"status": status, "method": "POST", "path": PATH, "by": "user"}
        assert value(fresh, "api_requests_total", **labels) == 0, status
    for status in ("COMPLETED", "CANCELLED", "FAILED"):
        assert value(fresh, "decodeat_analyses_total", status=status, engine="tesseract+embedded") == 0, status
    assert value(fresh, "decodeat_analyses_total", status="FAILED", engine="none") == 0
    for cause in ("picture", "host", "label", "engine", "timeout", "overload"):
        assert value(fresh, "decodeat_analyses_failed_total", cause=cause) == 0, cause
    assert value(fresh, "decodeat_image_download_failures_total", reason="status") == 0
    assert value(fresh, "decodeat_upstream_calls_total", upstream="images", outcome="timeout") == 0


def test_probes_are_not_users_and_a_user_s_bad_address_is_not_ours(fresh: Service, host: Web) -> None:
    def users() -> float:
        return sum(
            count for (name, labels), count in samples(fresh).items()
            if name == "api_requests_total" and ("by", "user") in labels
        )  # fmt: skip

    before = users()
    for path in ("/health", "/ready", "/metrics"):
        assert httpx.get(fresh.url + path, timeout=30, trust_env=False).status_code == 200
    assert users() == before
    for address in ("http://10.0.0.1/a.png", f"{host.origin}/gone.png"):
        asked = {"image_urls": [address], "product_id": 1}
        answer = httpx.post(fresh.url + PATH, json=asked, timeout=60, trust_env=False)
        assert answer.json()["decodeStatus"] == "FAILED"
    assert users() == before + 2
    causes = {cause: value(fresh, "decodeat_analyses_failed_total", cause=cause) for cause in ("picture", "engine")}
    assert causes == {"picture": 2, "engine": 0}
    blank = {"image_urls": [host.serve("/blank.png", encoded(Image.new("L", (60, 60), 255)))], "product_id": 1}
    httpx.post(fresh.url + PATH, json=blank, timeout=60, trust_env=False)
    assert value(fresh, "decodeat_analyses_failed_total", cause="engine") == 0


def test_what_is_refused_before_its_route_is_counted_where_it_was_going(fresh: Service) -> None:
    labels = {"status": "413", "method": "POST", "path": PATH, "by": "user"}
    before = value(fresh, "api_requests_total", **labels)
    assert httpx.post(fresh.url + PATH, content=b"x" * 100_000, timeout=30, trust_env=False).status_code == 413
    assert before is not None
    assert value(fresh, "api_requests_total", **labels) == before + 1


def test_probes_over_the_private_socket_are_no_users(tmp_path: Path) -> None:
    assert _by({"type": "http", "path": PATH, "server": (str(tmp_path / "r.sock"), None)}) == "probe"
    assert _by({"type": "http", "path": PATH, "server": ("127.0.0.1", 8000)}) == "user"
