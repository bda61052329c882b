"""Given parts that fail in every way they may, an analysis still ends in time with an outcome of the contract."""

import asyncio
from collections.abc import Sequence

import pytest
from prometheus_client import REGISTRY

from decodeat.analysis.label import Reading
from decodeat.condition import Condition
from decodeat.deadline import Deadline
from decodeat.engines.embedded import EmbeddedAnalyst
from decodeat.engines.fallback import Engines
from decodeat.engines.ports import Analysis, Engine, EngineFailed
from decodeat.failure import Failure
from decodeat.images.decoder import Decoder
from decodeat.images.decoding import Picture
from decodeat.images.download import Downloader
from decodeat.pipeline import Outcome, Pipeline, Status
from decodeat.stores.cache import MemoryCache
from decodeat.stores.results import Result
from decodeat.work_queue import Overloaded
from tests.support.waiting import PATIENCE
from tests.unit.decodeat.hostile_images import PNG
from tests.unit.decodeat.test_figures import LABEL, VALUES
from tests.unit.decodeat.web import Web


class ScriptedReader:
    """Does the next thing of its script for each page: return a text, fail, hang, or raise what is a bug."""

    name, version = "scripted", "1"

    def __init__(self, *script: str | Exception | None) -> None:
        self.script = list(script)

    async def read(self, pictures: Sequence[Picture], deadline: Deadline) -> list[Reading | Failure]:
        found: list[Reading | Failure] = []
        for picture in pictures:
            assert (await picture.image()).mode == "L"
            step = self.script.pop(0)
            if step is None:
                await asyncio.sleep(600)
            if isinstance(step, Exception) and not isinstance(step, Failure):
                raise step
            found.append(step if isinstance(step, Failure) else Reading((step or "", step or "")))
        return found

    def can_exit_without_loss(self) -> bool:
        return True

    async def condition(self) -> Condition:
        return Condition(True, "scripted")

    async def close(self) -> None:
        """Nothing is open."""


class FailingAnalyst:
    name, version = "failing", "1"

    async def judge(self, readings: Sequence[Reading], deadline: Deadline) -> Analysis:
        raise EngineFailed("down", "The engine is not available.", transient=True)

    def can_exit_without_loss(self) -> bool:
        return True

    async def condition(self) -> Condition:
        return Condition(False, "it fails")

    async def close(self) -> None:
        """Nothing is open."""


class Kept:
    """Results in memory."""

    def __init__(self) -> None:
        self.rows: list[Result] = []

    def keep(self, result: Result) -> None:
        self.rows.append(result)

    def can_exit_without_loss(self) -> bool:
        return True

    async def condition(self) -> Condition:
        return Condition(True, "in memory")

    async def close(self) -> None:
        """Nothing is open."""


def run(
    site: Web, reader: ScriptedReader, *urls: str, seconds: float = PATIENCE, analyst: FailingAnalyst | None = None
) -> tuple[Outcome, Result]:
    kept = Kept()

    async def go() -> Outcome:
        async with Downloader(100_000, [site.origin]) as downloader, Decoder(1) as decoder:
            engine = Engine(reader, analyst or EmbeddedAnalyst())
            engines = Engines([engine], MemoryCache(), read_for=60, judged_for=60)
            pipeline = Pipeline(downloader, decoder, engines, kept, release="r-1", seconds=seconds)
            return await pipeline.analyse(urls, 7)

    outcome = asyncio.run(go())
    (row,) = kept.rows
    assert (row.status, row.product_id, row.release) == (outcome.status, 7, "r-1")
    assert row.nutrition == outcome.nutrition
    return outcome, row


def test_a_label_is_answered_and_kept(site: Web) -> None:
    outcome, row = run(site, ScriptedReader(LABEL), site.serve("/a", PNG) + "?sig=secret")
    assert (outcome.status, outcome.nutrition) == (Status.COMPLETED, VALUES)
    assert (row.engine, list(row.image_urls)) == ("scripted+embedded", [f"{site.origin}/a"])


