"""Hold what runs in one worker process, made when it starts and passed to endpoints."""

from dataclasses import dataclass

from fastapi import Request

from decodeat.engines.fallback import Engines
from decodeat.images.decoder import Decoder
from decodeat.pipeline import Pipeline
from decodeat.stores.cache import Cache
from decodeat.stores.results import Results
from decodeat.stores.single_flight import SingleFlightCache


@dataclass(frozen=True)
class Parts:
    """Hold the parts of one worker; `answers` are whole bodies by the addresses that were asked about."""

    pipeline: Pipeline
    decoder: Decoder
    engines: Engines
    cache: Cache
    results: Results
    answers: SingleFlightCache[bytes]


def parts(request: Request) -> Parts:
    """Return the parts of the worker that a request came to."""
    running = request.app.state.parts
    assert isinstance(running, Parts)  # noqa: S101 state is untyped; the lifespan sets it
    return running
