"""Connect to the public internet only: resolve a name once, check its addresses, and connect to exactly these."""

import asyncio
import select
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpcore

from decodeat.images.addresses import is_public

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]

MOST_HEAD = 128 * 1024  # bytes that may come before an answer's body
# Separate threads: a name server that never answers blocks one for half a minute, and no other work may wait for it.
_LOOKUPS = ThreadPoolExecutor(16, "lookup")


class AddressRefused(Exception):
    """Report that a name leads to an address that is not public."""


class NameUnknown(Exception):
    """Report that a name has no address, or could not be resolved."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """Return all addresses of a host, in the order of the system's resolver. Raises OSError."""
    ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(_LOOKUPS, ask)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class Network(httpcore.AsyncNetworkBackend):
    """Connect httpcore to any address, over connections that limit the size of an answer's head."""

    def __init__(self) -> None:
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        return Connection(await self._network.connect_tcp(host, port, timeout, local_address, socket_options))

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class PublicNetwork(Network):
    """Connect to public addresses only. TLS still uses the name: only TCP is bound to the checked address."""

    def __init__(self, resolver: Resolver = resolve) -> None:
        super().__init__()
        self._resolver = resolver

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of the host that accepts.

        Raises `AddressRefused` when any address is not public, `NameUnknown`, or httpcore's errors.
        """
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._resolver(host, port)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout("name resolution") from error
        except (OSError, UnicodeError) as error:
            raise NameUnknown from error
        if not addresses:
            raise NameUnknown
        if not all(map(is_public, addresses)):
            raise AddressRefused
        for address in addresses[:-1]:
            try:
                return await super().connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue  # with the next address of the same host, as browsers do
        return await super().connect_tcp(addresses[-1], port, timeout, local_address, socket_options)


class Connection(httpcore.AsyncNetworkStream):
    """Limit what is read before a body: httpcore accepts any number of interim answers (status 100)."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        # The pool asks every idle connection at every request whether its peer has closed it.
        self._socket = stream.get_extra_info("socket")
        self._poll = select.poll()
        self._poll.register(self._socket.fileno(), select.POLLIN)
        self._head = 0
        self._in_body = False

    def body_follows(self) -> None:
        """Lift the limit until the next request: the reader of the body has a limit of its own."""
        self._in_body = True

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read up to `max_bytes`. Raises httpcore's errors, `RemoteProtocolError` for too much before a body."""
        data = await self._stream.read(max_bytes, timeout)
        self._head += len(data)
        if self._head > MOST_HEAD and not self._in_body:
            raise httpcore.RemoteProtocolError("the answer's head has no end")
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._head, self._in_body = 0, False
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        return Connection(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            return self._socket.fileno() < 0 or bool(self._poll.poll(0))
        return self._stream.get_extra_info(info)
