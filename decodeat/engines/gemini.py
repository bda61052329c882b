"""Understand labels with a Gemini model: one call per request, over the SDK's REST transport, in separate threads.

No other file uses google-generativeai, so a change to its successor replaces this file alone.
"""

import asyncio
import functools
import logging
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any, TypeVar

import requests
from google.api_core import exceptions
from google.auth.exceptions import GoogleAuthError
from google.protobuf.json_format import ParseError

from decodeat import metrics
from decodeat.analysis import extraction
from decodeat.analysis.label import Reading, understand
from decodeat.condition import CachedHealthCheck, Condition
from decodeat.deadline import Deadline
from decodeat.engines import google, models, prompt
from decodeat.engines.ports import Analysis, EngineFailed, Usage
from decodeat.upstream import GARBLED

with warnings.catch_warnings():
    # The SDK warns at every import that its support ends; docs/decisions says what follows from that.
    warnings.simplefilter("ignore", FutureWarning)
    import google.generativeai as genai

SERVICE = "analysis"
TRY_SECONDS = 45.0  # of one call; an answer takes five to ten
PROBE_SECONDS = 5.0
HEALTH_CACHED_SECONDS = 60.0  # that a health check's result is cached
_MOST_VERSIONS = 8  # of models that are counted separately; their names come from outside
_AT_ONCE = 32  # calls under way per worker, one thread each

log = logging.getLogger(__name__)

T = TypeVar("T")


