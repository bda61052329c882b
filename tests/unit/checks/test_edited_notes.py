"""Test that records, signatures and measurements which were edited by hand are told, and end no command."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from decodeat_ops.checks import baseline, signoffs
from decodeat_ops.checks.load import Soak
from decodeat_ops.checks.record import BEFORE_THE_FIRST, Identity, Record, verify
from decodeat_ops.checks.signoffs import SignOff
from decodeat_ops.core.errors import Configuration
from tests.unit.checks.stage import Stage
from tests.unit.checks.test_walk import IDENTITY, SIGNED, Bench

OURS = Identity("pre-deploy", "r1", "c1", "s1", "h1", "0.1.0")


def chained(path: Path, entries: list[dict[str, Any]]) -> None:
    """Write entries as a record whose chain is whole."""
    head, lines = BEFORE_THE_FIRST, []
    for entry in entries:
        lines.append(json.dumps({**entry, "prev": head}).encode())
        head = hashlib.sha256(lines[-1]).hexdigest()
    path.write_bytes(b"\n".join(lines) + b"\n")


@pytest.mark.parametrize("change", [{"format": "1"}, {"format": None}, {"at": None}, {"at": "yesterday"}, {"at": 5}])
def test_a_header_that_can_t_be_read_makes_a_record_damaged(tmp_path: Path, change: dict[str, Any]) -> None:
    path = Record.begin(tmp_path, OURS).path
    header = json.loads(path.read_bytes())
    chained(path, [header | change])
    assert verify(path).problem == "the first line is not a header that this version knows"


@pytest.mark.parametrize("finding", [{}, {"check": "a"}, "PASS", {"check": "a", "status": "SO SO", "says": "b"}])
def test_a_walk_begins_anew_where_the_last_line_is_no_finding(bench: Bench, finding: object) -> None:
    path = bench.walk(interactive=False).record
    entries = [json.loads(line) for line in path.read_bytes().splitlines()]
    chained(path, [*entries[:-1], entries[-1] | {"finding": finding}])
    walked = bench.walk(resume=True, interactive=False)
    assert "is damaged" in walked.note
    assert walked.record != path


@pytest.fixture
def bench(stage: Stage) -> Bench:
    return Bench(stage)


@pytest.mark.parametrize("until", ["soon", "2999-01-01", "2999-01-01T00:00:00", 5, None])
@pytest.mark.parametrize("name", ["at", "until"])
def test_a_signature_without_a_moment_is_damaged(tmp_path: Path, name: str, until: object) -> None:
    signoffs.sign(tmp_path, "security.review", "", "c1", SignOff("Kim", "read", 3))
    (path,) = tmp_path.iterdir()
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {name: until}) + "\n")
    with pytest.raises(Configuration, match="line 1 is damaged"):
        signoffs.holding(tmp_path, "security.review", "", "c1")
    signoffs.sign(tmp_path, "security.user", "", "c1", SignOff("Kim", "read", 3))  # keeps the line it can't read
    assert len(path.read_bytes().splitlines()) == 2


def test_a_damaged_signature_is_told_in_a_walk(bench: Bench) -> None:
    bench.warns("security.user")
    bench.walk(signoff=SIGNED)
    path = bench.stage.layout.records / "signoffs.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"until": "', b'"until": "on '))
    with pytest.raises(Configuration, match="is damaged"):
        bench.walk(identity=IDENTITY)


def _unreadable(path: Path) -> None:
    path.unlink()
    path.mkdir()  # root may read every file


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_unreadable, "can't be read: Is a directory"),
        (lambda path: path.write_text(path.read_text().replace("p95_ms", "p94_ms")), "is damaged"),
        (lambda path: path.write_text('{"format": 1, "releases": {"r1": 5}}'), "is damaged"),
    ],
)
def test_measurements_that_can_t_be_read_are_told(tmp_path: Path, change: Callable[[Path], object], told: str) -> None:
    baseline.write(tmp_path, "r1", Soak(1, 0, 1.0, 1.0, 1.0, 1.0, 1.0))
    change(tmp_path / "baseline.json")
    with pytest.raises(Configuration, match=told):
        baseline.read(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["baseline.json"]
