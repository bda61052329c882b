"""Limit the bytes around a body and the number of connections in uvicorn's HTTP/1.1."""

import asyncio
import resource
from collections.abc import Collection

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_AROUND = 32 * 1024  # bytes of headers, chunk marks and trailers per request; uvicorn itself has no limit
HEAD_SECONDS = 10.0  # from the first byte, or from the connection's beginning, to the last header
LINGER_SECONDS = 1.0  # for a client that is still sending to receive the reason for its refusal
MOST_LINGERING = 1024 * 1024  # bytes that the client may send meanwhile
MOST_CONNECTIONS = 1000  # per worker
EXTRA_CONNECTIONS = 64  # additional connections while none is idle
RESERVED = 256  # file handles for everything else: pictures being fetched, engines, stores, and probes of /health
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n"


class HeadTooLarge(Exception):
    """Stop the parser, so that no part of the request reaches the application."""


class BoundedHttp(HttpToolsProtocol):
    """Limit one connection: the bytes around a body, and the time that a request's head may take.

    `api/body.py` limits bodies; between requests uvicorn's keep-alive time-out applies.
    """

    _around = 0  # bytes of the request under way that were not its body
    _head = 0  # bytes of the request's head, as far as it was parsed
    _in_head = True
    _refused = False
    _head_timer: asyncio.TimerHandle | None = None
    _quiet_since = 0.0  # since when the connection has been idle

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._quiet_since = self.loop.time()
        self._start_head_timer()
        over = len(self.connections) - most_connections()
        if over > 0:
            self._close_longest_idle(over)

    def _close_longest_idle(self, over: int) -> None:
        """Close the connection that has been idle for longest.

        Otherwise a client could take all connections without a request, and a probe would not be answered. Where all
        others are busy, this new one may stay, up to `EXTRA_CONNECTIONS` more, since it may be a probe.
        """
        idle = [one for one in self._idle() if one is not self or over > EXTRA_CONNECTIONS]
        if idle:
            min(idle, key=lambda one: one._quiet_since).shutdown()

    def _idle(self) -> "Collection[BoundedHttp]":
        """Return clients' connections without a request under way; those of the private socket are not clients'."""
        return [
            one
            for one in self.connections
            if isinstance(one, BoundedHttp)
            and (one.cycle is None or one.cycle.response_complete)
            and one.server is not None
            and one.server[1] is not None
            and not one.transport.is_closing()
        ]

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._around += len(data)
        if self._refused:
            if self._around > MOST_LINGERING:
                self.transport.close()
            return
        if self._in_head:
            self._start_head_timer()
        super().data_received(data)
        if self._around > MOST_AROUND and not self.transport.is_closing():
            self._refuse()

    def send_400_response(self, msg: str) -> None:
        """Answer when the parser gives up; called by uvicorn."""
        if self._head > MOST_AROUND:
            self._refuse()
        else:
            super().send_400_response(msg)

    def _refuse(self) -> None:
        """Send the reason, unless an answer is under way, and close a little later: closing at once could lose it."""
        if self._refused:
            return
        self._refused = True
        self._stop_waiting()
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(self._too_large())
            self.loop.call_later(LINGER_SECONDS, self.transport.close)
        else:
            self.transport.close()

    def _too_large(self) -> bytes:
        """Return the answer, with CORS headers if Origin came in time, since no layer of ours sees this request."""
        sites: Collection[str] = self.app_state.get("sites", ())
        origin = dict(self.headers).get(b"origin", b"").decode("latin-1") if self.headers else ""
        allowed = "*" if "*" in sites else origin if origin in sites else ""
        line = f"access-control-allow-origin: {allowed}\r\nvary: origin\r\n" if origin and allowed else ""
        return _TOO_LARGE + line.encode() + b"\r\n"

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head = 0
        self._start_head_timer()  # also when it came in one piece with the end of the request before

    def on_url(self, url: bytes) -> None:
        self._grow(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._grow(len(name) + len(value) + len(": \r\n"))
        super().on_header(name, value)

    def _grow(self, size: int) -> None:
        """Count bytes while parsing: a head that comes in one piece would be complete before a later count.

        Raises `HeadTooLarge`.
        """
        self._head += size
        if self._head > MOST_AROUND:
            raise HeadTooLarge

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_waiting()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._around -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head, self._around = True, 0

    def on_response_complete(self) -> None:
        self._quiet_since = self.loop.time()
        super().on_response_complete()

    def _start_head_timer(self) -> None:
        if self._head_timer is None:
            # `shutdown` closes the connection, or lets the answer to an earlier request be its last.
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self.shutdown)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


def most_connections() -> int:
    """Return how many connections there are file handles for: at most `MOST_CONNECTIONS`, at least `RESERVED` // 4."""
    handles, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(RESERVED // 4, min(MOST_CONNECTIONS, handles - RESERVED))
