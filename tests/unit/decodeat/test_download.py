"""Given hosts that behave and hosts that don't, a picture comes within its bounds or is refused with a reason."""

import asyncio
import gzip
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from decodeat.deadline import Deadline
from decodeat.images.download import Downloader
from decodeat.images.errors import ImageRefused
from tests.support.waiting import PATIENCE
from tests.unit.decodeat.web import Web, silent, web

LIMIT = 100_000

PACKED = gzip.compress(b"x" * 99, mtime=0)  # the same bytes whenever tests are collected: they name a case


def fetch(url: str, *allowed: str, limit: int = LIMIT, seconds: float = PATIENCE) -> bytes:
    async def go() -> bytes:
        async with Downloader(limit, allowed) as downloader:
            return await downloader.fetch(url, Deadline(seconds))

    return asyncio.run(go())


def refused(url: str, *allowed: str, seconds: float = PATIENCE) -> ImageRefused:
    with pytest.raises(ImageRefused) as caught:
        fetch(url, *allowed, seconds=seconds)
    assert "127.0.0.1" not in caught.value.text
    return caught.value


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("decodeat.upstream.FIRST_PAUSE", 0.0)


def test_a_picture_comes_whatever_its_type_is_called(site: Web) -> None:
    url = site.serve("/a", b"\x89PNG...", Content_Type="application/octet-stream")
    assert fetch(url, site.origin) == b"\x89PNG..."
    path, headers = site.asked[0]
    assert path == "/a"
    assert headers["Host"] == site.origin.removeprefix("http://")
    assert headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("url", ["/%EB%9D%BC%EB%B2%A8%20.png?sig=a%2Fb%3D", "/라벨%20.png?sig=a%2Fb%3D"])
def test_korean_names_are_asked_for_as_they_are(site: Web, url: str) -> None:
    site.serve("/%EB%9D%BC%EB%B2%A8%20.png", b"picture")
    assert fetch(site.origin + url, site.origin) == b"picture"
    assert site.asked[0][0] == "/%EB%9D%BC%EB%B2%A8%20.png?sig=a%2Fb%3D"


def test_a_proxy_in_the_environment_is_ignored(site: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert fetch(site.serve("/a", b"picture"), site.origin) == b"picture"


def test_three_redirects_are_followed_and_a_fourth_is_not(site: Web) -> None:
    site.serve("/4", b"picture")
    for number in range(4):
        site.serve(f"/{number}", b"", 302, Location=f"/{number + 1}")
    assert fetch(site.origin + "/1", site.origin) == b"picture"
    assert refused(site.origin + "/0", site.origin).reason == "redirects"


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("http://169.254.169.254/latest/meta-data/", "private"),
        ("http://127.0.0.1/", "private"),
        ("//[::1]/", "private"),
        ("https://127.0.0.1:1/", "address"),
        ("file:///etc/passwd", "address"),
        ("http://user@93.184.216.34/", "address"),
        ("http://127.0.0.1\\@93.184.216.34/", "address"),
    ],
)
def test_every_redirect_is_judged_anew(site: Web, target: str, reason: str) -> None:
    url = site.serve("/a", b"", 302, Location=target)
    assert refused(url, site.origin).reason == reason
    assert len(site.asked) == 1


def test_a_declared_size_is_refused_before_it_is_read(site: Web) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(LIMIT + 1))
        handler.end_headers()
        handler.close_connection = True

    site.routes["/a"] = answer
    assert refused(site.origin + "/a", site.origin).reason == "too_large"


def test_an_undeclared_size_is_counted(site: Web) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.close_connection = True
        for _ in range(1000):
            handler.wfile.write(b"x" * 10_000)

    site.routes["/a"] = answer
    assert refused(site.origin + "/a", site.origin).reason == "too_large"


def test_a_picture_of_exactly_the_limit_comes(site: Web) -> None:
    assert len(fetch(site.serve("/a", b"x" * LIMIT), site.origin)) == LIMIT


def test_a_packed_picture_is_unpacked(site: Web) -> None:
    url = site.serve("/a", gzip.compress(b"picture" * 100, mtime=0), Content_Encoding="gzip")
    assert fetch(url, site.origin) == b"picture" * 100


def test_a_packed_bomb_is_counted_unpacked(site: Web) -> None:
    url = site.serve("/a", gzip.compress(b"\0" * 50_000_000, mtime=0), Content_Encoding="gzip")
    assert refused(url, site.origin).reason == "too_large"


@pytest.mark.parametrize(
    ("body", "encoding"),
    [(b"plain", "gzip"), (PACKED[:-9], "gzip"), (b"x", "br"), (b"x", "gzip, br")],
)
def test_damaged_and_unknown_encodings_are_refused(site: Web, body: bytes, encoding: str) -> None:
    assert refused(site.serve("/a", body, Content_Encoding=encoding), site.origin).reason == "encoding"


