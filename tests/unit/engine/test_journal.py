"""Given journals that power loss, newer versions or a stranger's hand have touched."""

import json
from pathlib import Path

import pytest

from decodeat_ops.core.errors import Configuration, StepFailed
from decodeat_ops.core.plan import Action, Plan, Step
from decodeat_ops.engine.journal import SPACE, Journal, read, records, unfinished

PLAN = Plan("backup", "tested", "s1", (Step("one", "One", Action("mark")), Step("two", "Two", Action("mark"))))


def test_space_is_taken_before_the_first_record_and_given_back_at_the_end(tmp_path: Path) -> None:
    journal = Journal.begin(tmp_path, PLAN)
    assert journal.path.stat().st_size == SPACE
    journal.step("begun", "one")
    journal.end("done")
    assert journal.path.stat().st_size < 4096
    assert [r["record"] for r in records(journal.path)] == ["plan", "begun", "end"]


def test_a_torn_last_line_does_not_count(tmp_path: Path) -> None:
    journal = Journal.begin(tmp_path, PLAN)
    journal.step("begun", "one")
    journal.close()
    whole = journal.path.read_bytes().rstrip(b"\0")
    journal.path.write_bytes(whole + b'{"record": "done", "st')
    progress = read(journal.path)
    assert progress.begun == ["one"]
    assert progress.done == {}
    again = Journal.reopen(journal.path)
    again.step("done", "one", results={})
    again.close()
    assert read(journal.path).done == {"one": {}}


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_every_prefix_is_read_or_refused_in_words(tmp_path: Path, cut: int) -> None:
    journal = Journal.begin(tmp_path, PLAN)
    journal.step("begun", "one")
    journal.end("undone")
    journal.path.write_bytes(journal.path.read_bytes()[:cut])
    try:
        read(journal.path)
    except Configuration as error:
        assert str(journal.path) in error.advice.what


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "20990101T000000.000000Z-deploy.jsonl"
    path.write_text(json.dumps({"record": "plan", "format": 99, "plan": {}}) + "\n")
    with pytest.raises(Configuration, match="newer version"):
        read(path)


def test_garbage_is_refused_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "20990101T000000.000000Z-deploy.jsonl"
    path.write_bytes(b"\xff\xfenonsense\n")
    with pytest.raises(Configuration, match="damaged"):
        read(path)
    with pytest.raises(Configuration, match="damaged"):
        unfinished(tmp_path)
    assert path.exists()


def test_only_an_ended_journal_is_finished(tmp_path: Path) -> None:
    journal = Journal.begin(tmp_path, PLAN)
    assert unfinished(tmp_path) == journal.path
    journal.step("undoing", "")
    assert unfinished(tmp_path) == journal.path
    journal.end("undone")
    assert unfinished(tmp_path) is None


def test_a_journal_that_has_no_place_begins_nothing(tmp_path: Path) -> None:
    (tmp_path / "journal").touch()
    with pytest.raises(StepFailed, match=r"The journal could not be written: File exists"):
        Journal.begin(tmp_path / "journal", PLAN)
