"""Given a database in trouble: no answer waits, nothing is stored twice, and nothing is lost without need."""

import asyncio
import os
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import asyncpg
import pytest
import uvloop
from sqlalchemy import Connection

from decodeat.condition import Condition
from decodeat.stores import result_writer, schema, write_behind
from decodeat.stores.results import StoredResults
from tests.servers.postgres import PASSWORD, Postgres
from tests.support.waiting import PATIENCE, until, wait_for
from tests.unit.decodeat.stored import RESULT, WAITING, ask, counted, locked, nothing_lost, numbered, numbers

LOST = "decodeat_results_lost_total"
DOWN = "results wait until it is over"


class Keeping:
    """Keeps numbered results one after the other, as requests do that come in all the time, and measures each."""

    def __init__(self, url: str) -> None:
        self.results = StoredResults(url)
        self.count = 0
        self.longest = 0.0

    def keep(self) -> None:
        began, self.count = time.perf_counter(), self.count + 1
        self.results.keep(numbered(self.count - 1))
        self.longest = max(self.longest, time.perf_counter() - began)

    def wait_for_more(self, otherwise: str) -> None:
        """Wait, in another thread, until many more were kept."""
        enough = self.count + 150
        wait_for(lambda: self.count >= enough, otherwise=otherwise)

    async def meanwhile(self, trouble: Callable[[], None]) -> None:
        """Keep four hundred a second while `trouble` runs, and many before and after."""
        ending = asyncio.Event()

        async def requests() -> None:
            while not ending.is_set():
                self.keep()
                await asyncio.sleep(0.0025)

        def all_of_it() -> None:
            self.wait_for_more("none is kept before")
            trouble()
            self.wait_for_more("none is kept afterwards")

        stream = asyncio.create_task(requests())
        try:
            await asyncio.to_thread(all_of_it)
        finally:
            ending.set()
        await stream

    async def settled(self, seconds: float = 60) -> None:
        await until(lambda: counted(WAITING) == 0, seconds)
        await self.results.close()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("trouble", [Postgres.crashed, Postgres.frozen])
