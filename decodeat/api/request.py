"""Wrap every request: its id, the release in the answer, one log line, the counters, and the last error boundary."""

import logging
import re
import secrets
import time
from functools import cache
from typing import Any

from prometheus_client import Counter, Histogram
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from decodeat import metrics
from decodeat.api.access import GUARDED
from decodeat.api.body import BodyRefused, ClientLeft, linger, read_body
from decodeat.api.hosts import PROBED, is_private
from decodeat.observability import request_id

log = logging.getLogger("decodeat.access")

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SLASHES = re.compile("/{2,}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_CLIENT_LEFT = 499  # no answer was sent: the client had closed the connection


class RequestContext:
    """Add both ids to every answer, and count and log each request once, whatever happens in the layers below."""

    def __init__(self, app: ASGIApp, release: str) -> None:
        self._app = app
        self._release = release.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if "//" in scope["path"]:  # a client's base address ended with a slash; here, so that all layers see one path
            scope["path"] = _SLASHES.sub("/", scope["path"])
        exchange = _Exchange(scope, send, self._release)
        scope.setdefault("state", {})["noted"] = exchange.noted
        token = request_id.set(exchange.id)
        try:
            await self._app(scope, await read_body(scope, receive), exchange.send)
        except BodyRefused as refused:
            await exchange.break_off(refused, receive)
        except ClientLeft:
            return  # no client is left to answer
        except Exception:
            logging.getLogger("decodeat").exception("a request failed by a mistake of ours")
            await exchange.fail(scope, receive)
        finally:
            exchange.record()
            request_id.reset(token)


class _Exchange:
    """Hold one request and its answer; `noted` are the fields that other code adds to its line in the log."""

    def __init__(self, scope: Scope, send: Send, release: bytes) -> None:
        self._began = time.perf_counter()
        self._scope = scope
        self._send = send
        self._release = release
        self._status = 0
        self._recorded = False
        self.noted: dict[str, object] = {}
        self.id = _given_id(scope) or secrets.token_hex(16)

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            own = ((b"x-release-id", self._release), (b"x-request-id", self.id.encode()))
            message["headers"] = [*message.get("headers", ()), *own]
        elif message["type"] == "http.response.body" and not message.get("more_body"):
            # Before the last byte leaves: a client that has the answer finds it counted and logged.
            self.record()
        await self._send(message)

    async def fail(self, scope: Scope, receive: Receive) -> None:
        """Answer with 500. Raises ConnectionResetError when an answer is under way: then the connection breaks off."""
        if self._status:
            raise ConnectionResetError("the answer broke off")
        text = "Something went wrong. Please try again later."
        await JSONResponse({"detail": text}, 500)(scope, receive, self.send)

    async def break_off(self, refused: BodyRefused, receive: Receive) -> None:
        """Answer at once, and close the connection after the client had a moment to read the answer."""
        answer = JSONResponse({"detail": refused.text}, refused.status, {"Connection": "close"})
        await self.send({"type": "http.response.start", "status": refused.status, "headers": answer.raw_headers})
        await self.send({"type": "http.response.body", "body": answer.body, "more_body": True})
        self.record()
        await linger(receive)
        await self.send({"type": "http.response.body"})

    def record(self) -> None:
        """Log and count the request, once."""
        if self._recorded:
            return
        self._recorded = True
        took = time.perf_counter() - self._began
        status = self._status or _CLIENT_LEFT
        method = self._scope["method"] if self._scope["method"] in _METHODS else "OTHER"
        route = _route(self._scope)
        count, clock = _counted(str(status), method, route, _by(self._scope))
        count.inc()
        clock.observe(took)
        fields: dict[str, Any] = {
            "method": method,
            "path": self._scope["path"][:200],
            "status": status,
            "duration_ms": round(took * 1000, 1),
        }
        log.info("request", extra=fields | self.noted)


@cache
def _counted(status: str, method: str, route: str, by: str) -> tuple[Counter, Histogram]:
    """Return what to count with, cached: there are few, and looking them up takes as long as counting."""
    return metrics.requests.labels(status, method, route, by), metrics.seconds.labels(method, route, by)


def start_counting() -> None:
    """Start the counter of every possible answer to an analysis at 0."""
    for status in (200, 400, 401, 408, 413, 422, 429, _CLIENT_LEFT, 500):
        _counted(str(status), "POST", GUARDED, "user")


def _by(scope: Scope) -> str:
    """Return who asked, "user" or "probe": at night probes outnumber users and would distort every ratio."""
    return "probe" if is_private(scope) or scope["path"] in PROBED else "user"


def _given_id(scope: Scope) -> str:
    """Return the client's own request id, "" when it has none or an unusable one."""
    given = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"x-request-id"), "")
    return given if _ID.fullmatch(given) else ""


def _route(scope: Scope) -> str:
    """Return the path as declared; one word for all unknown paths, since a scanner would fill the counters."""
    route = scope.get("route")
    path = getattr(route, "path", None)
    if isinstance(path, str):
        return path
    # Refused before it reached a route; for these paths the route is known anyway.
    return scope["path"] if scope["path"] in {GUARDED, *PROBED} else "unmatched"
