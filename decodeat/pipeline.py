"""One analysis from addresses to an outcome: fetch, decode, read, judge, write down, within one deadline."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from decodeat import metrics
from decodeat.analysis.label import Kind, Label, Reading
from decodeat.engines.ports import Analyst, EngineFailed, Judgement, Reader
from decodeat.images import location
from decodeat.images.download import Downloader
from decodeat.images.errors import ImageRefused
from decodeat.images.picture import Page, decode
from decodeat.stores.results import Result, Results

log = logging.getLogger(__name__)

_DECODING = 2  # pictures unpacked at once per worker: each may take 160 MB for a moment
_READ_TWICE = 2  # tries of an engine whose failure may pass


class Status(StrEnum):
    """The contract's outcomes. FAILED means that this request said nothing about the product."""

    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


@dataclass(frozen=True)
class Outcome:
    """What is answered. `nutrition` has all eleven names when COMPLETED, and is None otherwise."""

    status: Status
    message: str
    product_name: str | None = None
    nutrition: Mapping[str, str | None] | None = None
    ingredients: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Lost:
    """A picture that could not be read, and why, for people."""

    text: str


class Pipeline:
    """Runs analyses; one per worker process."""

    def __init__(
        self,
        downloader: Downloader,
        reader: Reader,
        analyst: Analyst,
        results: Results,
        *,
        release: str,
        seconds: float,
    ) -> None:
        """`seconds` is the deadline of one analysis, waiting for its turn included."""
        self._downloader = downloader
        self._reader = reader
        self._analyst = analyst
        self._results = results
        self._release = release
        self._seconds = seconds
        self._decoding = asyncio.Semaphore(_DECODING)

    async def analyse(self, urls: Sequence[str], product_id: int | None) -> Outcome:
        """Always an outcome for what may go wrong outside; raises only for a mistake of ours."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._seconds):
                outcome = await self._outcome(urls)
        except TimeoutError:
            outcome = Outcome(Status.FAILED, "The analysis took too long. Please try again later.")
        metrics.analyses.labels(outcome.status).inc()
        await self._results.keep(self._row(urls, product_id, outcome, round((time.monotonic() - began) * 1000)))
        return outcome

    async def _outcome(self, urls: Sequence[str]) -> Outcome:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._reading(url)) for url in urls]
        found = [task.result() for task in tasks]
        readings = [reading for reading in found if isinstance(reading, Reading)]
        lost = [one for one in found if isinstance(one, _Lost)]
        if not readings:
            return Outcome(Status.FAILED, lost[0].text)
        try:
            judgement = await self._analyst.judge(readings)
        except EngineFailed as error:
            return Outcome(Status.FAILED, error.text)
        return decide(judgement, [one.text for one in lost], self._analyst.note)

    async def _reading(self, url: str) -> Reading | _Lost:
        try:
            data = await self._downloader.fetch(url)
        except ImageRefused as error:
            metrics.downloads_failed.labels(error.reason).inc()
            log.warning("a picture was not fetched", extra={"reason": error.reason})
            return _Lost(error.text)
        try:
            async with self._decoding:
                page = await asyncio.to_thread(decode, data)
            return await self._read(page)
        except (ImageRefused, EngineFailed) as error:
            log.warning("a picture was not read: %s", error.text)
            return _Lost(error.text)

    async def _read(self, page: Page) -> Reading:
        for _ in range(_READ_TWICE - 1):
            try:
                return await self._reader.read(page)
            except EngineFailed as error:
                if not error.transient:
                    raise
        return await self._reader.read(page)

    def _row(self, urls: Sequence[str], product_id: int | None, outcome: Outcome, duration_ms: int) -> Result:
        return Result(
            product_id=product_id,
            image_urls=[location.without_query(url) for url in urls],
            product_name=outcome.product_name,
            nutrition=outcome.nutrition,
            ingredients=outcome.ingredients,
            status=outcome.status,
            engine=f"{self._reader.name}+{self._analyst.name}",
            release=self._release,
            duration_ms=duration_ms,
        )


def decide(judgement: Judgement, lost: Sequence[str], note: str) -> Outcome:
    """The contract's outcome of a judgement. `lost` says why other pictures of the same request were not read."""
    if judgement.whole is not None:
        return _completed(judgement.whole, judgement.alone, lost, note)
    kinds = {label.kind for label in judgement.alone}
    if Kind.LABEL in kinds:
        return Outcome(Status.CANCELLED, "The two images show different products.")
    if Kind.UNREADABLE in kinds:
        return Outcome(Status.FAILED, "The label is too blurred or cut off to be read. Please take the picture again.")
    if lost:
        # The picture that was not fetched may have been the label: nothing is known about the product.
        return Outcome(Status.FAILED, lost[0])
    return Outcome(Status.CANCELLED, "This is not an image of a nutrition or ingredients label.")


def _completed(label: Label, alone: Sequence[Label], lost: Sequence[str], note: str) -> Outcome:
    said = ["The label was analysed."]
    if lost:
        said.append(f"One image was left out: {lost[0]}")
    elif any(one.kind is not Kind.LABEL for one in alone):
        said.append("One image was left out: it is not a readable label.")
    message = " ".join([*said, note]).strip()
    return Outcome(Status.COMPLETED, message, label.product_name, label.nutrition, label.ingredients)
