"""Build the application from settings, parts, middleware and routes. `app` is what a server runs."""

import hashlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.middleware import Middleware

from decodeat import __version__, metrics, observability, settings
from decodeat.api import analyze, docs, operations
from decodeat.api.access import Access
from decodeat.api.cross_origin import CrossOriginAnswers, CrossOriginPreflight
from decodeat.api.headers import SecurityHeaders
from decodeat.api.hosts import AllowedHosts
from decodeat.api.identity import Credentials
from decodeat.api.request import RequestContext, start_counting
from decodeat.api.schemas import Refusal
from decodeat.assembly import open_parts
from decodeat.settings import Settings

if TYPE_CHECKING:
    from decodeat.api.limits import Limiter

_TITLE = "Nutrition Label API"
_BOOT_FAILED = 3  # gunicorn stops its master at this exit code, rather than starting the worker again for ever


def create(config: Settings) -> FastAPI:
    """Build an application; nothing runs or connects before its lifespan begins."""
    credentials = Credentials(config.api_keys, config.jwt_secret, config.jwt_issuer, config.jwt_audience)
    limiter = _limiter(config)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        metrics.release_info.labels(config.release_id, __version__).set(1)
        start_counting()
        try:
            async with open_parts(config) as parts:
                app.state.parts = parts
                # For the worker: to decide when to end, and to answer requests that it refuses before our middleware.
                yield {"can_exit_without_loss": parts.results.can_exit_without_loss, "sites": config.cors_origins}
        finally:
            if limiter:
                await limiter.close()

    app = FastAPI(
        title=_TITLE,
        version=__version__,
        docs_url=None,  # our page has a content security policy of its own
        redoc_url=None,
        lifespan=lifespan,
        middleware=[*_layers(config), *_guard(credentials, limiter)],
        responses={400: {"model": Refusal, "description": "Another host"}} if config.allowed_hosts else None,
        exception_handlers={RequestValidationError: _refused, 400: _unreadable},
    )
    analyze.serve(app, credentials, config.api_rate_limit)  # first: most requests are for it
    app.include_router(operations.router(config.release_id))
    app.include_router(docs.router(_TITLE, str(app.openapi_url)))
    return app


def _layers(config: Settings) -> list[Middleware]:
    """Return the middleware that every request passes, outermost first."""
    sites: dict[str, Any] = {
        "allow_origins": config.cors_origins,
        "allow_credentials": False,
        "allow_methods": ["GET", "POST"],
        "allow_headers": ["Authorization", "Content-Type", "X-API-Key", "X-Request-Id"],
        "expose_headers": ["Retry-After", "X-Request-Id", "X-Release-Id"],
    }
    return [
        Middleware(SecurityHeaders),
        *([Middleware(CrossOriginAnswers, **sites)] if config.cors_origins else []),
        Middleware(RequestContext, release=config.release_id),
        *([Middleware(AllowedHosts, hosts=config.allowed_hosts)] if config.allowed_hosts else []),
        *([Middleware(CrossOriginPreflight, **sites)] if config.cors_origins else []),
    ]


def _limiter(config: Settings) -> "Limiter | None":
    """Return what counts each client's requests, None without a limit."""
    if not config.api_rate_limit:
        return None
    from decodeat.api.limits import Limiter  # with its packages, which take 10 MB of each worker

    return Limiter(config.api_rate_limit, config.redis_url, _pepper(config))


def _guard(credentials: Credentials, limiter: "Limiter | None") -> list[Middleware]:
    """Return the access check, or nothing where any client may ask without limit."""
    needed = credentials.needed or limiter
    return [Middleware(Access, credentials=credentials, limiter=limiter)] if needed else []


def _pepper(config: Settings) -> bytes:
    """Return a secret that Redis doesn't know, so that clients' addresses can't be found by trying all of them.

    Without keys and tokens there is no secret: the digests in Redis, which last a minute, could be found by trying.
    """
    return hashlib.sha256("\n".join((*config.api_keys, *config.jwt_secret)).encode()).digest()


async def _refused(_: Request, error: RequestValidationError) -> JSONResponse:
    """Answer 422 in FastAPI's shape, without repeating what was sent: it may be a signed address, or not be JSON."""
    details = [{"type": e["type"], "loc": list(e["loc"]), "msg": e["msg"]} for e in error.errors()]
    return JSONResponse({"detail": details}, 422)


async def _unreadable(_: Request, __: Exception) -> JSONResponse:
    """Answer 422 to a body that isn't even text, like to any other of the wrong shape."""
    detail = {"type": "json_invalid", "loc": ["body"], "msg": "The body can't be read as JSON"}
    return JSONResponse({"detail": [detail]}, 422)


def _start() -> FastAPI:
    """Build the application for a server. Wrong settings end the process with a message that names them all."""
    try:
        config = settings.load()
    except settings.SettingsError as error:
        observability.configure("INFO", "")
        logging.getLogger("decodeat").critical("%s", error)
        raise SystemExit(_BOOT_FAILED) from error
    observability.configure(config.log_level, config.release_id)
    return create(config)


app = _start()