def test_every_row_is_there_exactly_once_after_an_outage(
    fragile: Postgres,
    trouble: Callable[[Postgres], AbstractContextManager[None]],
    run: Callable[[Awaitable[None]], None],
    record_property: Callable[[str, object], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The outage lasts until it was noticed and many more results were kept."""
    url = fragile.database()
    keeping: list[Keeping] = []

    def outage() -> None:
        with trouble(fragile):
            wait_for(lambda: DOWN in caplog.text, otherwise="nobody noticed")
            keeping[0].wait_for_more("none is kept meanwhile")

    async def story() -> None:
        keeping.append(Keeping(url))
        await keeping[0].meanwhile(outage)
        await keeping[0].settled()

    with nothing_lost():
        run(story())
    (kept,) = keeping
    assert kept.count > 450
    assert numbers(url) == list(range(kept.count))
    told = f"{trouble.__name__}: {kept.count} results, none lost, none twice"
    told += f"; handing one over took at most {kept.longest * 1000:.1f} ms"
    record_property("measured", told)


def test_it_is_said_that_it_is_down_and_that_it_is_up_again(
    fragile: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        keeping = Keeping(fragile.database())
        keeping.keep()
        await until(lambda: counted(WAITING) == 0)
        fragile.kill()
        try:
            keeping.keep()
            await until(lambda: DOWN in caplog.text)
            condition = await keeping.results.condition()
            assert (condition.ok, condition.needed) == (False, False)
            assert not keeping.results.can_exit_without_loss(), "ending now would lose what waits"
        finally:
            fragile.start()
        await until(lambda: counted(WAITING) == 0)
        assert keeping.results.can_exit_without_loss()
        assert (await keeping.results.condition()).ok, "it is known at once that it can be written again"
        await keeping.results.close()

    with nothing_lost():
        uvloop.run(story())


def test_a_connection_that_died_unnoticed_delays_nothing(fragile: Postgres, caplog: pytest.LogCaptureFixture) -> None:
    """A restart at night: the first answer in the morning is stored as soon as any other."""
    url = fragile.database()

    async def story() -> None:
        results = StoredResults(url)
        results.keep(numbered(0))
        await until(lambda: counted(WAITING) == 0)
        fragile.kill()
        fragile.start()
        results.keep(numbered(1))
        await until(lambda: counted(WAITING) == 0)
        assert numbers(url) == [0, 1]
        assert "results wait until it is over" not in caplog.text, "nobody took it for an outage"
        await results.close()

    uvloop.run(story())


async def condition_of(url: str) -> Condition:
    results = StoredResults(url)
    condition = await results.condition()
    await results.close()
    return condition


FOREIGN = "CREATE TABLE analysis_results (id TEXT)"
OLDER = "UPDATE alembic_version SET version_num = '0001'"
NEWER = "UPDATE alembic_version SET version_num = '0042'"


@pytest.mark.parametrize(
    ("change", "query", "password", "said"),
    [
        ("", "", "wrong-4711", "the server refuses the user or the password"),
        ("DROP", "", PASSWORD, "there is no database of that name"),
        ("", "?sslmode=require", PASSWORD, "the connection was broken off"),
        ("", "?sslmode=disable&connect_timeout=3&keepalives=1", PASSWORD, ""),
        ("", "?default_transaction_read_only=on", PASSWORD, "it takes no writes: it is a standby, or read-only"),
        ("", "?channel_binding=require", PASSWORD, "the server refuses (UndefinedObjectError, 42704)"),
        (FOREIGN, "", PASSWORD, "it holds a table analysis_results that no release of this service made"),
        (OLDER, "", PASSWORD, "its schema is 0001, and this release needs 0002: run `python -m decodeat --migrate`"),
    ],
    ids=["password", "missing", "no-tls", "libpq", "standby", "unknown-setting", "foreign", "older"],
)  # fmt: skip
def test_each_trouble_with_a_server_has_its_own_words(
    server: Postgres, change: str, query: str, password: str, said: str
) -> None:
    url = server.database()
    name = url.rpartition("/")[2]
    if change == "DROP":
        server.run(f"DROP DATABASE {name}")
    elif change == FOREIGN:
        ask(url, change)
    elif change == OLDER:
        assert asyncio.run(condition_of(url)).ok
        ask(url, change)
    condition = asyncio.run(condition_of(server.url(name, password, query)))
    assert not condition.needed, "other instances could do no better"
    expected = f"the database can't be written: {said}" if said else "postgresql, writable"
    assert (condition.ok, condition.detail) == (not said, expected)
    assert not any(word in condition.detail for word in ("127.0.0.1", str(server.port), password, name))


def test_a_server_behind_a_socket(server: Postgres) -> None:
    name = server.database().rpartition("/")[2]
    query = f"host={server.directory}&port={server.port}&application_name=decodeat"
    assert asyncio.run(condition_of(f"postgresql://postgres:{PASSWORD}@/{name}?{query}")).ok


def test_a_server_that_is_not_there_or_says_nothing(fragile: Postgres) -> None:
    url = fragile.database()
    with fragile.frozen():
        began = time.monotonic()
        assert asyncio.run(condition_of(url)).detail == "the database can't be written: it does not answer"
        assert time.monotonic() - began < 60, "whoever asks /ready doesn't wait for ever"
    fragile.kill()
    try:
        assert asyncio.run(condition_of(url)).detail == "the database can't be written: Connection refused"
        nowhere = url.replace("127.0.0.1", "nowhere.invalid")
        assert asyncio.run(condition_of(nowhere)).detail == "the database can't be written: its host is not known"
    finally:
        fragile.start()


def test_an_empty_database_is_waited_for_while_another_worker_fills_it(server: Postgres) -> None:
    """That takes longer than an answer may on a busy machine, and says nothing about the server."""
    url = server.database()
    waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"

    async def story() -> Condition:
        other = await asyncpg.connect(url)
        async with other.transaction():
            await other.execute(f"SELECT pg_advisory_xact_lock({schema._OURS})")
            asking = asyncio.create_task(condition_of(url))
            began = time.monotonic()
            while time.monotonic() - began < 2 * result_writer.ANSWER_SECONDS or not await other.fetchval(waits):
                assert not asking.done(), asking.result()
                await asyncio.sleep(0.1)
        await other.close()
        return await asking

    assert asyncio.run(story()) == Condition(True, "postgresql, writable", needed=False)


def test_looking_at_the_schema_and_writing_have_one_time_limit_together(
    server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a server that answers slowly and then not at all, when `/ready` asks, the answer comes in one limit."""
    url, seconds = server.database(), 30.0
    assert asyncio.run(condition_of(url)).ok
    slowly = schema.current_revision

    async def story() -> tuple[Condition, float]:
        loop, real = asyncio.get_running_loop(), time.monotonic
        skipped = 0.0
        loop.time = lambda: real() + skipped  # type: ignore[method-assign]

        def asked(connection: Connection) -> str | None:
            nonlocal skipped
            skipped += seconds - 1
            return slowly(connection)

        monkeypatch.setattr(schema, "current_revision", asked)
        writer = result_writer.ResultWriter(url)
        writer._seconds = seconds
        other = await asyncpg.connect(url)
        async with other.transaction():
            await other.execute("LOCK TABLE analysis_results")
            began = loop.time()
            condition = await writer.condition()
            took = loop.time() - began
        await other.close()
        await writer.close()
        return condition, took

    condition, took = asyncio.run(story())
    assert condition == Condition(False, "the database can't be written: it does not answer", needed=False)
    assert took < 1.5 * seconds


def test_a_newer_schema_is_fine_and_said(url: str) -> None:
    assert asyncio.run(condition_of(url)).ok
    ask(url, NEWER)
    condition = asyncio.run(condition_of(url))
    assert condition.ok
    assert condition.detail.endswith("writable; its schema 0042 is newer than this release's 0002")


def test_a_newer_schema_that_takes_no_rows_of_ours_is_found_by_trying(url: str) -> None:
    assert asyncio.run(condition_of(url)).ok
    ask(url, NEWER)
    ask(url, "ALTER TABLE analysis_results RENAME COLUMN engine TO engines")
    assert not asyncio.run(condition_of(url)).ok
    assert numbers(url) == []


def test_rows_wait_until_an_older_schema_is_migrated(url: str) -> None:
    async def story() -> None:
        results = StoredResults(url)
        results.keep(numbered(0))
        await until(lambda: counted(WAITING) == 0)
        ask(url, OLDER)
        again = StoredResults(url)
        again.keep(numbered(1))
        assert not (await again.condition()).ok
        assert counted(WAITING) == 1
        ask(url, OLDER.replace("0001", "0002"))
        await until(lambda: counted(WAITING) == 0)
        await again.close()
        await results.close()

    with nothing_lost():
        asyncio.run(story())
    assert numbers(url) == [0, 1]


def test_a_row_that_the_database_refuses_holds_up_no_other(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A constraint that somebody added, a number that is none of the column's: it would be refused for ever."""
    monkeypatch.setattr(write_behind, "FLUSH_SECONDS", PATIENCE)
    assert asyncio.run(condition_of(url)).ok
    ask(url, "CREATE UNIQUE INDEX one_each ON analysis_results (product_id)")
    before = counted(LOST)

    async def story() -> None:
        results = StoredResults(url)
        results.keep(numbered(5))
        for number in (*range(5), 2**70, *range(5, 10)):
            results.keep(numbered(number))
        await results.close()

    asyncio.run(story())
    assert numbers(url) == list(range(10))
    assert counted(LOST) == before + 2


def test_the_buffer_is_bounded_and_what_is_accepted_is_delivered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_behind, "ROOM", 10)
    url = f"sqlite:///{tmp_path}/later/results.sqlite3"
    before = counted(LOST)

    async def story() -> None:
        results = StoredResults(url)
        for number in range(13):
            results.keep(numbered(number))
        assert (counted(WAITING), counted(LOST)) == (10, before + 3)
        (tmp_path / "later").mkdir()
        await until(lambda: counted(WAITING) == 0)
        results.keep(numbered(13))
        await results.close()

    asyncio.run(story())
    assert numbers(url) == [*range(10), 13]


def test_the_end_of_the_process_waits_for_what_can_still_be_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_behind, "FLUSH_SECONDS", PATIENCE)
    path = tmp_path / "results.sqlite3"
    url = f"sqlite:///{path}"

    async def story() -> None:
        results = StoredResults(url)
        await results.condition()
        with closing(locked(path)):
            for number in range(20):
                results.keep(numbered(number))
            assert counted(WAITING) == 20
        await results.close()

    with nothing_lost():
        asyncio.run(story())
    assert numbers(url) == list(range(20))


def test_a_database_that_is_frozen_when_the_process_ends(fragile: Postgres) -> None:
    async def story() -> None:
        results = StoredResults(fragile.database())
        results.keep(RESULT)
        with fragile.frozen():
            began = time.monotonic()
            await results.close()
            assert time.monotonic() - began < 60, "it stays frozen until then"

    uvloop.run(story())


@pytest.mark.parametrize("trouble", ["missing", "frozen"])
def test_the_end_of_the_process_does_not_wait_for_ever(
    trouble: str, fragile: Postgres, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = counted(LOST)

    async def story(url: str) -> None:
        results = StoredResults(url)
        results.keep(RESULT)
        results.keep(RESULT)
        began = time.monotonic()
        await results.close()
        assert time.monotonic() - began < write_behind.FLUSH_SECONDS + 60

    if trouble == "missing":
        asyncio.run(story(f"sqlite:///{tmp_path}/missing/results.sqlite3"))
    else:
        url = fragile.database()
        with fragile.frozen():
            uvloop.run(story(url))
    assert (counted(LOST), counted(WAITING)) == (before + 2, 0)
    assert "2 results are lost: this process ends, and they could not be stored" in caplog.text


GARBAGE = b"no database at all, but long enough to be looked at" * 20


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing/results.sqlite3", "No such file or directory"),
        (".", "Is a directory"),
        ("garbage.sqlite3", "file is not a database"),
    ],
)
def test_a_file_that_can_not_be_a_database(
    name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_behind, "FLUSH_SECONDS", 0.1)
    (tmp_path / "garbage.sqlite3").write_bytes(GARBAGE)

    async def story() -> None:
        keeping = Keeping(f"sqlite:///{tmp_path / name}")
        keeping.keep()
        condition = await keeping.results.condition()
        assert (condition.ok, condition.needed) == (False, True), "it is this instance's own"
        assert condition.detail == f"the database can't be written: {said}"
        await keeping.results.close()

    asyncio.run(story())
    assert (tmp_path / "garbage.sqlite3").read_bytes() == GARBAGE


