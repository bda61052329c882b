"""Read the whole body of a request before it is used, limited in size and in time."""

import asyncio

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

MOST_BODY = 64 * 1024  # bytes; two addresses and a number
BODY_SECONDS = 10.0  # seconds; a telephone on a bad line needs one
LINGER_SECONDS = 1.0  # seconds of reading on from a refused client that is still sending


class BodyRefused(Exception):
    """Refuse a body: `status` and `text` are the answer, and the connection is closed after it."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class ClientLeft(Exception):
    """Report that the connection closed before the request was complete: no answer is possible."""


async def read_body(scope: Scope, receive: Receive) -> Receive:
    """Return a `receive` that gives the whole body at once.

    Raises `BodyRefused`, without waiting for the rest, or `ClientLeft`.
    """
    declared = Headers(scope=scope).get("content-length", "")
    if declared.isdecimal() and int(declared) > MOST_BODY:
        raise _too_large()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await _read(receive)
    except TimeoutError:
        raise BodyRefused(408, "The request was not sent in time.") from None
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        body += message.get("body", b"")
        if len(body) > MOST_BODY:
            raise _too_large()
        if not message.get("more_body"):
            return bytes(body)


async def linger(receive: Receive) -> None:
    """Read on for a moment and discard: closing on a client that is still sending would destroy the answer."""
    try:
        async with asyncio.timeout(LINGER_SECONDS):
            while (message := await receive())["type"] == "http.request" and message.get("more_body"):
                pass
    except TimeoutError:
        return


def _too_large() -> BodyRefused:
    return BodyRefused(413, "The request is too large.")
