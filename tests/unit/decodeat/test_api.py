"""The contract over HTTP, short of reading labels: shapes, access, hosts, ids, errors, readiness."""

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from decodeat import __version__
from decodeat.main import create
from decodeat.settings import Settings
from tests.support.examples import ONE_FIXTURE, examples

PATH = "/api/v1/analyze"
REFUSED = {"image_urls": ["http://127.0.0.1/label.png"]}  # never fetched, so it answers at once


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(create(Settings(release_id="r-1")), raise_server_exceptions=False) as running:
        yield running


@pytest.fixture(scope="module")
def shared() -> Iterator[TestClient]:
    with TestClient(create(Settings(release_id="r-1"))) as running:
        yield running


def test_health_depends_on_nothing(client: TestClient) -> None:
    answer = client.get("/health")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "healthy", "service": "nutrition-label-api", "version": __version__, "release": "r-1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "location"),
    [
        ({}, ["body", "image_urls"]),
        ({"image_urls": None}, ["body", "image_urls"]),
        ({"image_urls": []}, ["body", "image_urls"]),
        ({"image_urls": ["http://a.kr/1"] * 3}, ["body", "image_urls"]),
        ({"image_urls": "http://a.kr/1"}, ["body", "image_urls"]),
        ({"image_urls": [""]}, ["body", "image_urls", 0]),
        ({"image_urls": ["   "]}, ["body", "image_urls", 0]),
        ({"image_urls": ["http://a.kr/1", "ftp://a.kr/1"]}, ["body", "image_urls", 1]),
        ({"image_urls": ["file:///etc/passwd"]}, ["body", "image_urls", 0]),
        ({"image_urls": ["http://"]}, ["body", "image_urls", 0]),
        ({"image_urls": ["http://a.kr/\x00"]}, ["body", "image_urls", 0]),
        ({"image_urls": ["http://a.kr/" + "x" * 5000]}, ["body", "image_urls", 0]),
        ({"image_urls": [None]}, ["body", "image_urls", 0]),
        ({"image_urls": ["http://a.kr/1"], "product_id": "seven"}, ["body", "product_id"]),
        ({"image_urls": ["http://a.kr/1"], "product_id": 1.5}, ["body", "product_id"]),
        ({"image_urls": ["http://a.kr/1"], "product_id": "7"}, ["body", "product_id"]),
        ({"image_urls": ["http://a.kr/1"], "product_id": True}, ["body", "product_id"]),
        ({"image_urls": ["http://a.kr/1"], "product_id": 2**63}, ["body", "product_id"]),
        ({"image_urls": ["http://a.kr/1"], "product_id": -(2**63) - 1}, ["body", "product_id"]),
        ([], ["body"]),
        (None, ["body"]),
    ],
)
def test_422_in_the_shape_of_fastapi(shared: TestClient, body: object, location: list[object]) -> None:
    answer = shared.post(PATH, json=body)
    assert answer.status_code == 422
    details = answer.json()["detail"]
    assert [detail["loc"] for detail in details] == [location]
    assert all(set(detail) == {"type", "loc", "msg"} for detail in details)
    assert "passwd" not in answer.text


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b'{"image_urls": ["http://a.kr/1"], "product_id": NaN}', b'["\\ud800"]']
)
def test_422_for_what_is_hardly_json(shared: TestClient, body: bytes) -> None:
    answer = shared.post(PATH, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][0] == "body"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=examples(60), suppress_health_check=ONE_FIXTURE)
@given(st.fixed_dictionaries({}, optional={"image_urls": JSON, "product_id": JSON, "extra": JSON}))
def test_any_body_is_answered_or_refused(shared: TestClient, body: dict[str, object]) -> None:
    answer = shared.post(PATH, content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert answer.status_code in {200, 422}
    if answer.status_code == 200:
        assert answer.json()["decodeStatus"] == "FAILED"


@pytest.mark.parametrize(
    "extra",
    [{}, {"product_id": None}, {"product_id": 7}, {"product_id": 7.0}, {"product_id": 2**63 - 1}, {"more": True}],
)
def test_an_outcome_is_200_with_five_keys(shared: TestClient, extra: dict[str, object]) -> None:
    answer = shared.post(PATH, json={**REFUSED, **extra})
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"decodeStatus", "product_name", "nutrition_info", "ingredients", "message"}
    assert (body["decodeStatus"], body["product_name"], body["nutrition_info"], body["ingredients"]) == (
        "FAILED",
        None,
        None,
        [],
    )
    assert "127.0.0.1" not in body["message"] and "http" not in body["message"]


def test_pages_of_known_sites_may_call_and_others_may_not() -> None:
    ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    with TestClient(create(Settings(cors_origins=("https://shop.kr",)))) as client:
        known = client.options(PATH, headers={"Origin": "https://shop.kr", **ask})
        other = client.options(PATH, headers={"Origin": "https://evil.test", **ask})
    assert known.headers["Access-Control-Allow-Origin"] == "https://shop.kr"
    assert "Access-Control-Allow-Credentials" not in known.headers
    assert "Access-Control-Allow-Origin" not in other.headers


