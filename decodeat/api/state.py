"""What runs in one worker process, made when it starts and handed to endpoints."""

from dataclasses import dataclass

from fastapi import Request

from decodeat.engines.ports import Reader
from decodeat.pipeline import Pipeline
from decodeat.stores.results import Results


@dataclass(frozen=True)
class Parts:
    pipeline: Pipeline
    reader: Reader
    results: Results


def parts(request: Request) -> Parts:
    """FastAPI's dependency for them."""
    running = request.app.state.parts
    assert isinstance(running, Parts)  # noqa: S101 state is untyped; the lifespan sets it
    return running