def test_a_file_that_somebody_else_holds(tmp_path: Path) -> None:
    path = tmp_path / "results.sqlite3"
    url = f"sqlite:///{path}"

    async def story() -> None:
        keeping = Keeping(url)
        keeping.keep()
        await until(lambda: counted(WAITING) == 0)
        with closing(locked(path)):
            keeping.keep()
            condition = await keeping.results.condition()
            assert (condition.ok, condition.detail) == (False, "the database can't be written: database is locked")
        await keeping.settled()

    with nothing_lost():
        asyncio.run(story())
    assert numbers(url) == [0, 1]


@contextmanager
def small_disk(directory: Path) -> Iterator[Path]:
    directory.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(directory)], check=False)
    if mounted.returncode != 0:
        pytest.skip("a small disk is made with a tmpfs, which needs root")
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


def test_a_full_disk(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with small_disk(tmp_path / "disk") as disk:
        url = f"sqlite:///{disk}/results.sqlite3"
        keepings: list[Keeping] = []

        async def story() -> None:
            keeping = Keeping(url)
            keepings.append(keeping)
            keeping.keep()
            await until(lambda: counted(WAITING) == 0)
            filler = disk / "filler"
            fill(filler)
            while DOWN not in caplog.text:  # what is already allocated takes a few more
                assert keeping.count < 2000, "nobody noticed"
                keeping.keep()
                await asyncio.sleep(0.05)
            keeping.keep()
            condition = await keeping.results.condition()
            assert (condition.ok, "full" in condition.detail) == (False, True), condition
            filler.unlink()
            await keeping.settled()

        with nothing_lost():
            asyncio.run(story())
        assert numbers(url) == list(range(keepings[0].count))


def fill(path: Path) -> None:
    """Write until not one byte more fits."""
    with path.open("wb", buffering=0) as filler:
        for size in (1 << 16, 1):
            try:
                while True:
                    filler.write(os.urandom(size))
            except OSError:
                continue


def test_a_nearly_full_disk_is_said_before_it_hurts(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        (disk / "filler").write_bytes(b"\xff" * (1 << 20))
        condition = asyncio.run(condition_of(f"sqlite:///{disk}/results.sqlite3"))
    assert condition == Condition(False, "the disk of the database is full", needed=True)
