"""The application: settings, parts, layers and routes put together. `app` is what a server runs."""

import hashlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

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
from decodeat.api.limits import Limiter
from decodeat.api.request import RequestContext, start_counting
from decodeat.api.schemas import Refusal
from decodeat.assembly import assembled
from decodeat.settings import Settings

_TITLE = "Nutrition Label API"
_BOOT_FAILED = 3  # gunicorn stops its master at this exit code, rather than starting the worker again for ever


def create(config: Settings) -> FastAPI:
    """An application of its own; nothing runs or connects before its lifespan begins."""
    credentials = Credentials(config.api_keys, config.jwt_secret, config.jwt_issuer, config.jwt_audience)
    limiter = Limiter(config.api_rate_limit, config.redis_url, _pepper(config))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        metrics.release_info.labels(config.release_id, __version__).set(1)
        start_counting()
        try:
            async with assembled(config) as parts:
                app.state.parts = parts
                # For the worker, which decides when to end, and for requests that it refuses before any of our layers.
                yield {"settled": parts.results.settled, "sites": config.cors_origins}
        finally:
            await limiter.close()

    app = FastAPI(
        title=_TITLE,
        version=__version__,
        docs_url=None,  # ours has a policy of its own
        redoc_url=None,
        lifespan=lifespan,
        middleware=[*_layers(config), *_guard(credentials, limiter)],
        responses={400: {"model": Refusal, "description": "Another host"}} if config.allowed_hosts else None,
        exception_handlers={RequestValidationError: _refused, 400: _unreadable},
    )
    analyze.serve(app, credentials, config.api_rate_limit)  # first, for it is asked for most
    app.include_router(operations.router(config.release_id))
    app.include_router(docs.router(_TITLE, str(app.openapi_url)))
    return app


def _layers(config: Settings) -> list[Middleware]:
    """From the outside in."""
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


def _guard(credentials: Credentials, limiter: Limiter) -> list[Middleware]:
    """Nothing where everybody may ask as often as they like."""
    needed = credentials.needed or limiter.per_minute
    return [Middleware(Access, credentials=credentials, limiter=limiter)] if needed else []


def _pepper(config: Settings) -> bytes:
    """What keeps clients' addresses from being found by trying all of them: any secret that Redis doesn't know.

    Without keys and tokens there is none, and then the digests in Redis, which last a minute, could be tried.
    """
    return hashlib.sha256("\n".join((*config.api_keys, *config.jwt_secret)).encode()).digest()


async def _refused(_: Request, error: RequestValidationError) -> JSONResponse:
    """FastAPI's shape of a 422, without an echo of what was sent: it may be a signed address, or not be JSON."""
    details = [{"type": e["type"], "loc": list(e["loc"]), "msg": e["msg"]} for e in error.errors()]
    return JSONResponse({"detail": details}, 422)


async def _unreadable(_: Request, __: Exception) -> JSONResponse:
    """A body that isn't even text is refused like any other that has the wrong shape."""
    detail = {"type": "json_invalid", "loc": ["body"], "msg": "The body can't be read as JSON"}
    return JSONResponse({"detail": [detail]}, 422)


def _start() -> FastAPI:
    """What a server imports. Wrong settings end the process with a message that names them all."""
    try:
        config = settings.load()
    except settings.SettingsError as error:
        observability.configure("INFO", "")
        logging.getLogger("decodeat").critical("%s", error)
        raise SystemExit(_BOOT_FAILED) from error
    observability.configure(config.log_level, config.release_id)
    return create(config)


app = _start()