def test_an_empty_answer_is_no_picture(site: Web) -> None:
    assert refused(site.serve("/a", b""), site.origin).reason == "empty"


@pytest.mark.parametrize(("status", "tries"), [(404, 1), (403, 1), (204, 1), (500, 5), (503, 5), (429, 5)])
def test_only_what_may_pass_is_tried_again(site: Web, status: int, tries: int) -> None:
    url = site.serve("/a", b"", status)
    found = refused(url, site.origin)
    assert (found.reason, len(site.asked)) == ("status", tries)
    assert str(status) in found.text


def test_a_host_that_recovers_gives_the_picture(site: Web) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        site.serve("/a", b"picture")
        handler.send_response(503)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    site.routes["/a"] = answer
    assert fetch(site.origin + "/a", site.origin) == b"picture"


def test_a_host_is_asked_again_when_it_says_so(site: Web) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        site.serve("/soon", b"picture")
        handler.send_response(503)
        handler.send_header("Retry-After", "1")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    site.routes["/soon"] = answer
    began = time.monotonic()
    assert fetch(site.origin + "/soon", site.origin) == b"picture"
    assert (len(site.asked), time.monotonic() - began > 1) == (2, True)


def test_a_host_that_names_a_time_too_late_is_not_waited_for(site: Web) -> None:
    site.serve("/late", b"", 429, Retry_After="600")
    began = time.monotonic()
    refused(site.origin + "/late", site.origin, seconds=300)
    assert (len(site.asked), time.monotonic() - began < 120) == (1, True)


def test_a_connection_that_breaks_off_is_refused(site: Web) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"half")
        handler.close_connection = True

    site.routes["/a"] = answer
    assert refused(site.origin + "/a", site.origin).reason == "connection"


