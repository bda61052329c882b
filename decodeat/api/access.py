"""Who may call: API keys for analyses, and the Host headers that the service answers to."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

from fastapi import Header, HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_OWN = frozenset({"localhost", "127.0.0.1", "[::1]"})


def key_required(digests: Sequence[str]) -> Callable[[str | None], Awaitable[None]]:
    """A dependency that answers 401 without one of the keys; with no keys configured it lets everybody in."""

    async def check(
        x_api_key: Annotated[str | None, Header(description="Needed when keys are configured")] = None,
    ) -> None:
        if not digests:
            return
        given = hashlib.sha256((x_api_key or "").encode()).hexdigest()
        # Every key is compared, each in constant time: how long it takes tells nothing.
        if not any([hmac.compare_digest(given, digest) for digest in digests]):
            raise HTTPException(401, "A valid X-API-Key header is needed.", {"WWW-Authenticate": "ApiKey"})

    return check


class AllowedHosts:
    """Refuses requests for other hosts with 400; health checks over the loopback or the private socket always pass."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str]) -> None:
        self._app = app
        self._any = not hosts or "*" in hosts
        self._names = frozenset(host for host in hosts if not host.startswith("*.")) | _OWN
        self._suffixes = tuple(host[1:] for host in hosts if host.startswith("*."))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._any or _private(scope) or self._known(scope):
            await self._app(scope, receive, send)
        else:
            await JSONResponse({"detail": "This host is not served here."}, 400)(scope, receive, send)

    def _known(self, scope: Scope) -> bool:
        host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
        bare, _, port = host.lower().rpartition(":")
        name = bare if bare and port.isdecimal() else host.lower()
        return name in self._names or name.endswith(self._suffixes)


def _private(scope: Scope) -> bool:
    """Over the private unix socket: its address is a path without a port."""
    server = scope.get("server")
    return server is not None and server[1] is None
