"""Fetch a picture: limited in size, time and redirects, and from allowed addresses only."""

import ssl
import zlib
from collections.abc import AsyncIterable, AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

import httpcore

from decodeat import __version__, metrics, retry_after
from decodeat.breaker import NoBreaker
from decodeat.deadline import Deadline
from decodeat.images.errors import ImageRefused
from decodeat.images.location import Location, parse
from decodeat.images.network import AddressRefused, NameUnknown, Network, PublicNetwork, Resolver, resolve
from decodeat.upstream import RetryPolicy, Upstream

REDIRECTS = 3
CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0  # between two pieces of an answer
# Each piece costs the event loop the same, however small: a megabyte byte by byte would block it for half a minute.
SMALLEST_PIECE = 256  # bytes, on average
FEWEST_PIECES = 1000  # allowed in any case, however small
_CONNECTIONS = 32  # at once, per pool of a worker; idle ones are kept, since most pictures come from one store
_RETRY_POLICY = RetryPolicy(seconds=45.0, tries=5, share=0.7)
_RETRY_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
_REASONS = ("address", "private", "name", "connection", "timeout", "status", "redirects", "encoding", "too_large",
            "pieces", "empty")  # fmt: skip
_MOST_CODINGS = 2  # applied one over the other
_UNKNOWN = frozenset({"br", "zstd", "compress", "x-compress", "dcb", "dcz", "exi", "pack200-gzip"})  # IANA's others
_WINDOW = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}


