"""Run one analysis from addresses to an outcome: fetch, decode, read, judge, store, within one deadline."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from enum import StrEnum

from decodeat import metrics
from decodeat.analysis.label import Flaw, Kind, Label
from decodeat.deadline import Deadline
from decodeat.engines.fallback import Engines
from decodeat.engines.ports import NO_USAGE, Analysis, Usage
from decodeat.failure import Failure
from decodeat.images import location
from decodeat.images.decoder import Decoder
from decodeat.images.decoding import Picture
from decodeat.images.download import Downloader
from decodeat.images.errors import ImageRefused
from decodeat.stores.results import Result, Results
from decodeat.work_queue import Overloaded

log = logging.getLogger(__name__)

_TIMEOUT = Failure("timeout", "The analysis took too long. Please try again later.")
AT_ONCE = 32  # analyses under way per worker; with the largest pictures that is 640 MB
_PLACES = ("first", "second")
_UNREADABLE = {
    None: "The label is too blurred or cut off to be read. Please take the picture again.",
    Flaw.EMPTY: "No text was found in the picture. Please take it again, closer to the label.",
    Flaw.BLURRED: "The picture is blurred. Please take it closer to the label, hold still, and let it focus.",
    Flaw.TURNED: "The text in the picture is turned. Please take it again with the label's lines level.",
    Flaw.SMALL: "The letters in the picture are too small to be read. Please take it closer to the label.",
    Flaw.UNCLEAR: "There is text in the picture, but too little of it can be read. "
    "Please take it closer to the label, straight from the front and in good light.",
}
DOWNLOAD_SHARE = 0.5  # share of the time left that downloads may take: reading and judging need the rest
CAUSES = ("picture", "host", "label", "engine", "timeout", "overload")  # why an analysis FAILED


class Status(StrEnum):
    """Name the contract's outcomes. FAILED means that this request found out nothing about the product."""

    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


@dataclass(frozen=True)
class Outcome:
    """Hold an answer. `nutrition` has all eleven names when COMPLETED, and is None otherwise.

    `engine` made it ("none" when no engine gave an answer), this request spent `usage`, and `cause` is why it FAILED,
    a word of `CAUSES`. These three are for metrics, log and database; the client does not get them.
    """

    status: Status
    message: str
    product_name: str | None = None
    nutrition: Mapping[str, str | None] | None = None
    ingredients: tuple[str, ...] = ()
    engine: str = "none"
    usage: Usage = NO_USAGE
    cause: str = ""


