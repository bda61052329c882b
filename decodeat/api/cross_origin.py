"""What other sites' pages may do: two layers, so that whatever is answered in between can be read by such a page."""

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import Receive, Scope, Send


class CrossOriginAnswers(CORSMiddleware):
    """Outside all that may refuse a request: a page that can't read an error takes it for a broken network."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" else None
        if headers is None or "origin" not in headers:
            await self.app(scope, receive, send)
        else:
            await self.simple_response(scope, receive, send, request_headers=headers)


class CrossOriginPreflight(CORSMiddleware):
    """Inside all that counts and logs requests: answers a browser's question before the request itself."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" and scope["method"] == "OPTIONS" else Headers()
        if "origin" in headers and "access-control-request-method" in headers:
            await self.preflight_response(request_headers=headers)(scope, receive, send)
        else:
            await self.app(scope, receive, send)
