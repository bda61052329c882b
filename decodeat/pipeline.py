"""One analysis from addresses to an outcome: fetch, decode, read, judge, write down, within one deadline."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from decodeat import metrics
from decodeat.analysis.label import Kind, Label, Reading
from decodeat.deadline import Deadline
from decodeat.engines.ports import Engine, EngineFailed, Judgement
from decodeat.failure import Failure
from decodeat.images import location
from decodeat.images.download import Downloader
from decodeat.images.errors import ImageRefused
from decodeat.images.picture import Page, decode
from decodeat.stores.results import Result, Results

log = logging.getLogger(__name__)

_DECODING = 2  # pictures unpacked at once per worker: each may take 160 MB for a moment


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


class Pipeline:
    """Runs analyses; one per worker process."""

    def __init__(
        self, downloader: Downloader, engine: Engine, results: Results, *, release: str, seconds: float
    ) -> None:
        """`seconds` is the deadline of one analysis, waiting for its turn included."""
        self._downloader = downloader
        self._engine = engine
        self._results = results
        self._release = release
        self._seconds = seconds
        self._decoding = asyncio.Semaphore(_DECODING)

    async def analyse(self, urls: Sequence[str], product_id: int | None) -> Outcome:
        """Always an outcome for what may go wrong outside; raises only for a mistake of ours."""
        deadline = Deadline(self._seconds)
        try:
            async with asyncio.timeout(deadline.left):
                outcome = await self._outcome(urls, deadline)
        except TimeoutError:
            outcome = Outcome(Status.FAILED, "The analysis took too long. Please try again later.")
        metrics.analyses.labels(outcome.status).inc()
        took = round((self._seconds - deadline.left) * 1000)
        await self._results.keep(self._row(urls, product_id, outcome, took))
        return outcome

    async def _outcome(self, urls: Sequence[str], deadline: Deadline) -> Outcome:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._page(url)) for url in urls]
        pages = [task.result() for task in tasks]
        lost = [one for one in pages if isinstance(one, Failure)]
        try:
            read = await self._engine.reader.read([one for one in pages if isinstance(one, Page)], deadline)
            lost += [one for one in read if isinstance(one, Failure)]
            readings = [one for one in read if isinstance(one, Reading)]
            if not readings:
                return Outcome(Status.FAILED, lost[0].text)
            judgement = await self._engine.analyst.judge(readings, deadline)
        except EngineFailed as error:
            return Outcome(Status.FAILED, error.text)
        return decide(judgement, [one.text for one in lost], self._engine.note)

    async def _page(self, url: str) -> Page | Failure:
        try:
            data = await self._downloader.fetch(url)
        except ImageRefused as error:
            metrics.downloads_failed.labels(error.reason).inc()
            log.warning("a picture was not fetched", extra={"reason": error.reason})
            return error
        try:
            async with self._decoding:
                return await asyncio.to_thread(decode, data)
        except ImageRefused as error:
            log.warning("a picture can't be read", extra={"reason": error.reason})
            return error

    def _row(self, urls: Sequence[str], product_id: int | None, outcome: Outcome, duration_ms: int) -> Result:
        return Result(
            product_id=product_id,
            image_urls=[location.without_query(url) for url in urls],
            product_name=outcome.product_name,
            nutrition=outcome.nutrition,
            ingredients=outcome.ingredients,
            status=outcome.status,
            engine=self._engine.name,
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