class Pipeline:
    """Run analyses; one per worker process."""

    def __init__(
        self,
        downloader: Downloader,
        decoder: Decoder,
        engines: Engines,
        results: Results,
        *,
        release: str,
        seconds: float,
    ) -> None:
        """Take `seconds` as the time limit of one analysis, waiting for its turn included."""
        self._downloader = downloader
        self._decoder = decoder
        self._engines = engines
        self._results = results
        self._release = release
        self._seconds = seconds
        self._turn = asyncio.Semaphore(AT_ONCE)
        for engine in (*engines.names, "none"):
            for status in Status if engine != "none" else (Status.FAILED,):
                metrics.analyses.labels(status, engine)
        for cause in CAUSES:
            metrics.analyses_failed.labels(cause)

    async def analyse(self, urls: Sequence[str], product_id: int | None) -> Outcome:
        """Return the outcome, and hand it over to be stored. Raises only for a bug, never for a failure outside."""
        deadline = Deadline(self._seconds)
        had_turn = False
        try:
            async with asyncio.timeout(deadline.left), self._queued():
                had_turn = True
                outcome = await self._outcome(urls, deadline)
        except TimeoutError:
            outcome = _failed(_TIMEOUT if had_turn else Overloaded())
        took = round((self._seconds - deadline.left) * 1000)
        metrics.analyses.labels(outcome.status, outcome.engine).inc()
        if outcome.cause:
            metrics.analyses_failed.labels(outcome.cause).inc()
        self._results.keep(self._row(urls, product_id, outcome, took))
        return outcome

    @asynccontextmanager
    async def _queued(self) -> AsyncIterator[None]:
        """Wait for a turn: each analysis holds its pictures in memory, which is limited."""
        if self._turn.locked():
            with metrics.waiting.track_inprogress():
                await self._turn.acquire()
        else:
            await self._turn.acquire()
        try:
            with metrics.running.track_inprogress():
                yield
        finally:
            self._turn.release()

    async def _outcome(self, urls: Sequence[str], deadline: Deadline) -> Outcome:
        fetched = await self._pictures(urls, deadline)
        lost = [one for one in fetched if isinstance(one, Failure)]
        pictures = [one for one in fetched if isinstance(one, Picture)]
        try:
            if not pictures:
                raise lost[0]
            result = await self._engines.analyse(pictures, deadline)
        except Failure as error:
            log.warning("an analysis failed", extra={"reason": error.reason})
            return _failed(error)
        lost += result.lost
        outcome = decide(result.analysis, [one.text for one in lost], result.engine.note)
        if outcome.status is Status.FAILED:
            outcome = replace(outcome, cause=_cause(lost[0]) if lost else "label")
        return replace(outcome, engine=result.engine.name, usage=result.usage)

    async def _pictures(self, urls: Sequence[str], deadline: Deadline) -> Sequence[Picture | Failure]:
        if len(urls) == 1:  # most requests; a task of its own would take as long as all other parts of the answer
            return [await self._picture(urls[0], deadline)]
        return await asyncio.gather(*(self._picture(url, deadline) for url in urls))

    async def _picture(self, url: str, deadline: Deadline) -> Picture | Failure:
        try:
            data = await self._downloader.fetch(url, deadline.at_most(DOWNLOAD_SHARE * deadline.left))
        except ImageRefused as error:
            metrics.downloads_failed.labels(error.reason).inc()
            log.warning("a picture was not fetched", extra={"reason": error.reason})
            return error
        return Picture(data, self._decoder)

    def _row(self, urls: Sequence[str], product_id: int | None, outcome: Outcome, duration_ms: int) -> Result:
        return Result(
            product_id=product_id,
            image_urls=[location.without_query(url) for url in urls],
            product_name=outcome.product_name,
            nutrition=outcome.nutrition,
            ingredients=outcome.ingredients,
            status=outcome.status,
            engine=outcome.engine,
            release=self._release,
            duration_ms=duration_ms,
            input_tokens=outcome.usage.input_tokens,
            output_tokens=outcome.usage.output_tokens,
        )


def _failed(failure: Failure) -> Outcome:
    return Outcome(Status.FAILED, failure.text, cause=_cause(failure))


def _cause(failure: Failure) -> str:
    """Return the word of `CAUSES`: "picture" (the user's), "host" (its host fails at the moment), or one of our own."""
    if isinstance(failure, ImageRefused) and failure.reason != "sandbox":
        return "host" if failure.transient else "picture"
    return failure.reason if failure.reason in {"timeout", "overload"} else "engine"


def decide(analysis: Analysis, lost: Sequence[str], note: str) -> Outcome:
    """Return the contract's outcome of an analysis. `lost` says why other pictures of the request were not read."""
    if analysis.merged is not None:
        return _completed(analysis.merged, analysis.per_image, lost, note)
    kinds = {label.kind for label in analysis.per_image}
    if Kind.LABEL in kinds:
        return Outcome(Status.CANCELLED, "The two images show different products, or nothing that shows they are one.")
    unreadable = next((label for label in analysis.per_image if label.kind is Kind.UNREADABLE), None)
    if unreadable is not None:
        return Outcome(Status.FAILED, _UNREADABLE[unreadable.flaw])
    if lost:
        # The picture that was not read may have been the label: nothing is known about the product.
        return Outcome(Status.FAILED, lost[0])
    return Outcome(Status.CANCELLED, "This is not an image of a nutrition or ingredients label.")


def _left_out(per_image: Sequence[Label]) -> Iterator[tuple[int, str]]:
    """Yield the index of each picture that the answer is not based on, and the reason."""
    for at, label in enumerate(per_image):
        if label.kind is Kind.UNREADABLE:
            yield at, _UNREADABLE[label.flaw]
        elif label.kind is Kind.OTHER:
            yield at, "It shows no nutrition or ingredients label."


def _completed(label: Label, per_image: Sequence[Label], lost: Sequence[str], note: str) -> Outcome:
    said = ["The label was analysed."]
    if lost:
        said.append(f"One image was left out: {lost[0]}")
    else:
        said += [f"The {_PLACES[at]} image was left out: {why}" for at, why in _left_out(per_image)]
    message = " ".join([*said, note]).strip()
    return Outcome(Status.COMPLETED, message, label.product_name, label.nutrition, label.ingredients)
