"""Given names that change where they lead, and pages that lead elsewhere, nothing private is ever connected to."""

import asyncio
import re
import ssl
from collections.abc import Sequence

import httpcore
import pytest

from decodeat.deadline import Deadline
from decodeat.images.download import Downloader
from decodeat.images.errors import ImageRefused
from tests.support.waiting import PATIENCE
from tests.unit.decodeat.hostile_urls import HOSTILE, PUBLIC, REDIRECTS
from tests.unit.decodeat.web import Web

TRUST = ssl.create_default_context()
NAME = "http://rebind.test"
PRIVATE = "10.0.0.5"


class Names:
    """Answers one after the other; the last one for ever. `asked` counts the questions."""

    def __init__(self, *answers: str | Sequence[str]) -> None:
        self.answers = [[one] if isinstance(one, str) else one for one in answers]
        self.asked = 0

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def connected(site: Web, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where connections went. Public ones really go to the site on this machine, or are refused when it says so."""
    went: list[str] = []
    really = httpcore.AnyIOBackend.connect_tcp
    port = int(site.origin.rpartition(":")[2])

    async def connect(self: httpcore.AnyIOBackend, host: str, _: int, *rest: object) -> httpcore.AsyncNetworkStream:
        went.append(host)
        if "/refused" in site.routes:
            raise httpcore.ConnectError
        return await really(self, "127.0.0.1", port, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("httpcore.AnyIOBackend.connect_tcp", connect)
    monkeypatch.setattr("decodeat.upstream.FIRST_PAUSE", 0.0)
    return went


def fetch(names: Names, *urls: str) -> list[bytes | str]:
    """What each address gave, one after the other, or why it was refused."""

    async def go() -> list[bytes | str]:
        found: list[bytes | str] = []
        async with Downloader(10_000, resolver=names, trust=TRUST) as downloader:
            for url in urls:
                try:
                    found.append(await downloader.fetch(url, Deadline(PATIENCE)))
                except ImageRefused as refused:
                    found.append(refused.reason)
        return found

    return asyncio.run(go())


def test_a_name_is_asked_for_once_and_that_answer_is_connected_to(site: Web, connected: list[str]) -> None:
    site.serve("/a", b"picture")
    names = Names(PUBLIC, PRIVATE)
    assert fetch(names, f"{NAME}/a") == [b"picture"]
    assert (names.asked, connected) == (1, [PUBLIC])


def test_a_name_that_turns_private_is_refused_at_the_next_connection(site: Web, connected: list[str]) -> None:
    site.serve("/a", b"picture", Connection="close")
    assert fetch(Names(PUBLIC, PRIVATE), f"{NAME}/a", f"{NAME}/a") == [b"picture", "private"]
    assert connected == [PUBLIC]


def test_a_connection_that_is_kept_is_the_judged_one(site: Web, connected: list[str]) -> None:
    site.serve("/a", b"picture")
    names = Names(PUBLIC, PRIVATE)
    assert fetch(names, f"{NAME}/a", f"{NAME}/a") == [b"picture", b"picture"]
    assert (names.asked, connected) == (1, [PUBLIC])


def test_between_two_tries_it_is_judged_anew(site: Web, connected: list[str]) -> None:
    site.serve("/refused", b"")
    assert fetch(Names(PUBLIC, PRIVATE), f"{NAME}/a") == ["private"]
    assert connected == [PUBLIC]


def test_between_two_redirects_it_is_judged_anew(site: Web, connected: list[str]) -> None:
    site.serve("/a", b"", 302, Location="/b", Connection="close")
    site.serve("/b", b"picture")
    assert fetch(Names(PUBLIC, PRIVATE), f"{NAME}/a") == ["private"]
    assert connected == [PUBLIC] and [path for path, _ in site.asked] == ["/a"]


@pytest.mark.parametrize("private", [PRIVATE, "127.0.0.1", "::1", "::ffff:169.254.169.254", "fe80::1%eth0"])
def test_one_private_answer_among_public_ones_is_one_too_many(connected: list[str], private: str) -> None:
    for answer in ([PUBLIC, private], [private, PUBLIC], [PUBLIC] * 50 + [private]):
        assert fetch(Names(answer), f"{NAME}/a") == ["private"]
    assert connected == []


def test_a_public_address_that_is_dead_is_followed_by_the_next(site: Web, connected: list[str]) -> None:
    site.serve("/refused", b"")
    others = ["93.184.216.35", "2606:4700::1111"]
    assert fetch(Names([PUBLIC, *others]), f"{NAME}/a") == ["connection"]
    assert set(connected) == {PUBLIC, *others}


def test_a_private_connection_that_is_allowed_is_used_for_nothing_else(site: Web, connected: list[str]) -> None:
    """The name of an allow-listed origin has its own pool; the same name on the usual port has not."""
    site.serve("/a", b"picture")
    origin = "http://store.test:8099"

    async def go() -> None:
        async with Downloader(10_000, [origin], resolver=Names(PRIVATE), trust=TRUST) as downloader:
            assert await downloader.fetch(f"{origin}/a", Deadline(PATIENCE)) == b"picture"
            with pytest.raises(ImageRefused) as caught:
                await downloader.fetch("http://store.test/a", Deadline(PATIENCE))
            assert caught.value.reason == "private"

    asyncio.run(go())
    assert connected == ["store.test"]


HEADERS = [(url, reason) for url, reason in HOSTILE if url.isascii() and url.isprintable() and url.strip()]
# Without a host they lead to a path of the same site, once they stand in a redirect; or to where nobody may connect.
RELATIVE = re.compile(r"http:(/(?!/)|///|//$|//\?|[^/])|/|//93")


@pytest.mark.parametrize(
    ("target", "reason"), [(url, reason) for url, reason in HEADERS if not RELATIVE.match(url)] + REDIRECTS
)
def test_wherever_a_redirect_leads_it_is_judged_like_any_address(
    site: Web, monkeypatch: pytest.MonkeyPatch, target: str, reason: str
) -> None:
    """From a real host that is let in; all names lead to this machine here, and nobody is connected to but the host."""

    async def to_this_machine(host: str, port: int) -> Sequence[str]:
        return [] if host == "nowhere.test" else [host if host[0].isdigit() or ":" in host else "127.0.0.1"]

    monkeypatch.setattr("decodeat.upstream.FIRST_PAUSE", 0.0)
    url = site.serve("/a", b"", 302, Location=target)

    async def go() -> None:
        async with Downloader(10_000, [site.origin], resolver=to_this_machine, trust=TRUST) as downloader:
            with pytest.raises(ImageRefused) as caught:
                await downloader.fetch(url, Deadline(PATIENCE))
        assert caught.value.reason == reason
        assert "127.0" not in caught.value.text and "http:/" not in caught.value.text

    asyncio.run(go())
    elsewhere = [path for path, _ in site.asked if path != "/a"]
    assert bool(elsewhere) is (reason == "status")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["/a", "?again", "#here", "", "./a", "//{host}/a"])
def test_a_loop_ends(site: Web, status: int, target: str) -> None:
    host = site.origin.removeprefix("http://")
    url = site.serve("/a", b"", status, Location=target.format(host=host))

    async def go() -> None:
        async with Downloader(10_000, [site.origin], trust=TRUST) as downloader:
            with pytest.raises(ImageRefused) as caught:
                await downloader.fetch(url, Deadline(PATIENCE))
        assert caught.value.reason == "redirects"

    asyncio.run(go())
    assert len(site.asked) == 4


def test_a_redirect_s_own_body_is_not_waited_for(site: Web) -> None:
    site.serve("/b", b"picture")

    def endless(handler: object) -> None:
        handler.send_response(302)  # type: ignore[attr-defined]
        handler.send_header("Location", "/b")  # type: ignore[attr-defined]
        handler.end_headers()  # type: ignore[attr-defined]
        while True:
            handler.wfile.write(b"x" * 1000)  # type: ignore[attr-defined]

    site.routes["/a"] = endless

    async def go() -> bytes:
        async with Downloader(10_000, [site.origin], trust=TRUST) as downloader:
            return await downloader.fetch(f"{site.origin}/a", Deadline(PATIENCE))

    assert asyncio.run(go()) == b"picture"