class GeminiAnalyst:
    name = "gemini"

    def __init__(
        self,
        key: str,
        model: str,
        endpoint: str,
        *,
        prices: tuple[Decimal | None, Decimal | None] = (None, None),
        wait_for_breaker: bool = True,
    ) -> None:
        """Configure the SDK. `prices` are US dollars for a million tokens, input and output.

        `wait_for_breaker`: calls wait while the service is known to be down, since no other engine can answer.
        """
        self.version = f"{model}-{prompt.VERSION}"
        self._model_name = model
        self._prices = prices
        # For this whole process: there is one analyst in it.
        genai.configure(api_key=key, transport="rest", client_options={"api_endpoint": endpoint} if endpoint else None)
        self._model = genai.GenerativeModel(
            model,
            system_instruction=prompt.INSTRUCTION,
            generation_config={
                "temperature": 0.0,
                "candidate_count": 1,
                "response_mime_type": "application/json",
                "response_schema": prompt.SCHEMA,
            },
        )
        self._threads = ThreadPoolExecutor(_AT_ONCE, "gemini")
        self._upstream = google.upstream("gemini", SERVICE, TRY_SECONDS, wait_for_breaker=wait_for_breaker)
        self._health = CachedHealthCheck(self._probe, HEALTH_CACHED_SECONDS)
        self._answered = {model}
        metrics.model_answers.labels(model, model)
        metrics.model_mismatches.labels(model)
        for direction in ("input", "output"):
            metrics.tokens.labels(model, direction)

    async def judge(self, readings: Sequence[Reading], deadline: Deadline) -> Analysis:
        if not any(text.strip() for reading in readings for text in reading.passes):
            return Analysis(tuple(map(understand, readings)), None)  # nothing to ask about, and nothing to pay for
        asked = prompt.question(readings)
        said, usage = await self._upstream.call(lambda seconds: self._ask(asked, len(readings), seconds), deadline)
        self._health.update(_reached(self._model_name))
        per_image, merged = await asyncio.to_thread(extraction.labels, said, readings)
        return Analysis(per_image, merged, usage)

    async def _ask(self, asked: str, pictures: int, seconds: float) -> tuple[extraction.Extraction, Usage]:
        """Make one call; return the parsed answer, and the tokens that were paid for. Raises `EngineFailed`."""
        options = {"timeout": seconds, "retry": None}
        response = await self._threaded(lambda: self._model.generate_content(asked, request_options=options))
        usage = self._count_tokens(response)
        self._count_model(str(response.to_dict().get("model_version") or ""))
        text = _text(response)
        try:
            return prompt.answer(text, pictures), usage
        except ValueError as error:
            said = f"The {SERVICE} service gave an answer that makes no sense. Please try again later."
            raise EngineFailed(GARBLED, said, transient=True) from error

    async def _threaded(self, call: Callable[[], T]) -> T:
        """Return the result of a blocking call of the SDK, made in a thread. Raises `EngineFailed`."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except (exceptions.GoogleAPICallError, GoogleAuthError, requests.RequestException) as error:
            raise google.translate(SERVICE, error) from error
        except (ParseError, ValueError) as error:
            # The SDK could not parse the response: it is incomplete, or does not come from the API.
            said = f"The {SERVICE} service gave an answer that can't be read. Please try again later."
            raise EngineFailed(GARBLED, said, transient=True) from error

    def _count_tokens(self, response: Any) -> Usage:
        """Count and return the tokens, those of the model's thinking included; a useless answer is paid for too."""
        told = response.usage_metadata
        usage = Usage(told.prompt_token_count, max(0, told.total_token_count - told.prompt_token_count))
        spent = {"input": usage.input_tokens, "output": usage.output_tokens}
        for (direction, tokens), price in zip(spent.items(), self._prices, strict=True):
            metrics.tokens.labels(self._model_name, direction).inc(tokens)
            if price is not None:
                metrics.cost.labels("gemini").inc(float(price * tokens / 1_000_000))
        return usage

    def _count_model(self, answered: str) -> None:
        """Count which model answered: for a retired one Google may use another, at that one's price."""
        answered = answered.removeprefix("models/") or "unknown"
        if answered not in self._answered and len(self._answered) >= _MOST_VERSIONS:
            answered = "other"
        is_new = answered not in self._answered
        self._answered.add(answered)
        metrics.model_answers.labels(self._model_name, answered).inc()
        if answered != "unknown" and not models.is_same(self._model_name, answered):
            metrics.model_mismatches.labels(self._model_name).inc()
            if is_new:
                log.error("another model answers", extra={"asked": self._model_name, "answered": answered[:100]})

    async def condition(self) -> Condition:
        return await self._health.condition()

    async def _probe(self) -> Condition:
        """Ask about the model: costs nothing, and shows that the key is right and the model not retired."""
        refusal = await self.refusal()
        if refusal:
            return Condition(False, f"{self._model_name}: {refusal}", refusal in google.SET_UP_WRONGLY)
        return _reached(self._model_name)

    async def refusal(self) -> str:
        """Return the reason, one word, why Google gives no information about the model; "" when it gives some."""
        options = {"timeout": PROBE_SECONDS, "retry": None}
        name = f"models/{self._model_name}"
        try:
            async with asyncio.timeout(PROBE_SECONDS + 1):
                await self._threaded(functools.partial(genai.get_model, name, request_options=options))
        except EngineFailed as error:
            return error.reason
        except TimeoutError:
            return "timeout"
        return ""

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _reached(model: str) -> Condition:
    return Condition(True, model)


def _text(response: Any) -> str:
    """Return the answer's text. Raises `EngineFailed` when there is none, or only a part of it."""
    if response.prompt_feedback.block_reason or not response.candidates:
        raise _blocked()
    candidate = response.candidates[0]
    reason = getattr(candidate.finish_reason, "name", "unknown to this SDK")
    if reason == "MAX_TOKENS":
        raise EngineFailed("cut", f"The {SERVICE} service's answer became too long.")
    if reason not in {"STOP", "FINISH_REASON_UNSPECIFIED"}:
        raise _blocked()
    return "".join(part.text for part in candidate.content.parts)


def _blocked() -> EngineFailed:
    return EngineFailed("blocked", f"The {SERVICE} service declined to answer about this image.")