def test_a_silent_host_is_given_up(site: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("decodeat.images.download.READ_SECONDS", 0.1)
    site.routes["/a"] = silent
    assert refused(site.origin + "/a", site.origin).reason == "timeout"


def test_nobody_listens(site: Web) -> None:
    assert refused("http://127.0.0.1:9/a", "http://127.0.0.1:9").reason == "connection"


def test_tls_keeps_the_name_while_the_connection_goes_to_the_judged_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The resolver is asked once, and TLS checks the certificate against the name, not the address."""
    trust, server = _certificate(tmp_path, "label.example.test")
    asked: list[str] = []
    names: list[str | None] = []
    server.sni_callback = lambda _, name, __: names.append(name)

    async def resolver(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"]

    with web(server) as site:
        site.serve("/a", b"picture")
        port = site.origin.rpartition(":")[2]
        # What only this test may do: call the loopback public, and another port than 443 the usual one.
        monkeypatch.setattr("decodeat.images.network.is_public", lambda address: address == "127.0.0.1")
        monkeypatch.setattr("decodeat.images.location._PORTS", {"http": 80, "https": int(port)})

        async def go(host: str) -> bytes:
            async with Downloader(LIMIT, resolver=resolver, trust=trust) as downloader:
                return await downloader.fetch(f"https://{host}/a", Deadline(PATIENCE))

        assert asyncio.run(go("label.example.test")) == b"picture"
        assert (asked, names) == (["label.example.test"], ["label.example.test"])
        assert site.asked[0][1]["Host"] == "label.example.test"
        with pytest.raises(ImageRefused) as caught:
            asyncio.run(go("other.example.test"))
        assert caught.value.reason == "connection"


def _certificate(directory: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A client's and a server's context around a fresh self-signed certificate."""
    key, certificate = directory / "key.pem", directory / "cert.pem"
    made = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    named = ("-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}")
    argv = (*made, *named, "-keyout", str(key), "-out", str(certificate))
    subprocess.run(argv, check=True, capture_output=True)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    return ssl.create_default_context(cafile=str(certificate)), server


def raw(site: Web, head: bytes, piece: bytes = b"", pause: float = 0.0) -> str:
    """An address that answers exactly this, and goes on with `piece` for ever."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        handler.wfile.write(head)
        while piece:
            handler.wfile.write(piece if pause else piece * max(1, 10_000 // len(piece)))
            time.sleep(pause)

    site.routes["/a"] = answer
    return f"{site.origin}/a"


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
ENDLESS = {
    "provisional answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n", "connection"),
    "early hints": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", "connection"),
    "headers": (OK, b"X: y\r\n", "connection"),
    "a header": (OK + b"X: ", b"y", "connection"),
    "a status line": (b"HTTP/1.1 200 ", b"O", "connection"),
    "no lines at all": (b"", b"\0", "connection"),
    "a body": (OK + b"\r\n", b"x", "too_large"),
    "chunks": (CHUNKED, b"400\r\n" + b"x" * 1024 + b"\r\n", "too_large"),
    "chunks of one byte": (CHUNKED, b"1\r\nx\r\n", "pieces"),
    "a chunk's size": (CHUNKED, b"0", "connection"),
    "a chunk's extension": (CHUNKED + b"1;", b"x", "connection"),
    "trailers": (CHUNKED + b"0\r\n", b"X: y\r\n", "connection"),
    "a packed body": (OK + b"Content-Encoding: gzip\r\n\r\n" + PACKED[:10], b"\0\0\0\xff\xff", "pieces"),
}


@pytest.mark.parametrize("what", ENDLESS)
def test_what_has_no_end_is_cut_off_and_keeps_nobody_waiting(
    site: Web, what: str, record_property: Callable[..., None]
) -> None:
    """Others wait for as long as it takes the processor without a pause, which no other load makes longer."""
    head, piece, reason = ENDLESS[what]
    url = raw(site, head, piece)

    async def go() -> tuple[ImageRefused, float]:
        longest = 0.0

        async def watch() -> None:
            nonlocal longest
            while True:
                began = time.thread_time()
                await asyncio.sleep(0.01)
                longest = max(longest, time.thread_time() - began)

        watching = asyncio.create_task(watch())
        async with Downloader(LIMIT, [site.origin]) as downloader:
            await asyncio.sleep(0.05)
            longest = 0.0
            with pytest.raises(ImageRefused) as caught:
                await downloader.fetch(url, Deadline(2 * PATIENCE))
        watching.cancel()
        return caught.value, longest

    began = time.monotonic()
    found, longest = asyncio.run(go())
    took = time.monotonic() - began
    record_property(
        "measured", f"endless {what}: {found.reason} after {took:.1f} s, others waited {longest * 1000:.0f} ms"
    )
    assert found.reason == reason
    assert longest < 2


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (OK + b"Content-Length: 1000\r\n\r\nhalf", "connection"),
        (OK + b"Content-Length: -1\r\n\r\npicture", "connection"),
        (OK + b"Content-Length: 7\r\nContent-Length: 8\r\n\r\npicture", "connection"),
        (OK + b"Content-Length: seven\r\n\r\npicture", "connection"),
        (OK + b"Content-Length: 99999999999999999999\r\n\r\n", "too_large"),
        (OK + b"Transfer-Encoding: gzip\r\n\r\npicture", "connection"),
        (CHUNKED + b"zz\r\npicture", "connection"),
        (CHUNKED + b"7\r\npicture\r\n", "connection"),
        (CHUNKED + b"fffffffffffffffff\r\n", "connection"),
        (b"picture", "connection"),
        (b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", "status"),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", "status"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\npicture", "connection"),
        (b"HTTP/1.1 302 Found\r\n\r\n", "status"),
        (b"HTTP/1.1 302 Found\r\nLocation: https://\xff\xfe\x80/\r\nContent-Length: 0\r\n\r\n", "address"),
        (b"\x16\x03\x01\x02\0\x01\0", "connection"),
        (b"", "connection"),
    ],
    ids=lambda value: repr(value)[-45:],
)
def test_an_answer_that_is_none_is_refused(site: Web, answer: bytes, reason: str) -> None:
    assert refused(raw(site, answer), site.origin).reason == reason


def test_a_body_that_comes_by_drips_ends_with_the_time_for_it(site: Web) -> None:
    url = raw(site, OK + b"Content-Length: 50000\r\n\r\n", b"x", pause=0.05)
    began = time.monotonic()
    assert refused(url, site.origin, seconds=2).reason == "timeout"
    assert time.monotonic() - began < PATIENCE, "all of it would take 40 minutes"


def test_a_size_that_is_declared_too_small_is_all_that_is_read(site: Web) -> None:
    answer = OK + b"Content-Length: 4\r\n\r\npictureHTTP/1.1 200 OK\r\n\r\n"
    assert fetch(raw(site, answer), site.origin) == b"pict"


@pytest.mark.parametrize("size", [1, 100, 255])
def test_small_pieces_are_fine_for_a_small_picture(site: Web, size: int) -> None:
    body = b"x" * 900
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[at : at + size]), body[at : at + size]) for at in range(0, 900, size))
    assert fetch(raw(site, CHUNKED + chunks + b"0\r\n\r\n"), site.origin) == body


def test_name_lookups_that_hang_hold_up_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def hang(*_: object, **__: object) -> list[object]:
        released.wait(600)
        return []

    monkeypatch.setattr("socket.getaddrinfo", hang)
    monkeypatch.setattr("decodeat.images.download.CONNECT_SECONDS", 0.2)

    async def go() -> None:
        async with Downloader(LIMIT) as downloader:
            asking = [
                asyncio.create_task(downloader.fetch(f"http://{number}.test/", Deadline(1))) for number in range(40)
            ]
            await asyncio.sleep(0.1)
            async with asyncio.timeout(PATIENCE):
                assert await asyncio.to_thread(lambda: "at once") == "at once"
            for task in asking:
                with pytest.raises(ImageRefused) as caught:
                    await task
                assert caught.value.reason == "timeout"

    try:
        asyncio.run(go())
    finally:
        released.set()
