"""Run the engines for a request: cache what was read and understood, and fall back to another engine."""

import asyncio
import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import lru_cache

from decodeat import metrics
from decodeat.analysis.label import Flaw, Kind, Label, Reading
from decodeat.condition import Condition
from decodeat.deadline import Deadline
from decodeat.engines.ports import NO_USAGE, Analysis, Analyst, Engine, EngineFailed, Reader, Usage
from decodeat.failure import Failure
from decodeat.images.decoding import Picture
from decodeat.stores.cache import Cache
from decodeat.stores.single_flight import SingleFlightCache

log = logging.getLogger(__name__)

_UNPACKED = 128  # results of each kind that this worker used last, kept as objects: no code changes them
_STANDS_IN_FOR = ("busy", "credentials", "down", "malformed", "model", "timeout", "unavailable", "unreachable")
FALLBACK_SHARE = 0.5  # share of the time left that an engine gets when it has a fallback


@dataclass(frozen=True)
class EngineResult:
    """Hold what one engine made of a request's pictures. `lost` says why some were not read.

    `usage` is what this request itself has spent: nothing for a cached analysis.
    """

    analysis: Analysis
    lost: tuple[Failure, ...]
    engine: Engine
    usage: Usage


class Engines:
    """Analyse with the first engine, and with its fallbacks when it can't answer; one per worker process."""

    def __init__(self, engines: Sequence[Engine], cache: Cache, *, read_for: float, judged_for: float) -> None:
        """Set the seconds for which a picture's text (`read_for`) and a text's analysis (`judged_for`) are cached."""
        self._engines = tuple(engines)
        self.names = tuple(engine.name for engine in self._engines)
        # Names everything that an answer depends on besides the pictures.
        self.version = "|".join(
            f"{e.reader.name}-{e.reader.version}|{e.analyst.name}-{e.analyst.version}" for e in engines
        )
        for reason in _STANDS_IN_FOR if len(self._engines) > 1 else ():
            metrics.fallbacks.labels(reason)
        self._readings = SingleFlightCache("ocr", cache, read_for, encode=_reading_bytes, decode=_reading)
        self._analyses = SingleFlightCache("analysis", cache, judged_for, encode=_analysis_bytes, decode=_analysis)

    async def analyse(self, pictures: Sequence[Picture], deadline: Deadline) -> EngineResult:
        """Analyse pictures with the first engine that can.

        Raises a `Failure`: that of the last engine, or that of the first picture if none can be read.
        """
        for engine in self._engines[:-1]:
            try:
                return await self._with(engine, pictures, deadline.at_most(FALLBACK_SHARE * deadline.left))
            except EngineFailed as error:
                metrics.fallbacks.labels(error.reason).inc()
                log.warning("another engine stands in", extra={"engine": engine.name, "reason": error.reason})
        return await self._with(self._engines[-1], pictures, deadline)

    async def _with(self, engine: Engine, pictures: Sequence[Picture], deadline: Deadline) -> EngineResult:
        read = await self._read(engine, pictures, deadline)
        lost = tuple(one for one in read if isinstance(one, Failure))
        readings = [one for one in read if isinstance(one, Reading)]
        broken = next((one for one in lost if isinstance(one, EngineFailed)), None)
        if not readings or (broken is not None and engine is not self._engines[-1]):
            raise broken or lost[0]
        analysis, usage = await self._judge(engine, readings, deadline)
        return EngineResult(analysis, lost, engine, usage)

    async def _read(self, engine: Engine, pictures: Sequence[Picture], deadline: Deadline) -> list[Reading | Failure]:
        reader = engine.reader
        keys = [f"ocr:{reader.name}-{reader.version}:{picture.digest}" for picture in pictures]
        by_key = dict(zip(keys, pictures, strict=True))

        async def make(keys: Sequence[str]) -> Sequence[Reading | Failure]:
            return await reader.read([by_key[key] for key in keys], deadline)

        return await self._readings.fetch(keys, make, deadline)

    async def _judge(self, engine: Engine, readings: Sequence[Reading], deadline: Deadline) -> tuple[Analysis, Usage]:
        """Return the analysis, and what this request itself has spent on it. Raises `EngineFailed`."""
        spent = NO_USAGE
        key = f"analysis:{engine.analyst.name}-{engine.analyst.version}:{_digest(tuple(readings))}"

        async def make(_: Sequence[str]) -> list[Analysis | Failure]:
            nonlocal spent
            analysis = await engine.analyst.judge(readings, deadline)
            spent = analysis.usage
            return [analysis]

        (found,) = await self._analyses.fetch([key], make, deadline)
        if isinstance(found, EngineFailed):
            raise found
        if isinstance(found, Failure):
            raise EngineFailed(found.reason, found.text, transient=found.transient) from found
        return found, spent

    async def conditions(self) -> dict[str, Condition]:
        """Return the conditions of each engine's parts; those of an engine that has a fallback are not `needed`."""
        parts: dict[str, Reader | Analyst] = {}
        for prefix, engine in zip(("", "stand_in_"), self._engines, strict=False):
            parts |= {f"{prefix}reader": engine.reader, f"{prefix}analyst": engine.analyst}
        found = dict(zip(parts, await asyncio.gather(*(part.condition() for part in parts.values())), strict=True))
        spare = list(found)[:-2]
        return found | {name: replace(found[name], needed=False) for name in spare}

    async def close(self) -> None:
        """Close calls under way first, then the engines; a failure to close one doesn't leave the others open."""
        async with AsyncExitStack() as closing:
            for engine in self._engines:
                closing.push_async_callback(engine.analyst.close)
                closing.push_async_callback(engine.reader.close)
            closing.push_async_callback(self._analyses.close)
            closing.push_async_callback(self._readings.close)


