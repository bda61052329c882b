"""Looks at what is stored from outside the service, over connections of its own."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from prometheus_client import REGISTRY

from decodeat.stores.database import file_of
from decodeat.stores.results import Result
from tests.servers.postgres import fetched
from tests.support.waiting import PATIENCE

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
    input_tokens=900,
    output_tokens=300,
)


WAITING = "decodeat_results_waiting"


def numbered(number: int) -> Result:
    """Results that can be told apart."""
    return replace(RESULT, product_id=number)


def ask(url: str, statement: str) -> list[dict[str, Any]]:
    """Rows of one statement, or none."""
    path = file_of(url)
    if path is None:
        return fetched(url, statement)
    with closing(sqlite3.connect(path, timeout=PATIENCE)) as connection, connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(statement)]


def rows(url: str) -> list[dict[str, Any]]:
    return ask(url, "SELECT * FROM analysis_results ORDER BY created_at, product_id")


def numbers(url: str) -> list[int]:
    """The numbers of what is stored, in order: a row that was lost or stored twice shows."""
    return sorted(row["product_id"] for row in ask(url, "SELECT product_id FROM analysis_results"))


def counted(name: str) -> float:
    return REGISTRY.get_sample_value(name) or 0.0


@contextmanager
def nothing_lost() -> Iterator[None]:
    before = counted("decodeat_results_lost_total")
    yield
    assert counted("decodeat_results_lost_total") == before


def locked(path: Path) -> sqlite3.Connection:
    """Somebody else's transaction; closing it ends it."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=PATIENCE)
    connection.execute("BEGIN IMMEDIATE")
    return connection
