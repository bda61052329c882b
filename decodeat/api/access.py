"""Guard the analysis endpoint: identify the client, and limit how often it asks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from decodeat.api.identity import KEY_HEADER, Credentials, of_address
from decodeat.api.schemas import Refusal

if TYPE_CHECKING:
    from decodeat.api.limits import Limiter

GUARDED = "/api/v1/analyze"


class Access:
    """Answer 401 or 429, or note who the caller is, as middleware.

    As a FastAPI dependency it would take a fifth of the time of a cached answer.
    """

    def __init__(self, app: ASGIApp, credentials: Credentials, limiter: "Limiter | None") -> None:
        self._app = app
        self._credentials = credentials
        self._limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != GUARDED or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        refusal = await self._refusal(scope)
        await (self._app if refusal is None else refusal)(scope, receive, send)

    async def _refusal(self, scope: Scope) -> JSONResponse | None:
        """Return the answer 429 or 401, None when the request may pass.

        A caller without valid credentials is counted by address: this limits guessing, but not other callers there.
        """
        headers = Headers(scope=scope)
        known = self._credentials.holder(headers)
        if known:
            # For the log. An address never gets there: it is personal data.
            scope["state"]["noted"]["client"] = known
        counted = known or of_address(scope.get("client"))
        limiter = self._limiter
        seconds = await limiter.hit(counted) if limiter and counted else 0
        if limiter and seconds:
            text = f"At most {limiter.per_minute} analyses a minute are allowed. Please try again later."
            return JSONResponse({"detail": text}, 429, {"Retry-After": str(seconds)})
        if not known and self._credentials.needed:
            challenge = self._credentials.challenge(headers)
            return JSONResponse({"detail": "A valid API key or token is needed."}, 401, {"WWW-Authenticate": challenge})
        return None


def schemes(credentials: Credentials) -> Sequence[APIKeyHeader | HTTPBearer]:
    """Return the security schemes for the OpenAPI document; they check nothing."""
    found: list[APIKeyHeader | HTTPBearer] = []
    if credentials.key_digests:
        found.append(APIKeyHeader(name=KEY_HEADER, scheme_name="ApiKey", auto_error=False))
    if credentials.secrets:
        found.append(HTTPBearer(bearerFormat="JWT", scheme_name="Bearer", auto_error=False))
    return found


def responses(credentials: Credentials, per_minute: int) -> dict[int | str, dict[str, Any]]:
    """Return what the middleware may answer, for the OpenAPI document."""
    found: dict[int | str, dict[str, Any]] = {}
    if credentials.needed:
        found[401] = _described("No valid credentials", "WWW-Authenticate", "string", "The schemes that would do")
    if per_minute:
        found[429] = _described("Asked too often", "Retry-After", "integer", "Seconds until the next may pass")
    return found


def _described(description: str, header: str, kind: str, what: str) -> dict[str, Any]:
    headers = {header: {"description": what, "schema": {"type": kind}}}
    return {"model": Refusal, "description": description, "headers": headers}
