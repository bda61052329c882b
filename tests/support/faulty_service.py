"""Test endpoints and faults for a copy of the service; copied into it as `decodeat/testing_faults.py`."""

import asyncio
import hashlib
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

FAULT = "@FAULT@"  # replaced when the copy is made


class Testing:
    """Answers /test/* itself, and spoils what the fault says; everything else is the service's own."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"]
        if path == "/test/slow":
            seconds = float(parse_qs(scope["query_string"].decode())["seconds"][0])
            await asyncio.sleep(seconds)
            await self._answer(send, 200, {"slept": seconds, "pid": os.getpid()})
        elif path == "/test/held":
            query = parse_qs(scope["query_string"].decode())
            await asyncio.to_thread(Path(query["began"][0]).touch)
            while not await asyncio.to_thread(Path(query["until"][0]).exists):
                await asyncio.sleep(0.05)
            await self._answer(send, 200, {"pid": os.getpid()})
        elif path == "/test/echo":
            body = await self._body(receive)
            told = {"sha256": hashlib.sha256(body).hexdigest(), "size": len(body), "echo": body.decode()}
            await self._answer(send, 200, told)
        elif FAULT == "never-ready" and path == "/ready":
            await self._answer(send, 503, {"ready": False, "checks": {"test": {"ok": False, "detail": "never"}}})
        elif FAULT == "never-green" and path == "/health":
            await self._answer(send, 503, {"status": "unhealthy on purpose"})
        elif FAULT == "answers-500" and path == "/api/v1/analyze":
            await self._answer(send, 500, {"detail": "broken on purpose"})
        elif FAULT == "wrong-id" and path == "/health":
            await self._answer(send, 200, {"status": "healthy", "release": "20000101T000000Z-0000000"})
        else:
            await self.app(scope, receive, send)

    @staticmethod
    async def _body(receive: Any) -> bytes:
        body: bytes = b""
        while True:
            message = await receive()
            body += bytes(message.get("body", b""))
            if not message.get("more_body"):
                return body

    @staticmethod
    async def _answer(send: Any, status: int, content: dict[str, Any]) -> None:
        release = os.environ.get("RELEASE_ID", "")
        if FAULT == "wrong-id":
            release = "20000101T000000Z-0000000"
        body = json.dumps(content).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"x-release-id", release.encode()),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
