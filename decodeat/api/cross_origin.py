"""Let pages of other sites use the API, in two layers, so that they can read every answer made in between."""

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import Receive, Scope, Send


class CrossOriginAnswers(CORSMiddleware):
    """Add CORS headers outside every layer that may refuse: a page takes an unreadable error for a network failure."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" else None
        if headers is None or "origin" not in headers:
            await self.app(scope, receive, send)
        else:
            await self.simple_response(scope, receive, send, request_headers=headers)


class CrossOriginPreflight(CORSMiddleware):
    """Answer a browser's preflight request, inside the layers that count and log requests."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" and scope["method"] == "OPTIONS" else Headers()
        if "origin" in headers and "access-control-request-method" in headers:
            await self.preflight_response(request_headers=headers)(scope, receive, send)
        else:
            await self.app(scope, receive, send)
