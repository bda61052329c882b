"""Which archive "latest" and other names mean, among damaged, foreign, renamed and incomplete ones."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from decodeat_ops import archive
from decodeat_ops.archive import Member
from decodeat_ops.core.errors import Configuration, Usage
from decodeat_ops.deployment.snapshots import (
    choose,
    describe,
    new_id,
    newest_usable,
    snapshots,
    strangers,
)
from tests.unit.archive.forge import BLANK

OURS = BLANK.deployment
OLD, MIDDLE, NEW = "20261122T030000Z-0001", "20261123T030000Z-0002", "20261124T030000Z-0003"


def make(
    directory: Path,
    snapshot: str,
    deployment: str = OURS,
    partial: tuple[str, ...] = (),
    gaps: tuple[str, ...] = (),
) -> Path:
    source = directory / "source"
    source.write_bytes(b"line\n")
    path = directory / "backups" / f"{snapshot}.tar.zst"
    blank = replace(BLANK, snapshot=snapshot, deployment=deployment, partial=partial, gaps=gaps)
    archive.write(path, blank, [Member("logs/a.log", source)])
    return path


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for snapshot in (MIDDLE, OLD, NEW):
        make(tmp_path, snapshot)
    return tmp_path / "backups"


def test_newest_first_and_nothing_else(directory: Path) -> None:
    for other in ("notes.txt", f"{NEW}.tar.gz", "20261124T03.tar.zst", "latest.tar.zst", f".{NEW}.tar.zst.partial"):
        (directory / other).touch()
    (directory / "20261124T030000Z-9999.tar.zst").mkdir()
    assert [s.id for s in snapshots(directory)] == [NEW, MIDDLE, OLD]
    assert set(strangers(directory)) == {
        "20261124T030000Z-9999.tar.zst", "20261124T03.tar.zst", f"{NEW}.tar.gz", "latest.tar.zst", "notes.txt",
    }  # fmt: skip
    assert all(s.size == s.path.stat().st_size for s in snapshots(directory))
    assert [s.made for s in snapshots(directory)][:1] == ["2026-11-24T03:00:00+00:00"]


@pytest.mark.parametrize("impossible", ["20261324T030000Z-0001", "20261124T990000Z-0001", "00000000T000000Z-0001"])
def test_an_id_that_is_no_time_is_none_of_ours(tmp_path: Path, impossible: str) -> None:
    (tmp_path / f"{impossible}.tar.zst").touch()
    assert snapshots(tmp_path) == ()
    assert strangers(tmp_path) == (f"{impossible}.tar.zst",)


def test_no_directory(tmp_path: Path) -> None:
    assert snapshots(tmp_path / "none") == ()
    assert strangers(tmp_path / "none") == ()
    with pytest.raises(Usage, match="no archive"):
        newest_usable(tmp_path / "none", OURS)


def test_ids_sort_by_time_and_differ_within_a_second() -> None:
    now = datetime(2026, 11, 24, 3, 0, 0, tzinfo=UTC)
    made = [new_id(now + timedelta(microseconds=20 * number)) for number in range(50_000)]
    assert made == sorted(set(made))
    assert all(re.fullmatch("20261124T030000Z-[0-9a-f]{4}", name) for name in made)


@pytest.mark.parametrize("asked", [MIDDLE, "20261123", MIDDLE[:12]])
def test_by_id_or_its_beginning(directory: Path, asked: str) -> None:
    assert choose(asked, directory).id == MIDDLE


@pytest.mark.parametrize(("asked", "near"), [("20261123T030000Z-0009", MIDDLE), ("yesterday", NEW), ("2026", "")])
def test_a_snapshot_that_is_not_there(directory: Path, asked: str, near: str) -> None:
    with pytest.raises(Usage) as caught:
        choose(asked, directory)
    assert caught.value.advice.what.startswith(f"There is {'no' if near else 'more than one'} snapshot {asked}")
    assert near in caught.value.advice.hint


def test_latest_is_the_newest_when_nothing_is_wrong(directory: Path) -> None:
    chosen, manifest, passed = newest_usable(directory, OURS)
    assert (chosen.id, manifest.snapshot, passed) == (NEW, NEW, ())


def test_latest_passes_over_what_cannot_be_used_and_says_why(directory: Path) -> None:
    damaged = directory / f"{NEW}.tar.zst"
    damaged.write_bytes(damaged.read_bytes()[:-3])
    make(directory.parent, "20261124T030000Z-0004", deployment="tested-staging")
    make(directory.parent, "20261124T030000Z-0005", partial=("settings/env-file could not be read: Permission denied",))
    (directory / f"{OLD}.tar.zst").rename(directory / "20261124T030000Z-0006.tar.zst")
    chosen, _, passed = newest_usable(directory, OURS)
    assert chosen.id == MIDDLE
    reasons = dict(line.split(": ", 1) for line in passed)
    assert list(reasons) == [f"20261124T030000Z-000{n}" for n in (6, 5, 4, 3)]
    assert OLD in reasons["20261124T030000Z-0006"]
    assert "Permission denied" in reasons["20261124T030000Z-0005"]
    assert "tested-staging" in reasons["20261124T030000Z-0004"]
    assert "cut short" in reasons[NEW]


def test_a_missing_log_is_no_reason_to_bring_back_older_data(directory: Path) -> None:
    newest = "20261124T030000Z-0007"
    make(directory.parent, newest, partial=("logs/b.log could not be read: Permission denied",))
    chosen, manifest, passed = newest_usable(directory, OURS)
    assert (chosen.id, passed) == (newest, ())
    assert manifest.partial


def test_what_an_archive_lacks_is_told_by_its_part_and_not_by_words(directory: Path) -> None:
    database, log = "20261124T030000Z-0008", "20261124T030000Z-0007"
    make(directory.parent, log, partial=("no room for a log",), gaps=("logs",))
    make(directory.parent, database, partial=("logs/ and others had no room",), gaps=("database",))
    chosen, _, passed = newest_usable(directory, OURS)
    assert (chosen.id, passed) == (log, (f"{database}: it lacks something (logs/ and others had no room).",))


def test_none_that_can_be_used(directory: Path) -> None:
    with pytest.raises(Configuration, match="tested-elsewhere") as caught:
        newest_usable(directory, "tested-elsewhere")
    assert len(caught.value.advice.lines) == 3
    assert "--archive" in caught.value.advice.hint


def test_a_renamed_file_is_not_taken_for_what_its_name_says(directory: Path) -> None:
    (directory / f"{OLD}.tar.zst").replace(directory / f"{NEW}.tar.zst")
    with pytest.raises(Configuration, match=f"holds the snapshot {OLD}"):
        describe(choose(NEW, directory))
