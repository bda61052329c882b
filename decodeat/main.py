"""The application: settings, parts, layers and routes put together. `app` is what a server runs."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from decodeat import __version__, metrics, observability, settings
from decodeat.api import analyze, operations
from decodeat.api.access import AllowedHosts
from decodeat.api.request import RequestContext
from decodeat.assembly import assembled
from decodeat.settings import Settings

_BOOT_FAILED = 3  # gunicorn stops its master at this exit code, rather than starting the worker again for ever


def create(config: Settings) -> FastAPI:
    """An application of its own; nothing runs or connects before its lifespan begins."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        metrics.release_info.labels(config.release_id, __version__).set(1)
        async with assembled(config) as parts:
            app.state.parts = parts
            yield

    app = FastAPI(
        title="Nutrition Label API",
        version=__version__,
        lifespan=lifespan,
        middleware=_layers(config),
        exception_handlers={RequestValidationError: _refused, 400: _unreadable},
    )
    app.include_router(operations.router(config.release_id))
    app.include_router(analyze.router(config.api_keys))
    return app


def _layers(config: Settings) -> list[Middleware]:
    """From the outside in."""
    layers = [
        Middleware(RequestContext, release=config.release_id),
        Middleware(AllowedHosts, hosts=config.allowed_hosts),
    ]
    if config.cors_origins:
        layers.append(
            Middleware(
                CORSMiddleware,
                allow_origins=config.cors_origins,
                allow_credentials=False,
                allow_methods=["GET", "POST"],
                allow_headers=["Content-Type", "X-API-Key", "X-Request-Id"],
                expose_headers=["X-Request-Id", "X-Release-Id"],
            )
        )
    return layers


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
