"""What stands in front of analyses: who calls is known, and asks no more often than allowed."""

from collections.abc import Sequence
from typing import Any

from fastapi import HTTPException, Request
from fastapi.security import APIKeyHeader, HTTPBearer

from decodeat.api.identity import KEY_HEADER, Credentials, of_address
from decodeat.api.limits import Limiter
from decodeat.api.schemas import Refusal


class Access:
    """A dependency of FastAPI. It answers 401 or 429, or leaves the caller's identity in `request.state.client`."""

    def __init__(self, credentials: Credentials, limiter: Limiter, per_minute: int) -> None:
        self._credentials = credentials
        self._limiter = limiter
        self._per_minute = per_minute

    async def __call__(self, request: Request) -> None:
        """A caller without valid credentials is counted by address: guessing is limited, and others there are not."""
        known = self._credentials.holder(request.headers)
        if known:
            # For the log. An address never gets there: it is personal data.
            request.state.client = known
        counted = known or of_address(request.client)
        seconds = await self._limiter.wait(counted) if counted else 0
        if seconds:
            text = f"At most {self._per_minute} analyses a minute are allowed. Please try again later."
            raise HTTPException(429, text, {"Retry-After": str(seconds)})
        if not known and self._credentials.needed:
            challenge = self._credentials.challenge(request.headers)
            raise HTTPException(401, "A valid API key or token is needed.", {"WWW-Authenticate": challenge})

    @property
    def schemes(self) -> Sequence[APIKeyHeader | HTTPBearer]:
        """For the OpenAPI document; they judge nothing."""
        found: list[APIKeyHeader | HTTPBearer] = []
        if self._credentials.key_digests:
            found.append(APIKeyHeader(name=KEY_HEADER, scheme_name="ApiKey", auto_error=False))
        if self._credentials.secrets:
            found.append(HTTPBearer(bearerFormat="JWT", scheme_name="Bearer", auto_error=False))
        return found

    @property
    def responses(self) -> dict[int | str, dict[str, Any]]:
        """What it may answer, for the OpenAPI document."""
        found: dict[int | str, dict[str, Any]] = {}
        if self._credentials.needed:
            found[401] = _described("No valid credentials", "WWW-Authenticate", "string", "The schemes that would do")
        if self._per_minute:
            found[429] = _described("Asked too often", "Retry-After", "integer", "Seconds until the next may pass")
        return found


def _described(description: str, header: str, kind: str, what: str) -> dict[str, Any]:
    headers = {header: {"description": what, "schema": {"type": kind}}}
    return {"model": Refusal, "description": description, "headers": headers}
