"""HTTP/1.1 as uvicorn speaks it, except that what surrounds a body may be neither endless nor endlessly slow."""

import asyncio
from collections.abc import Collection

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_AROUND = 32 * 1024  # bytes of headers, chunk marks and trailers a request; uvicorn itself keeps whatever comes
HEAD_SECONDS = 10.0  # from the first byte, or from the connection's beginning, to the last header
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n"


class BoundedHttp(HttpToolsProtocol):
    """One connection. Bodies are bounded by whoever reads them; between requests uvicorn's keep-alive time holds."""

    _around = 0  # bytes of the request under way that were not its body
    _in_head = True
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._around += len(data)
        if self._in_head:
            self._wait()
        super().data_received(data)
        if self._around > MOST_AROUND and not self.transport.is_closing():
            if self.cycle is None or self.cycle.response_complete:
                self.transport.write(self._too_large())
            self.transport.close()

    def _too_large(self) -> bytes:
        """Also another site's page can read it, where its Origin came before the bound: no layer of ours sees this."""
        sites: Collection[str] = self.app_state.get("sites", ())
        origin = dict(self.headers).get(b"origin", b"").decode("latin-1") if self.headers else ""
        allowed = "*" if "*" in sites else origin if origin in sites else ""
        line = f"access-control-allow-origin: {allowed}\r\nvary: origin\r\n" if origin and allowed else ""
        return _TOO_LARGE + line.encode() + b"\r\n"

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._wait()  # also where it came in one piece with the end of the request before

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

    def _wait(self) -> None:
        if self._patience is None:
            # `shutdown` closes the connection, or lets the answer to an earlier request be its last.
            self._patience = self.loop.call_later(HEAD_SECONDS, self.shutdown)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
