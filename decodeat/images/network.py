"""Connections to the public internet only: a name is resolved once, judged, and that very address is connected to."""

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
# Threads of their own: a name server that never answers holds one for half a minute, and nothing else may wait for it.
_LOOKUPS = ThreadPoolExecutor(16, "lookup")


class AddressRefused(Exception):
    """A name leads to an address that is not public."""


class NameUnknown(Exception):
    """A name has no address."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """All addresses of a host, as the system's resolver orders them. Raises OSError."""
    ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(_LOOKUPS, ask)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class Network(httpcore.AsyncNetworkBackend):
    """What httpcore connects with: to any address, over connections whose answers' heads are bounded."""

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
    """Public addresses only. TLS keeps the name: the TCP connection alone is pinned to the judged address."""

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
        """Raises `AddressRefused` when any address of the host is not public, `NameUnknown`, or httpcore's errors."""
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
                continue  # the next address of the same host, as any browser does
        return await super().connect_tcp(addresses[-1], port, timeout, local_address, socket_options)


class Connection(httpcore.AsyncNetworkStream):
    """Reads so much before a body and no more: httpcore waits out any number of provisional answers (status 100)."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        # The pool asks every idle connection at every request whether its peer has hung up.
        self._socket = stream.get_extra_info("socket")
        self._poll = select.poll()
        self._poll.register(self._socket.fileno(), select.POLLIN)
        self._head = 0
        self._in_body = False

    def body_follows(self) -> None:
        """Until the next request, whoever reads bounds what comes."""
        self._in_body = True

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Raises httpcore's errors."""
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
