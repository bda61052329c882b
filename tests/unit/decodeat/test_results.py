"""Results are written by several processes at once; where they can't be, the answer does not suffer."""

import asyncio
import json
import multiprocessing
import sqlite3
import stat
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from decodeat.stores.results import FORMAT, NoResults, Result, SqliteResults

RESULT = Result(
    product_id=7,
    image_urls=("https://shop.kr/a.png", "https://shop.kr/b.png"),
    product_name="초코쿠키",
    nutrition={"fat": "7", "energy": None},
    ingredients=("밀가루",),
    status="COMPLETED",
    engine="tesseract+embedded",
    release="r1",
    duration_ms=12,
)


def rows(path: Path) -> list[sqlite3.Row]:
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    try:
        return connection.execute("SELECT * FROM analysis_results").fetchall()
    finally:
        connection.close()


def lost() -> float:
    return REGISTRY.get_sample_value("decodeat_results_lost_total") or 0.0


def keep(path: Path, times: int = 1) -> None:
    results = SqliteResults(path)
    for _ in range(times):
        asyncio.run(results.keep(RESULT))
    results.close()


def test_a_row_says_what_was_answered(tmp_path: Path) -> None:
    path = tmp_path / "results.sqlite3"
    keep(path)
    (row,) = rows(path)
    assert (row["product_id"], row["product_name"], row["decode_status"], row["duration_ms"]) == (
        7,
        "초코쿠키",
        "COMPLETED",
        12,
    )
    assert (row["engine"], row["release_id"]) == ("tesseract+embedded", "r1")
    assert row["image_url"].splitlines() == list(RESULT.image_urls)
    assert json.loads(row["nutrition_info"]) == {"fat": "7", "energy": None}
    assert json.loads(row["ingredients"]) == ["밀가루"]
    assert row["created_at"].endswith("+00:00")


def test_only_its_owner_reads_the_database(tmp_path: Path) -> None:
    path = tmp_path / "results.sqlite3"
    keep(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_processes_write_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "results.sqlite3"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=keep, args=(path, 25)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert len(rows(path)) == 75
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (FORMAT,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_a_database_of_a_newer_release_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "results.sqlite3"
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {FORMAT + 1}")
    connection.close()
    before = lost()
    keep(path)
    assert lost() == before + 1
    condition = asyncio.run(SqliteResults(path).condition())
    assert not condition.ok
    assert f"its format is {FORMAT + 1}" in condition.detail


@pytest.mark.parametrize("name", ["missing/results.sqlite3", ".", "garbage.sqlite3"])
def test_a_write_that_fails_is_counted_and_nothing_more(name: str, tmp_path: Path) -> None:
    (tmp_path / "garbage.sqlite3").write_bytes(b"no database at all, but long enough to be looked at" * 20)
    results = SqliteResults(tmp_path / name)
    before = lost()
    asyncio.run(results.keep(RESULT))
    assert lost() == before + 1
    condition = asyncio.run(results.condition())
    assert not condition.ok
    assert str(tmp_path) not in condition.detail


def test_it_recovers_when_the_directory_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("decodeat.stores.results.KNOWN_FOR", -1.0)
    results = SqliteResults(tmp_path / "later" / "results.sqlite3")

    async def story() -> tuple[bool, bool]:
        before = (await results.condition()).ok
        (tmp_path / "later").mkdir()
        return before, (await results.condition()).ok

    assert asyncio.run(story()) == (False, True)
    results.close()


def test_a_locked_database_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("decodeat.stores.results._WAIT", 0.1)
    path = tmp_path / "results.sqlite3"
    keep(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    results = SqliteResults(path)
    condition = asyncio.run(results.condition())
    other.close()
    results.close()
    assert (condition.ok, "locked" in condition.detail) == (False, True)


def test_without_a_database_nothing_is_kept_and_all_is_well() -> None:
    results = NoResults()
    asyncio.run(results.keep(RESULT))
    assert asyncio.run(results.condition()).ok
