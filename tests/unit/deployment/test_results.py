"""Test which results only one data generation holds, and that none of them is lost with it."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest

from decodeat_ops.core.errors import StepFailed
from decodeat_ops.core.layout import Layout
from decodeat_ops.deployment import results
from decodeat_ops.targets.local import rescue

OLD, NEW = "20261124T020000Z-aaaaaaa", "20261124T030000Z-bbbbbbb"
SNAPSHOT = "20261124T025959Z-0001"


def store(database: Path, ids: Iterable[str], columns: str = "id TEXT PRIMARY KEY, product_name TEXT") -> Path:
    database.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(f"CREATE TABLE IF NOT EXISTS analysis_results ({columns})")
        connection.executemany("INSERT INTO analysis_results (id) VALUES (?)", [(one,) for one in ids])
    return database


def ids(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        return sorted(one for (one,) in connection.execute("SELECT id FROM analysis_results"))


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    (tmp_path / "backups").mkdir()
    return Layout(tmp_path)


def test_only_what_came_later_and_is_nowhere_else_is_carried(tmp_path: Path) -> None:
    origin = store(tmp_path / "origin", "abcde")
    to = store(tmp_path / "to", "d")
    assert results.last_row(origin) == 5
    assert results.alone(origin, [to]) == 4
    assert results.carry(origin, to, after=2) == 2
    assert ids(to) == ["c", "d", "e"]
    assert results.carry(origin, to, after=2) == 0
    assert results.carry(origin, to, known=store(tmp_path / "known", "a")) == 1
    assert ids(to) == ["b", "c", "d", "e"]
    assert results.alone(origin, [to]) == 1


def test_more_others_than_sqlite_attaches_at_once(tmp_path: Path) -> None:
    origin = store(tmp_path / "origin", "abcdefghijklmnop")
    others = [store(tmp_path / f"other{number}", letter) for number, letter in enumerate("abcdefghijklmno")]
    assert results.alone(origin, [*others, tmp_path / "not there"]) == 1


def test_what_can_not_be_copied_whole_is_not_copied(tmp_path: Path) -> None:
    wide = store(tmp_path / "wide", "ab", "id TEXT PRIMARY KEY, tokens INTEGER NOT NULL DEFAULT 7")
    narrow = store(tmp_path / "narrow", "c")
    with pytest.raises(StepFailed, match="no place for tokens"):
        results.carry(wide, narrow)
    assert ids(narrow) == ["c"]


def test_no_table_and_no_database(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "empty")) as connection, connection:
        connection.execute("CREATE TABLE witness (value TEXT)")
    assert results.last_row(tmp_path / "empty") == 0
    assert results.alone(tmp_path / "empty", []) == 0
    (tmp_path / "none").write_bytes(b"no database" * 100)
    with pytest.raises(StepFailed, match="none"):
        results.last_row(tmp_path / "none")


class TestUndo:
    def test_results_since_go_to_the_data_that_serves_again(self, layout: Layout, tmp_path: Path) -> None:
        archived = store(tmp_path / "archived", "ab")
        old = store(layout.database(OLD), "ac")
        store(layout.database(NEW), "abde")
        said = rescue.drop_generation(layout, NEW, archived=archived, to=OLD)
        assert ids(old) == ["a", "c", "d", "e"]  # "b" is in the archive
        assert not layout.generation(NEW).exists()
        assert said == {"warnings": [f"2 results were answered meanwhile and carried over to {old}."]}

    def test_what_can_go_nowhere_stays_and_is_said(self, layout: Layout, tmp_path: Path) -> None:
        wide = store(layout.database(NEW), "a", "id TEXT PRIMARY KEY, tokens INTEGER")
        store(layout.database(OLD), "b")
        for to in ("", OLD):
            said = rescue.drop_generation(layout, NEW, archived=store(tmp_path / "archived", ""), to=to)
            assert said is not None
            assert f"1 result was answered meanwhile and found only in {wide}" in said["warnings"][0]
            assert ids(wide) == ["a"]

    def test_without_the_archive_to_compare_nothing_is_mixed(self, layout: Layout, tmp_path: Path) -> None:
        old, new = store(layout.database(OLD), "a"), store(layout.database(NEW), "b")
        rescue.drop_generation(layout, NEW, archived=tmp_path / "gone", to=OLD)
        assert (ids(old), ids(new)) == (["a"], ["b"])

    @pytest.mark.parametrize("content", [None, b"", b"half"])
    def test_what_nothing_was_served_from_goes(self, layout: Layout, content: bytes | None) -> None:
        layout.generation(NEW).mkdir(parents=True)
        if content is not None:
            layout.database(NEW).write_bytes(content)
        assert rescue.drop_generation(layout, NEW) is None
        assert not layout.generation(NEW).exists()


class TestPrune:
    def test_results_that_are_in_another_generation(self, layout: Layout) -> None:
        store(layout.database(OLD), "ab")
        store(layout.database(NEW), "abc")
        assert rescue.prunable(layout, OLD, [NEW], layout.backups) == ""
        assert "1 result was found neither" in rescue.prunable(layout, NEW, [OLD], layout.backups)

    def test_results_that_are_in_an_archive_as_long_as_it_is_there(self, layout: Layout) -> None:
        store(layout.database(OLD), "ab")
        results.mark_saved(layout, OLD, SNAPSHOT, 2)
        assert "2 results were" in rescue.prunable(layout, OLD, [], layout.backups)
        (layout.backups / f"{SNAPSHOT}.tar.zst").touch()
        assert rescue.prunable(layout, OLD, [], layout.backups) == ""
        store(layout.database(OLD), "c")
        assert "3 results were" in rescue.prunable(layout, OLD, [], layout.backups)

    def test_what_can_not_be_read_is_no_reason_to_delete_it(self, layout: Layout) -> None:
        database = store(layout.database(OLD), (f"{number}" * 50 for number in range(500)))
        database.write_bytes(database.read_bytes()[:4096] + b"\xff" * 8192)
        assert "can't be read" in rescue.prunable(layout, OLD, [], layout.backups)
