"""Hostile addresses of pictures are refused before anything is connected to."""

import asyncio
import ssl
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decodeat.deadline import Deadline
from decodeat.images.addresses import is_public
from decodeat.images.download import Downloader
from decodeat.images.errors import ImageRefused
from decodeat.images.location import parse, without_query
from tests.support.waiting import PATIENCE
from tests.unit.decodeat.hostile_urls import DNS, HOSTILE, NOT_PUBLIC, PUBLIC

TRUST = ssl.create_default_context()  # made once: it takes longer than all the rest


async def resolver(host: str, port: int) -> Sequence[str]:
    return DNS.get(host, [host])


@pytest.mark.parametrize(("url", "reason"), HOSTILE, ids=[repr(url)[:60] for url, _ in HOSTILE])
def test_a_hostile_address_is_refused(url: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is connected to: the network below would fail the test."""
    monkeypatch.setattr("decodeat.upstream.FIRST_PAUSE", 0.0)
    monkeypatch.setattr("httpcore.AnyIOBackend.connect_tcp", _nobody_connects)

    async def fetch() -> bytes:
        async with Downloader(10_000, resolver=resolver, trust=TRUST) as downloader:
            return await downloader.fetch(url, Deadline(PATIENCE))

    with pytest.raises(ImageRefused) as caught:
        asyncio.run(fetch())
    assert caught.value.reason == reason
    assert "127.0" not in caught.value.text and "http:/" not in caught.value.text


async def _nobody_connects(*_: object, **__: object) -> None:
    raise AssertionError("a connection was attempted")


@pytest.mark.parametrize(
    "address", [PUBLIC, "8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001::8a", "::ffff:8.8.8.8"]
)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", ["", "localhost", "127.0.0.1.", "1.2.3", "::ffff:127.0.0.1", "fe80::1%eth0"])
def test_what_is_no_public_address_is_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_nor_is_any_special_one(address: str) -> None:
    assert not is_public(address.strip("[]"))


@given(st.integers(0, 2**32 - 1))
def test_a_mapped_address_is_as_public_as_the_one_in_it(number: int) -> None:
    quad = ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))
    assert is_public(f"::ffff:{quad}") == is_public(quad)


@pytest.mark.parametrize(
    ("url", "host", "target"),
    [
        ("http://shop.kr", "shop.kr", "/"),
        ("http://SHOP.kr:80/a?b=c#d", "shop.kr", "/a?b=c"),
        ("https://shop.kr:443/%EB%9D%BC%EB%B2%A8.png?sig=a%2Fb", "shop.kr", "/%EB%9D%BC%EB%B2%A8.png?sig=a%2Fb"),
        ("http://shop.kr/라벨.png", "shop.kr", "/%EB%9D%BC%EB%B2%A8.png"),
        ("http://한국.kr/", "xn--3e0b707e.kr", "/"),
        ("http://[2606:4700::1111]/x", "2606:4700::1111", "/x"),
        ("http://my_bucket.s3.amazonaws.com/k", "my_bucket.s3.amazonaws.com", "/k"),
    ],
)
def test_an_honest_address_is_taken_apart(url: str, host: str, target: str) -> None:
    found = parse(url)
    assert (found.host, found.target, found.trusted) == (host, target, False)


def test_only_the_exact_origin_is_trusted() -> None:
    allowed = ("http://127.0.0.1:8099",)
    assert parse("http://127.0.0.1:8099/a.png", allowed).trusted
    assert not parse("http://127.0.0.1/a.png", allowed).trusted
    for url in ("https://127.0.0.1:8099/", "http://127.0.0.1:8098/", "http://localhost:8099/"):
        with pytest.raises(ImageRefused):
            parse(url, allowed)


@given(st.text(max_size=60))
def test_any_text_is_refused_or_taken_apart(text: str) -> None:
    for url in (text, f"http://{text}", f"http://shop.kr/{text}"):
        try:
            found = parse(url)
        except ImageRefused:
            continue
        assert found.target.isascii() and found.host.isascii() and " " not in found.target


def test_what_is_written_down_holds_no_signature() -> None:
    assert without_query("https://u:p@shop.kr/a/라벨.png?X-Amz-Signature=1#f") == "https://shop.kr/a/라벨.png"
    assert without_query("https://u:p@[::1/a?X-Amz-Signature=1") == ""
