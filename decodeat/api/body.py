"""The body of a request: read as a whole before anything is made of it, bounded in size and in time."""

import asyncio

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

MOST_BODY = 64 * 1024  # bytes; two addresses and a number
BODY_SECONDS = 10.0  # a telephone on a bad line needs one
LINGER_SECONDS = 1.0  # for what a refused client goes on sending


class BodyRefused(Exception):
    """`status` and `text` are the answer; nothing more of this connection is read."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class ClientLeft(Exception):
    """The connection closed before the request was complete: there is nobody to answer."""


async def whole(scope: Scope, receive: Receive) -> Receive:
    """What gives the request's body at once. Raises `BodyRefused`, without waiting for the rest, or `ClientLeft`."""
    declared = Headers(scope=scope).get("content-length", "")
    if declared.isdigit() and int(declared) > MOST_BODY:
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
    """Read on for a moment and forget it: to close on a client that is still sending would destroy the answer."""
    try:
        async with asyncio.timeout(LINGER_SECONDS):
            while (message := await receive())["type"] == "http.request" and message.get("more_body"):
                pass
    except TimeoutError:
        return


def _too_large() -> BodyRefused:
    return BodyRefused(413, "The request is too large.")