class Downloader:
    """Fetch pictures; one per worker process, open inside `async with`."""

    def __init__(
        self,
        limit: int,
        allowed: Collection[str] = (),
        resolver: Resolver = resolve,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        """Allow `limit` bytes after decoding. `allowed` origins may be private; `trust` replaces the usual CAs."""
        for reason in _REASONS:
            metrics.downloads_failed.labels(reason)
        self._limit = limit
        self._allowed = frozenset(allowed)
        context = trust or httpcore.default_ssl_context()
        # Two pools, so that a connection to an allow-listed private origin can never be reused for anything else.
        # Both ignore proxies named in the environment: only httpx reads those.
        self._public = _pool(context, PublicNetwork(resolver))
        self._trusted = _pool(context, Network())
        # One for all hosts, and therefore without a breaker: a host that is down must not stop the others.
        self._upstream = Upstream("images", "The image's host", ImageRefused, _RETRY_POLICY, NoBreaker())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        async with AsyncExitStack() as closing:
            closing.push_async_callback(self._public.aclose)
            closing.push_async_callback(self._trusted.aclose)

    async def fetch(self, url: str, deadline: Deadline) -> bytes:
        """Return the picture's bytes, with retries where they may help. Raises `ImageRefused`, or what cancels it."""
        location = parse(url, self._allowed)
        return await self._upstream.call(lambda _: self._follow(location), deadline)

    async def _follow(self, location: Location) -> bytes:
        for _ in range(REDIRECTS + 1):
            found = await self._get(location)
            if isinstance(found, bytes):
                return found
            location = found
        raise ImageRefused("redirects", f"The image address redirects more than {REDIRECTS} times.")

    async def _get(self, location: Location) -> bytes | Location:
        """Return the body, or the location that a redirect leads to. Raises `ImageRefused`."""
        pool = self._trusted if location.trusted else self._public
        url = httpcore.URL(
            scheme=location.scheme.encode(),
            host=location.host.encode(),
            port=location.port,
            target=location.target.encode(),
        )
        timeout = {"connect": CONNECT_SECONDS, "read": READ_SECONDS, "write": READ_SECONDS, "pool": READ_SECONDS}
        headers: dict[bytes | str, bytes | str] = {
            "Host": location.authority,
            "Accept": "image/*,application/octet-stream;q=0.9,*/*;q=0.1",
            "Accept-Encoding": "identity",
            "User-Agent": f"decodeat/{__version__}",
        }
        try:
            async with pool.stream("GET", url, headers=headers, extensions={"timeout": timeout}) as response:
                return await self._answer(location, response)
        except AddressRefused:
            raise ImageRefused("private", "The image address was refused: it is not on the public internet.") from None
        except NameUnknown as error:
            raise ImageRefused("name", "The image's host was not found.", transient=True) from error
        except httpcore.TimeoutException as error:
            raise ImageRefused("timeout", "The image's host did not answer in time.", transient=True) from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise ImageRefused("connection", "The connection to the image's host failed.", transient=True) from error

    async def _answer(self, location: Location, response: httpcore.Response) -> bytes | Location:
        response.extensions["network_stream"].body_follows()
        headers = {name.lower(): value for name, value in response.headers}
        if response.status in {301, 302, 303, 307, 308} and b"location" in headers:
            return location.join(headers[b"location"], self._allowed)
        if response.status != 200:
            transient = response.status in _RETRY_STATUS
            text = f"The image's host answered with status {response.status}."
            again = retry_after.seconds(headers.get(b"retry-after", b"").decode("latin-1"))
            raise ImageRefused("status", text, transient=transient, retry_after=again)
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > self._limit:
            raise self._too_large()
        encodings = b",".join(value for name, value in response.headers if name.lower() == b"content-encoding")
        return await self._body(response, _codings(encodings.decode("latin-1")))

    async def _body(self, response: httpcore.Response, codings: Sequence[str]) -> bytes:
        """Read a body up to the limit, counted after decoding: a small answer may decompress into a large one."""
        body, pieces = bytearray(), 0
        decoded = response.aiter_stream()
        for coding in reversed(codings):
            decoded = self._decoded(decoded, coding)
        async for piece in decoded:
            body += piece
            pieces += 1
            if len(body) > self._limit:
                raise self._too_large()
            if pieces > FEWEST_PIECES + len(body) // SMALLEST_PIECE:
                raise ImageRefused("pieces", "The image was sent in too many pieces.")
        if not body:
            raise ImageRefused("empty", "The image is empty.")
        return bytes(body)

    async def _decoded(self, pieces: AsyncIterable[bytes], coding: str) -> AsyncIterator[bytes]:
        """Decode a body that the host compressed without being asked, up to just beyond the limit."""
        unpack, unpacked = zlib.decompressobj(_WINDOW[coding]), 0
        async for packed in pieces:
            try:
                piece = unpack.decompress(packed, self._limit + 1)
            except zlib.error as error:
                raise ImageRefused("encoding", "The image was sent damaged.") from error
            unpacked += len(piece)
            if unpacked > self._limit:
                raise self._too_large()
            yield piece
        if not unpack.eof:
            raise ImageRefused("encoding", "The image was sent incomplete.")

    def _too_large(self) -> ImageRefused:
        return ImageRefused("too_large", f"The image is larger than {self._limit // 1024} KiB.")


def _codings(header: str) -> tuple[str, ...]:
    """Return the codings to undo, first applied first. Raises `ImageRefused` for one that we can't undo.

    A word that is no coding (`aws-chunked`, `UTF-8`, `none`) was set when the picture was stored; browsers ignore
    it too. The body's first bytes then show what it is.
    """
    named = [word.strip().lower() for word in header.split(",")]
    codings = tuple(word for word in named if word in _WINDOW)
    if len(codings) > _MOST_CODINGS or not _UNKNOWN.isdisjoint(named):
        raise ImageRefused("encoding", "The image was sent in an encoding that is not understood.")
    return codings


def _pool(context: ssl.SSLContext, network: httpcore.AsyncNetworkBackend) -> httpcore.AsyncConnectionPool:
    return httpcore.AsyncConnectionPool(
        ssl_context=context,
        max_connections=_CONNECTIONS,
        max_keepalive_connections=_CONNECTIONS,
        keepalive_expiry=15.0,
        network_backend=network,
    )