def test_a_failure_of_the_engine_is_failed(site: Web) -> None:
    reader = ScriptedReader(EngineFailed("broken", "It broke."))
    outcome, _ = run(site, reader, site.serve("/a", PNG))
    assert (outcome.status, outcome.message) == (Status.FAILED, "It broke.")
    assert reader.script == []


def test_an_analyst_that_fails_is_failed(site: Web) -> None:
    outcome, _ = run(site, ScriptedReader(LABEL), site.serve("/a", PNG), analyst=FailingAnalyst())
    assert (outcome.status, outcome.message) == (Status.FAILED, "The engine is not available.")


def test_the_deadline_ends_everything(site: Web) -> None:
    outcome, row = run(
        site, ScriptedReader(LABEL, None), site.serve("/a", PNG), site.serve("/b", PNG + b"other"), seconds=0.5
    )
    assert outcome.status is Status.FAILED
    assert "too long" in outcome.message
    assert 400 <= row.duration_ms < 60_000


def test_who_never_gets_a_turn_is_told_that_the_service_is_busy(site: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("decodeat.pipeline.AT_ONCE", 1)
    urls = [site.serve(f"/{number}", PNG + str(number).encode()) for number in range(4)]
    kept = Kept()

    async def go() -> list[Outcome]:
        async with Downloader(100_000, [site.origin]) as downloader, Decoder(1) as decoder:
            engine = Engine(ScriptedReader(), EmbeddedAnalyst())
            engines = Engines([engine], MemoryCache(), read_for=60, judged_for=60)
            pipeline = Pipeline(downloader, decoder, engines, kept, release="r-1", seconds=0.5)
            async with pipeline._queued():  # another request's turn, which does not end
                return await asyncio.gather(*(pipeline.analyse([url], 1) for url in urls))

    before = _failures("overload")
    outcomes = asyncio.run(go())
    assert {(one.status, one.cause) for one in outcomes} == {(Status.FAILED, "overload")}
    assert all("busy" in one.message for one in outcomes)
    assert (_failures("overload"), len(kept.rows), site.asked) == (before + 4, 4, [])


def _failures(cause: str) -> float:
    return REGISTRY.get_sample_value("decodeat_analyses_failed_total", {"cause": cause}) or 0.0


@pytest.mark.parametrize(
    ("url", "step", "cause"),
    [
        ("http://10.0.0.1/a", LABEL, "picture"),
        ("http://localhost:1/a", LABEL, "picture"),
        ("/gone", LABEL, "picture"),
        ("/down", LABEL, "host"),
        ("/text", LABEL, "picture"),
        ("/a", EngineFailed("broken", "It broke."), "engine"),
        ("/a", Overloaded(), "overload"),
    ],
)
def test_a_failure_is_counted_by_whose_fault_it_was(
    site: Web, url: str, step: str | Failure, cause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("decodeat.upstream.FIRST_PAUSE", 0.0)
    site.serve("/a", PNG)
    site.serve("/down", b"", status=503)
    site.serve("/text", b"hello")
    before = _failures(cause)
    outcome, _ = run(site, ScriptedReader(step), site.origin + url if url.startswith("/") else url)
    assert (outcome.status, outcome.cause) == (Status.FAILED, cause)
    assert _failures(cause) == before + 1


def test_one_of_two_pictures_is_enough(site: Web) -> None:
    outcome, row = run(site, ScriptedReader(LABEL), f"{site.origin}/gone", site.serve("/b", PNG))
    assert outcome.status is Status.COMPLETED
    assert "One image was left out" in outcome.message
    assert len(row.image_urls) == 2


def test_failures_to_fetch_are_counted_by_reason(site: Web) -> None:
    labels = {"reason": "private"}
    before = REGISTRY.get_sample_value("decodeat_image_download_failures_total", labels) or 0.0
    outcome, _ = run(site, ScriptedReader(), "http://127.0.0.1/a", "http://10.0.0.1/b")
    assert outcome.status is Status.FAILED
    assert REGISTRY.get_sample_value("decodeat_image_download_failures_total", labels) == before + 2


def test_a_mistake_of_ours_is_not_hidden(site: Web) -> None:
    with pytest.raises(RuntimeError, match="a bug"):
        run(site, ScriptedReader(RuntimeError("a bug")), site.serve("/a", PNG))
