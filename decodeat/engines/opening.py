"""Choose the engines by the settings. Google's SDKs are imported only where they are used: they take 100 MB."""

import json
import os
from collections.abc import Iterator

from decodeat import processors
from decodeat.engines.embedded import NOTE, EmbeddedAnalyst
from decodeat.engines.ports import Analyst, Engine, Reader
from decodeat.engines.tesseract import TesseractReader
from decodeat.settings import Settings

STAND_IN_NOTE = f"The usual engine could not be used. {NOTE}"


def engines(config: Settings) -> Iterator[Engine]:
    """Yield the engine that answers, then, if the settings ask for it, its fallback."""
    reader: Reader = TesseractReader(at_once=processors.count())
    embedded = Engine(reader, EmbeddedAnalyst(), NOTE)
    if (config.reader, config.analyzer) == ("embedded", "embedded"):
        yield embedded
        return
    wait_for_breaker = config.analyzer_fallback == "none"
    if config.reader == "vision":
        reader = _vision(config, wait_for_breaker)
    analyst = _gemini(config, wait_for_breaker) if config.analyzer == "gemini" else EmbeddedAnalyst()
    yield Engine(reader, analyst, NOTE if isinstance(analyst, EmbeddedAnalyst) else "")
    if not wait_for_breaker:
        yield Engine(embedded.reader, embedded.analyst, STAND_IN_NOTE)


def _vision(config: Settings, wait_for_breaker: bool) -> Reader:
    # gRPC reads these once. Our child processes become other programs at once (tesseract): gRPC's fork handlers have
    # nothing to do, and would write a line that is not JSON into the log for each child.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    from decodeat.engines.vision import VisionReader

    content = config.google_credentials_json
    return VisionReader(
        json.loads(content) if content else config.google_application_credentials,
        config.vision_endpoint,
        price=config.vision_price,
        wait_for_breaker=wait_for_breaker,
    )


def _gemini(config: Settings, wait_for_breaker: bool) -> Analyst:
    from decodeat.engines.gemini import GeminiAnalyst

    return GeminiAnalyst(
        config.gemini_api_key,
        config.gemini_model,
        config.gemini_endpoint,
        prices=(config.gemini_input_price, config.gemini_output_price),
        wait_for_breaker=wait_for_breaker,
    )
