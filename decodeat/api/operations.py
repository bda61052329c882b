"""Serve what operators and monitoring ask for: whether it is alive, whether it is ready, and the counters."""

import asyncio

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from decodeat import __version__, metrics
from decodeat.api.schemas import Check, Health, Readiness
from decodeat.api.state import parts


def router(release: str) -> APIRouter:
    routes = APIRouter(tags=["operations"])
    alive = Health(status="healthy", service="nutrition-label-api", version=__version__, release=release)

    @routes.head("/health", include_in_schema=False)
    @routes.get("/health", summary="Alive? Depends on nothing")
    async def health() -> Health:
        return alive

    @routes.head("/ready", include_in_schema=False)
    @routes.get("/ready", response_model=Readiness, responses={503: {"model": Readiness}}, summary="Able to work?")
    async def ready(http: Request) -> Response:
        """503 when this instance lacks something of its own. What all share, if it fails, is said and no more."""
        running = parts(http)
        pictures, engines, cache, results = await asyncio.gather(
            running.decoder.condition(),
            running.engines.conditions(),
            running.cache.condition(),
            running.results.condition(),
        )
        conditions = {"pictures": pictures, **engines, "cache": cache, "results": results}
        checks = {name: Check(ok=one.ok, needed=one.needed, detail=one.detail) for name, one in conditions.items()}
        able = all(one.ok for one in conditions.values() if one.needed)
        answer = Readiness(ready=able, release=release, checks=checks)
        return JSONResponse(answer.model_dump(), 200 if answer.ready else 503)

    @routes.head("/metrics", include_in_schema=False)
    @routes.get("/metrics", response_class=PlainTextResponse, summary="Counters of all workers, for Prometheus")
    def exposition() -> Response:
        # Not a coroutine, so that it runs in a thread: it reads a file for each worker that ever ran.
        return Response(metrics.exposition(), media_type=metrics.CONTENT_TYPE)

    return routes
