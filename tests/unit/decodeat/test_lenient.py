"""Test hosts and clients that deviate from the standards as browsers allow: pictures are fetched, requests served."""

import asyncio
import gzip
import http.client
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import httpx
import pytest
from fastapi.testclient import TestClient

from decodeat import retry_after, values
from decodeat.deadline import Deadline
from decodeat.images.download import Downloader
from decodeat.images.errors import ImageRefused
from decodeat.images.location import parse
from decodeat.main import create
from decodeat.settings import Settings
from tests.support.waiting import PATIENCE
from tests.unit.decodeat.web import Service, Web, service

PICTURE = b"picture" * 100
PATH = "/api/v1/analyze"
REFUSED = {"image_urls": ["http://127.0.0.1/label.png"]}  # never fetched, so it answers at once
SITE = "https://shop.kr"


def fetch(url: str, *allowed: str) -> bytes:
    async def fetched() -> bytes:
        async with Downloader(1_000_000, allowed) as downloader:
            return await downloader.fetch(url, Deadline(PATIENCE))

    return asyncio.run(fetched())


def redirecting(site: Web, location: bytes) -> str:
    """Return the address of a page whose Location has exactly these bytes."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + location + b"\r\n\r\n")

    site.routes["/a"] = answer
    return f"{site.origin}/a"


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("/라벨.png".encode(), "/%EB%9D%BC%EB%B2%A8.png"),
        ("/%EB%9D%BC벨.png".encode(), "/%EB%9D%BC%EB%B2%A8.png"),
        ("/라벨.png".encode("euc-kr"), "/%B6%F3%BA%A7.png"),
        (b"/the label.png", "/the%20label.png"),
        (b"  /label.png \t", "/label.png"),
        ("/a b/라 벨.png".encode(), "/a%20b/%EB%9D%BC%20%EB%B2%A8.png"),
    ],
)
def test_a_redirect_may_hold_letters_and_blanks_as_they_are(site: Web, location: bytes, path: str) -> None:
    site.serve(path, PICTURE)
    assert fetch(redirecting(site, location), site.origin) == PICTURE


@pytest.mark.parametrize("location", [b"http://exa mple.test/", b"http://127.0.0.1: 80/", b"//127.0.0.1 /", b"/a\tb"])
def test_a_blank_in_a_host_is_refused_as_ever(site: Web, location: bytes) -> None:
    with pytest.raises(ImageRefused) as refused:
        fetch(redirecting(site, location), site.origin)
    assert refused.value.reason == "address"


GZIP = gzip.compress(PICTURE, mtime=0)


SENT = {
    **dict.fromkeys(("aws-chunked", "UTF-8", "utf8", "none", "binary", "", "identity"), PICTURE),
    "identity, aws-chunked": PICTURE,
    **dict.fromkeys(("aws-chunked,gzip", "gzip, aws-chunked", "GZIP ,"), GZIP),
    "gzip, gzip": gzip.compress(GZIP),
    "deflate, gzip": gzip.compress(zlib.compress(PICTURE)),
}


@pytest.mark.parametrize("encoding", SENT)
def test_a_word_that_is_no_coding_is_passed_over(site: Web, encoding: str) -> None:
    assert fetch(site.serve("/a", SENT[encoding], Content_Encoding=encoding), site.origin) == PICTURE


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, br", "compress", "gzip, gzip, gzip"])
def test_a_coding_that_can_t_be_undone_is_refused(site: Web, encoding: str) -> None:
    with pytest.raises(ImageRefused) as refused:
        fetch(site.serve("/a", PICTURE, Content_Encoding=encoding), site.origin)
    assert refused.value.reason == "encoding"


def test_a_bomb_inside_a_bomb_is_counted_at_each_level(site: Web) -> None:
    bomb = gzip.compress(gzip.compress(b"\0" * 500_000_000, compresslevel=1), mtime=0)
    with pytest.raises(ImageRefused) as refused:
        fetch(site.serve("/a", bomb, Content_Encoding="gzip, gzip"), site.origin)
    assert refused.value.reason == "too_large"


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("http://store.kr:80", "http://store.kr/a.png"),
        ("https://store.kr:443/", "https://store.kr/a.png"),
        ("HTTPS://Store.KR", "https://store.kr:443/a.png"),
        ("http://store.kr.", "http://store.kr/a.png"),
        ("http://store.kr:8080", "http://store.kr.:8080/a.png"),
        ("http://라벨.kr", "http://xn--oi2b31h.kr/a.png"),
        ("http://xn--oi2b31h.kr:8080", "http://라벨.kr:8080/a.png"),
        ("http://[0:0:0:0:0:0:0:1]:8099", "http://[::1]:8099/a.png"),
        ("http://[::FFFF:7f00:1]", "http://[::ffff:127.0.0.1]/a.png"),
        ("http://127.0.0.1.", "http://127.0.0.1/a.png"),
    ],
)
def test_an_origin_is_the_same_however_it_is_written(written: str, asked: str) -> None:
    assert parse(asked, values.origins(written)).trusted
    assert values.endpoint(written) == parse(asked, values.origins(written)).origin


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    config = Settings(
        cors_origins=values.cross_origins(f"{SITE}:443"),
        allowed_hosts=("api.example.com", "testserver"),
        api_keys=values.key_digests("k3y-for-tests-0001-abcdef"),
    )
    with TestClient(create(config)) as running:
        yield running


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics", "/docs", "/openapi.json"])
def test_head_answers_as_get_does_without_a_body(client: TestClient, path: str) -> None:
    got, head = client.get(path), client.head(path)
    assert (head.status_code, head.headers["Content-Type"]) == (200, got.headers["Content-Type"])


def test_head_is_no_operation_of_the_document(client: TestClient) -> None:
    assert not [path for path, item in client.get("/openapi.json").json()["paths"].items() if "head" in item]


@pytest.mark.parametrize("path", [f"/{PATH}", "//api//v1///analyze", "/api/v1//analyze"])
def test_slashes_too_many_lead_to_the_same_place_and_past_no_guard(client: TestClient, path: str) -> None:
    url = f"http://testserver{path}"
    assert client.post(url, json=REFUSED).status_code == 401
    assert client.post(url, json=REFUSED, headers={"X-API-Key": "k3y-for-tests-0001-abcdef"}).status_code == 200
    assert client.get("http://testserver//health").status_code == 200


def test_a_host_with_a_dot_at_its_end_is_the_same_host(client: TestClient) -> None:
    for host, status in (("api.example.com.", 200), ("api.example.com.:8000", 200), ("other.example.com.", 400)):
        assert client.get("/health", headers={"Host": host}).status_code == status


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"headers": {"Host": "evil.test"}}, 400),
        ({"json": REFUSED}, 401),
        ({"content": b"x" * 70_000}, 413),
        ({"headers": {"X-API-Key": "k3y-for-tests-0001-abcdef"}, "content": b"x"}, 422),
        ({"headers": {"X-API-Key": "k3y-for-tests-0001-abcdef"}, "json": REFUSED}, 200),
    ],
)
def test_another_site_s_page_can_read_every_answer(client: TestClient, asked: dict[str, object], status: int) -> None:
    for origin, allowed in ((SITE, SITE), ("https://evil.test", None)):
        given = asked.get("headers")
        headers = {**(given if isinstance(given, dict) else {}), "Origin": origin}
        answer = client.request("POST", PATH, **{**asked, "headers": headers})  # type: ignore[arg-type]  # a table
        assert (answer.status_code, answer.headers.get("Access-Control-Allow-Origin")) == (status, allowed)
        assert answer.headers.get_list("Vary") in ([], ["Origin"])


def test_another_site_s_page_can_read_that_we_made_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    app = create(Settings(cors_origins=(SITE,), allowed_hosts=()))

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("a mistake")

    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/broken", headers={"Origin": SITE})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (500, SITE)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(
        tmp_path_factory.mktemp("service"), WORKERS="1", DATABASE_URL="none", API_RATE_LIMIT="1", CORS_ORIGINS=SITE
    ) as started:
        yield started


def test_the_real_service_answers_head_and_pages_that_are_told_to_wait(running: Service) -> None:
    head = httpx.head(f"{running.url}/metrics", trust_env=False)
    assert (head.status_code, head.content) == (200, b"")
    answers = [
        httpx.post(running.url + PATH, json=REFUSED, headers={"Origin": SITE}, trust_env=False) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert {answer.headers["Access-Control-Allow-Origin"] for answer in answers} == {SITE}


def test_a_page_can_read_that_it_was_too_slow(running: Service) -> None:
    host, _, port = running.url.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    connection.putrequest("POST", PATH)
    for name, value in (("Origin", SITE), ("Content-Type", "application/json"), ("Content-Length", "100")):
        connection.putheader(name, value)
    connection.endheaders(b"{")
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Access-Control-Allow-Origin")) == (408, SITE)
    connection.close()


@pytest.mark.parametrize(("origin", "allowed"), [(SITE, SITE), ("https://evil.test", None)])
def test_a_page_can_read_that_its_headers_are_too_large(running: Service, origin: str, allowed: str | None) -> None:
    host, _, port = running.url.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    connection.connect()
    connection.sock.sendall(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nOrigin: {origin}\r\nX-Long: ".encode() + b"x" * 40_000)
    answer = http.client.HTTPResponse(connection.sock, method="POST")
    answer.begin()
    assert (answer.status, answer.getheader("Access-Control-Allow-Origin")) == (431, allowed)
    connection.close()


@pytest.mark.parametrize(
    "header",
    [f"Mon, 01 Jan {'9' * 20} 00:00:00 GMT", f"01 Jan 2020 00:00:00 +{'9' * 20}", f"01 Jan 2020 {'9' * 20}:00:00"],
)
def test_a_moment_that_no_calendar_has_is_none(site: Web, header: str) -> None:
    assert retry_after.seconds(header) is None
    with pytest.raises(ImageRefused) as refused:
        fetch(site.serve("/a", b"", 403, Retry_After=header), site.origin)
    assert refused.value.reason == "status"
