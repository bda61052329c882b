"""The real service, as a process with two workers, reads real labels off a real host."""

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image, ImageDraw, ImageFont

from tests.labels.paper import FONTS
from tests.support.waiting import PATIENCE, wait_for
from tests.unit.decodeat.conftest import encoded
from tests.unit.decodeat.stored import rows
from tests.unit.decodeat.web import ROOT, Service, Web, service, variables_of_a_child

CHECKS = ROOT / "decodeat_ops" / "checks"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data") / "results.sqlite3"


@pytest.fixture(scope="module")
def running(host: Web, database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(
        tmp_path_factory.mktemp("service"),
        IMAGE_ALLOWED_ORIGINS=host.origin,
        DATABASE_URL=f"sqlite:///{database}",
        RELEASE_ID="r-1",
    ) as started:
        yield started


def analyse(running: Service, *urls: str, product_id: int | None = None) -> dict[str, Any]:
    body = {"image_urls": list(urls), "product_id": product_id}
    answer = httpx.post(f"{running.url}/api/v1/analyze", json=body, timeout=PATIENCE, trust_env=False)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert set(found) == {"decodeStatus", "product_name", "nutrition_info", "ingredients", "message"}
    return found


def stored(database: Path, product_id: int) -> dict[str, Any]:
    """Wait for the row of a product and return it."""

    def found() -> list[dict[str, Any]]:
        return [row for row in rows(f"sqlite:///{database}") if row["product_id"] == product_id]

    wait_for(found, otherwise="its result was not stored")
    return found()[-1]


def test_the_known_label_is_read_exactly(running: Service, host: Web, database: Path) -> None:
    url = host.serve(
        "/known%20label.png", (CHECKS / "known_label.png").read_bytes(), Content_Type="application/octet-stream"
    )
    expected = json.loads((CHECKS / "known_label.json").read_bytes())
    found = analyse(running, f"{url}?signature=secret", product_id=7)
    assert {name: found[name] for name in expected} == expected
    assert "offline engine" in found["message"]
    row = stored(database, 7)
    assert (row["decode_status"], row["release_id"]) == ("COMPLETED", "r-1")
    assert row["image_url"] == url
    assert json.loads(row["nutrition_info"]) == expected["nutrition_info"]


def _poster() -> bytes:
    image = Image.new("RGB", (800, 500), "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.truetype(FONTS / "NanumGothicBold.ttf", 60)
    draw.text((60, 80), "대한민국 영화제", font=font, fill="black")
    draw.text((60, 220), "오월 첫째 주 개봉", font=font, fill="black")
    return encoded(image, "JPEG")


def _halves(png: bytes) -> tuple[bytes, bytes]:
    """A label in two pictures: name and ingredients above, the figures below."""
    image = Image.open(io.BytesIO(png))
    return encoded(image.crop((0, 0, image.width, 255))), encoded(image.crop((0, 255, image.width, image.height)))


def test_two_sides_are_read_together(running: Service, host: Web, label_png: bytes) -> None:
    expected = json.loads((CHECKS / "known_label.json").read_bytes())
    above, below = _halves(label_png)
    found = analyse(running, host.serve("/above", above), host.serve("/below", below))
    assert (found["decodeStatus"], found["product_name"]) == ("COMPLETED", expected["product_name"])
    assert (found["ingredients"], found["nutrition_info"]) == (expected["ingredients"], expected["nutrition_info"])


def test_ingredients_alone_answer_an_object_of_nulls(running: Service, host: Web, label_png: bytes) -> None:
    found = analyse(running, host.serve("/above", _halves(label_png)[0]))
    assert found["decodeStatus"] == "COMPLETED"
    assert len(found["nutrition_info"]) == 11 and set(found["nutrition_info"].values()) == {None}
    assert len(found["ingredients"]) == 5


def test_two_products_are_cancelled(running: Service, host: Web, label_png: bytes, other_label_png: bytes) -> None:
    found = analyse(running, host.serve("/one", label_png), host.serve("/two", other_label_png))
    assert (found["decodeStatus"], found["nutrition_info"]) == ("CANCELLED", None)


@pytest.mark.parametrize(
    ("name", "status"), [("poster", "CANCELLED"), ("blurred", "FAILED"), ("damaged", "FAILED"),
     ("gone", "FAILED"), ("page", "FAILED")],
)  # fmt: skip
def test_what_is_no_readable_label(running: Service, host: Web, name: str, status: str, blurred_png: bytes) -> None:
    pictures = {
        "poster": _poster(),
        "blurred": blurred_png,
        "damaged": blurred_png[:5000],
        "page": b"<html>",
        "gone": b"",
    }
    url = host.serve(f"/{name}", pictures[name], 404 if name == "gone" else 200)
    found = analyse(running, url)
    assert (found["decodeStatus"], found["nutrition_info"], found["product_name"]) == (status, None, None)
    assert not re.search(r"http|127\.0|Error|Exception|/tmp", found["message"])


def test_one_valid_picture_is_enough(running: Service, host: Web, label_png: bytes) -> None:
    above = host.serve("/above", _halves(label_png)[0])
    for other in (host.serve("/poster", _poster()), f"{host.origin}/nowhere"):
        found = analyse(running, other, above)
        assert (found["decodeStatus"], len(found["ingredients"])) == ("COMPLETED", 5)
        assert "left out" in found["message"]


def _workers(running: Service) -> list[int]:
    children = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children").read_text()
    return [int(pid) for pid in children.split()]


def _total(text: str, name: str) -> float:
    return sum(
        float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith((f"{name}{{", f"{name} "))
    )


def _get(running: Service, path: str) -> httpx.Response:
    return httpx.get(running.url + path, timeout=PATIENCE, trust_env=False)


def test_counters_are_those_of_all_workers_and_outlive_them(running: Service) -> None:
    name = "api_requests_total"
    before, asked = _total(_get(running, "/metrics").text, name), 0

    def both_have_answered() -> bool:
        nonlocal asked
        asked += 1
        assert _get(running, "/health").status_code == 200
        lines = running.log.read_text().splitlines()
        return asked >= 40 and len({json.loads(line)["pid"] for line in lines if '"/health"' in line}) == 2

    wait_for(both_have_answered, otherwise="without both workers' answers this test means nothing")
    assert _total(_get(running, "/metrics").text, name) == before + asked + 1
    gone = _workers(running)[0]
    os.kill(gone, signal.SIGTERM)
    wait_for(lambda: gone not in _workers(running) and len(_workers(running)) == 2)
    wait_for(lambda: _get(running, "/ready").status_code == 200)
    assert _total(_get(running, "/metrics").text, name) >= before + asked + 2


def test_everything_it_says_is_json_and_tells_no_secret(running: Service) -> None:
    httpx.get(
        f"{running.url}/health?token=secret", headers={"X-Request-Id": "marker-1"}, timeout=PATIENCE, trust_env=False
    )
    text = running.log.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    (marked,) = [line for line in lines if line.get("request_id") == "marker-1"]
    assert (marked["method"], marked["path"], marked["status"], marked["release"]) == ("GET", "/health", 200, "r-1")
    assert marked["duration_ms"] >= 0 and marked["pid"] in {line["pid"] for line in lines}
    assert "secret" not in text
    assert "127.0.0.1" not in "".join(line for line in text.splitlines() if "decodeat.access" in line)


def test_over_a_unix_socket_any_host_is_served(tmp_path: Path) -> None:
    """The private socket of a deployment: no client address, and a Host header that names nobody."""
    path = tmp_path / "s.sock"
    environment = variables_of_a_child(ALLOWED_HOSTS="api.example.com")
    argv = (sys.executable, "-m", "uvicorn", "decodeat.main:app", "--uds", str(path))
    process = subprocess.Popen(argv, env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    try:
        wait_for(lambda: _connects(path))
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), timeout=PATIENCE) as client:
            assert client.get("http://whatever/health").status_code == 200
            assert client.post("http://whatever/api/v1/analyze", json={"image_urls": []}).status_code == 422
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _connects(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def test_wrong_settings_under_another_s_gunicorn_stop_it_with_all_their_names(tmp_path: Path) -> None:
    """A deployment brings its own gunicorn configuration: then the application itself must say what is wrong."""
    environment = variables_of_a_child(LOG_LEVLE="INFO", REDIS_URL="cache")
    argv = (sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0", "-k", "decodeat.worker.ReleaseWorker",
            "--no-control-socket", "decodeat.main:app")  # fmt: skip
    done = subprocess.run(
        argv, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 3
    assert "LOG_LEVLE" in done.stdout and "REDIS_URL" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
