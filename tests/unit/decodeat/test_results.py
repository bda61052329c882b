"""What is answered is stored a moment later, together with what else was, and by several processes at once."""

import asyncio
import json
import multiprocessing
import stat
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from hypothesis import given, settings
from hypothesis import strategies as st

from decodeat.stores import database, result_writer, tables
from decodeat.stores.results import NoResults, Result, StoredResults, open_results, row_of
from tests.servers.postgres import Postgres
from tests.support.examples import ONE_FIXTURE, examples
from tests.support.waiting import until
from tests.unit.decodeat.stored import RESULT, WAITING, ask, counted, nothing_lost, numbered, numbers, rows


def keep(url: str, *results: Result) -> None:
    async def story() -> None:
        open_ones = StoredResults(url)
        for result in results:
            open_ones.keep(result)
        await open_ones.close()

    asyncio.run(story())


def test_a_row_says_what_was_answered(url: str) -> None:
    keep(url, RESULT)
    (row,) = rows(url)
    assert (row["product_id"], row["product_name"], row["decode_status"]) == (7, "초코쿠키", "COMPLETED")
    assert (row["engine"], row["release_id"], row["duration_ms"]) == ("tesseract+embedded", "r1", 12)
    assert (row["input_tokens"], row["output_tokens"]) == (900, 300)
    assert row["image_url"].splitlines() == list(RESULT.image_urls)
    assert json.loads(row["nutrition_info"]) == {"fat": "7", "energy": None}
    assert json.loads(row["ingredients"]) == ["밀가루"]
    assert uuid.UUID(row["id"]).version == 4
    moment = row["created_at"]
    moment = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    assert moment.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - moment) < timedelta(minutes=1)


def test_what_is_answered_is_stored_a_moment_later(url: str) -> None:
    async def story() -> None:
        results = StoredResults(url)
        for number in range(3):
            results.keep(numbered(number))
            await until(lambda: counted(WAITING) == 0, 5)
            assert numbers(url) == list(range(number + 1))
        await results.close()

    asyncio.run(story())


def test_concurrent_ones_are_stored_in_few_transactions(server: Postgres) -> None:
    url = server.database()
    keep(url, *map(numbered, range(400)))
    assert numbers(url) == list(range(400))
    (found,) = ask(url, "SELECT count(DISTINCT xmin::text) AS transactions FROM analysis_results")
    assert found["transactions"] <= 5


texts = st.text(st.characters(), max_size=30)  # NUL and halves of surrogate pairs among them
results = st.builds(
    Result,
    product_id=st.none() | st.integers(-(2**63), 2**63 - 1),
    image_urls=st.lists(texts, min_size=1, max_size=2),
    product_name=st.none() | texts,
    nutrition=st.none() | st.dictionaries(texts, st.none() | texts, max_size=3),
    ingredients=st.lists(texts, max_size=3),
    status=st.sampled_from(["COMPLETED", "CANCELLED", "FAILED"]),
    engine=st.just("vision+gemini"),
    release=st.just("r1"),
    duration_ms=st.integers(0, 2**31 - 1),
    input_tokens=st.integers(0, 2**31 - 1),
    output_tokens=st.integers(0, 2**31 - 1),
)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a database a minute to answer: what writes by itself, without a buffer that tries again, needs no limit."""
    for name in ("result_writer.ANSWER_SECONDS", "database.CONNECT_SECONDS"):
        monkeypatch.setattr(f"decodeat.stores.{name}", 60.0)


@pytest.mark.usefixtures("patient")
@settings(max_examples=examples(25), suppress_health_check=ONE_FIXTURE)
@given(st.lists(results, min_size=1, max_size=20))
def test_whatever_is_stored_comes_back_as_it_was(url: str, given_ones: list[Result]) -> None:
    made = [row_of(one) for one in given_ones]

    async def story() -> list[dict[str, Any]]:
        writer, engine = result_writer.ResultWriter(url), database.open_engine(url)
        await writer.store(made)
        wanted = sqlalchemy.select(tables.results).where(tables.results.c.id.in_([row["id"] for row in made]))
        async with engine.begin() as connection:
            found = (await connection.execute(wanted)).mappings().all()
        await engine.dispose()
        await writer.close()
        return [dict(row) for row in found]

    def by_id(row: Any) -> str:
        return str(row["id"])

    assert sorted(asyncio.run(story()), key=by_id) == sorted(map(dict, made), key=by_id)


@pytest.mark.usefixtures("patient")
def test_sent_twice_it_is_stored_once(url: str) -> None:
    """The end of the first commit may not have been seen."""
    first, second = row_of(numbered(1)), row_of(numbered(2))

    async def story() -> None:
        writer = result_writer.ResultWriter(url)
        await writer.store([first])
        await writer.store([first, second])
        await writer.close()

    asyncio.run(story())
    assert numbers(url) == [1, 2]


def keep_many(url: str, first: int) -> None:
    keep(url, *map(numbered, range(first, first + 25)))
    keep(url, *map(numbered, range(first + 25, first + 50)))


def test_processes_that_start_together_write_side_by_side(url: str) -> None:
    """Into a database that is still empty: one of them makes the table."""
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=keep_many, args=(url, 50 * number)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0, 0, 0, 0]
    assert numbers(url) == list(range(200))
    (version,) = ask(url, "SELECT version_num FROM alembic_version")
    assert version == {"version_num": tables.REVISION}


def test_only_its_owner_reads_the_file_and_what_lies_beside_it(tmp_path: Path) -> None:
    async def story() -> list[str]:
        results = StoredResults(f"sqlite:///{tmp_path}/results.sqlite3")
        results.keep(RESULT)
        await until(lambda: counted(WAITING) == 0)
        found = [f"{path.name} {stat.S_IMODE(path.stat().st_mode):o}" for path in sorted(tmp_path.iterdir())]
        await results.close()
        return found

    assert asyncio.run(story()) == [f"results.sqlite3{end} 600" for end in ("", "-shm", "-wal")]


def test_the_place_that_is_taken_where_none_is_named_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    place = tmp_path / "state" / "decodeat"
    url = f"sqlite:///{place}/decodeat.sqlite3"
    keep(url, RESULT)
    assert len(rows(url)) == 1
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_without_a_database_nothing_is_kept_and_all_is_well() -> None:
    async def story() -> None:
        nothing = open_results("")
        assert isinstance(nothing, NoResults)
        nothing.keep(RESULT)
        assert (await nothing.condition()).ok
        await nothing.close()

    with nothing_lost():
        asyncio.run(story())
