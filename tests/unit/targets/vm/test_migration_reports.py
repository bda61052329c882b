"""A migration is believed by its own whole report alone, whatever else its container says last."""

import json

import pytest

from decodeat_ops.targets.vm.actions.migrating import _object

WHOLE = {"ok": True, "before": None, "done": ["0001"], "problem": ""}
FAILED = {"ok": False, "problem": "the database is away"}


@pytest.mark.parametrize("report", [WHOLE, FAILED], ids=["done", "failed"])
def test_a_report_is_read(report: dict[str, object]) -> None:
    assert _object(json.dumps(report)) == report


@pytest.mark.parametrize("line", ["", "killed", "null", "[1]", '{"ok": true}', '{"ok": true, "done": 5}', "[" * 5000])
def test_what_is_no_report_is_none(line: str) -> None:
    assert _object(line) is None