@lru_cache(_UNPACKED)
def _digest(readings: tuple[Reading, ...]) -> str:
    return hashlib.sha256(b"\0".join(map(_reading_bytes, readings))).hexdigest()


def _reading_bytes(reading: Reading) -> bytes:
    return json.dumps(
        {"passes": reading.passes, "flaw": reading.flaw and reading.flaw.value}, ensure_ascii=False
    ).encode()


@lru_cache(_UNPACKED)
def _reading(value: bytes) -> Reading:
    """Decode a cached reading. Raises ValueError."""
    try:
        data = json.loads(value)
        return Reading(tuple(map(str, data["passes"])), _flaw(data["flaw"]))
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("no reading") from error


def _analysis_bytes(analysis: Analysis) -> bytes:
    """Encode an analysis without its usage: an answer from the cache costs nothing."""
    merged = None if analysis.merged is None else _plain(analysis.merged)
    return json.dumps({"alone": [*map(_plain, analysis.per_image)], "whole": merged}, ensure_ascii=False).encode()


@lru_cache(_UNPACKED)
def _analysis(value: bytes) -> Analysis:
    """Decode a cached analysis. Raises ValueError."""
    try:
        data = json.loads(value)
        merged = data["whole"]
        return Analysis(tuple(map(_label, data["alone"])), None if merged is None else _label(merged))
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("no analysis") from error


def _plain(label: Label) -> dict[str, object]:
    return {
        "kind": label.kind.value,
        "product_name": label.product_name,
        "nutrition": dict(label.nutrition),
        "ingredients": label.ingredients,
        "flaw": label.flaw and label.flaw.value,
    }


def _flaw(value: object) -> Flaw | None:
    return None if value is None else Flaw(value)


def _label(data: Mapping[str, object]) -> Label:
    named, nutrition, items = data["product_name"], data["nutrition"], data["ingredients"]
    if not isinstance(nutrition, dict) or not isinstance(items, list):
        raise ValueError("no label")
    return Label(
        Kind(data["kind"]),
        None if named is None else str(named),
        nutrition,
        tuple(map(str, items)),
        _flaw(data["flaw"]),
    )