@pytest.mark.parametrize(
    ("given", "kept"), [("check-01.a_B", True), ("a" * 64, True), ("a" * 65, False), ("a b", False), ("", False)]
)
def test_the_request_id_of_the_client_is_kept_if_it_is_one(shared: TestClient, given: str, kept: bool) -> None:
    answer = shared.get("/health", headers={"X-Request-Id": given})
    assert (answer.headers["X-Request-Id"] == given) is kept
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", answer.headers["X-Request-Id"])


def test_every_answer_names_release_and_request(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(self: object, urls: object, product_id: object) -> None:
        raise RuntimeError("secret detail at http://shop.kr/a.png?sig=secret")

    monkeypatch.setattr("decodeat.pipeline.Pipeline.analyse", broken)
    answers = [
        client.get("/nope"),
        client.delete("/health"),
        client.post(PATH, json={}),
        client.post(PATH, content=b"x" * 70_000),
        client.post(PATH, json=REFUSED),
    ]
    assert [answer.status_code for answer in answers] == [404, 405, 422, 413, 500]
    for answer in answers:
        assert answer.headers["X-Release-Id"] == "r-1"
        assert answer.headers["X-Request-Id"]
        assert "detail" in answer.json()
        assert "secret" not in answer.text


def test_a_mistake_of_ours_is_logged_with_its_request(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(self: object, urls: object, product_id: object) -> None:
        raise RuntimeError("a detail for the log")

    monkeypatch.setattr("decodeat.pipeline.Pipeline.analyse", broken)
    with caplog.at_level(logging.INFO):
        client.post(PATH, json=REFUSED)
    (record,) = [r for r in caplog.records if r.levelname == "ERROR"]
    assert record.exc_info and "a detail for the log" in str(record.exc_info[1])


def test_ready_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with TestClient(create(Settings(release_id="r-1", database_url=f"sqlite:///{tmp_path}/results.sqlite3"))) as client:
        answer = client.get("/ready")
        assert (answer.status_code, answer.json()["ready"], answer.json()["release"]) == (200, True, "r-1")
        assert {name: check["ok"] for name, check in answer.json()["checks"].items()} == {
            "pictures": True,
            "reader": True,
            "analyst": True,
            "cache": True,
            "results": True,
        }
    monkeypatch.setenv("PATH", str(tmp_path))
    with TestClient(create(Settings(database_url=f"sqlite:///{tmp_path}/missing/results.sqlite3"))) as client:
        answer = client.get("/ready")
        assert (answer.status_code, answer.json()["ready"]) == (503, False)
        missing = {"ok": False, "needed": True, "detail": "tesseract is not installed"}
        assert answer.json()["checks"]["reader"] == missing
        assert not answer.json()["checks"]["results"]["ok"]
        assert client.get("/health").status_code == 200


def test_what_no_instance_has_takes_none_out_of_traffic() -> None:
    with TestClient(create(Settings(database_url="postgresql://app:word@127.0.0.1:9/results"))) as client:
        answer = client.get("/ready")
        assert (answer.status_code, answer.json()["ready"]) == (200, True)
        assert answer.json()["checks"]["results"] == {
            "ok": False,
            "needed": False,
            "detail": "the database can't be written: Connection refused",
        }


def test_language_data_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "tesseract"
    program.write_text("#!/bin/sh\necho 'List of available languages (2):'\necho eng\necho osd\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with TestClient(create(Settings())) as client:
        answer = client.get("/ready")
    assert (answer.status_code, answer.json()["checks"]["reader"]["detail"]) == (
        503,
        "tesseract lacks the language data kor",
    )


def _count(**labels: str) -> float:
    return REGISTRY.get_sample_value("api_requests_total", labels) or 0.0


def test_requests_are_counted_by_route_and_unknown_ones_together(shared: TestClient) -> None:
    known, unknown = (
        {"status": "200", "method": "GET", "path": "/health", "by": "probe"},
        {"status": "404", "method": "GET", "path": "unmatched", "by": "user"},
    )
    before = _count(**known), _count(**unknown)
    shared.get("/health?a=1")
    for path in ("/a", "/b", "/wp-admin"):
        shared.get(path)
    assert (_count(**known), _count(**unknown)) == (before[0] + 1, before[1] + 3)
    text = shared.get("/metrics").text
    assert 'decodeat_release_info{release="r-1"' in text
    assert 'api_request_duration_seconds_bucket{by="probe",le="120.0"' in text
    assert 'decodeat_image_download_failures_total{reason="private"}' in text
    assert "wp-admin" not in text


def test_the_description_is_served(shared: TestClient) -> None:
    assert shared.get("/docs").status_code == 200
    paths = shared.get("/openapi.json").json()["paths"]
    assert set(paths) == {"/health", "/ready", "/metrics", PATH}
    assert set(paths[PATH]["post"]["responses"]) == {"200", "408", "413", "422"}
