"""Records: a chain that shows what was changed, and signatures that end."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decodeat_ops.checks import signoffs
from decodeat_ops.checks.record import Identity, Record, records, verify
from decodeat_ops.checks.signoffs import SignOff
from decodeat_ops.core.errors import Configuration, Usage
from tests.support.examples import examples

IDENTITY = Identity("pre-deploy", "r1", "c1", "s1", "h1", "0.1.0")


def _record(directory: Path) -> Path:
    record = Record.begin(directory, IDENTITY)
    record.append("finding", item="pre.tests", finding={"check": "tests.recorded", "status": "PASS"})
    record.append("finding", item="pre.logs", finding={"check": "logs.sink", "status": "SKIP"})
    record.append("end", how="done")
    return record.path


def test_a_record_follows_line_by_line(tmp_path: Path) -> None:
    path = _record(tmp_path / "records")
    verdict = verify(path)
    assert (verdict.problem, len(verdict.entries), verdict.finished) == ("", 4, True)
    assert verdict.header["checklist"] == "pre-deploy"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert records(path.parent) == (path,)


def _swap(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[2], lines[1], lines[3]]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda lines: [lines[0], lines[1].replace(b"PASS", b"FAIL"), *lines[2:]], "line 3 does not follow"),
        (lambda lines: [lines[0], *lines[2:]], "line 2 does not follow"),
        (_swap, "line 2 does not follow"),
        (lambda lines: lines[1:], "line 1 does not follow"),
        (lambda lines: [*lines, b"{}"], "line 5 is not an entry"),
        (lambda lines: [*lines[:2], b"not json", *lines[2:]], "line 3 is not JSON"),
        (lambda lines: [lines[0].replace(b'"format": 1', b'"format": 9'), *lines[1:]], "not a header"),
    ],
)
def test_what_was_changed_is_found(tmp_path: Path, change: Callable[[list[bytes]], list[bytes]], problem: str) -> None:
    path = _record(tmp_path)
    path.write_bytes(b"\n".join(change(path.read_bytes().splitlines())) + b"\n")
    assert problem in verify(path).problem


def test_a_torn_line_and_an_empty_file(tmp_path: Path) -> None:
    path = _record(tmp_path)
    path.write_bytes(path.read_bytes()[:-10])
    assert verify(path).problem == "the last line is torn"
    path.write_bytes(b"")
    assert verify(path).problem == "the record is empty"


def test_a_record_that_was_cut_off_has_another_head(tmp_path: Path) -> None:
    """Cutting whole lines off the end leaves a valid chain; the head, noted elsewhere, tells."""
    path = _record(tmp_path)
    head = verify(path).head
    path.write_bytes(b"\n".join(path.read_bytes().splitlines()[:-1]) + b"\n")
    cut = verify(path)
    assert (cut.problem, cut.finished) == ("", False)
    assert cut.head != head


@settings(max_examples=examples(60))
@given(where=st.floats(0, 0.999999), bit=st.integers(0, 7))
def test_any_flipped_bit_is_found_or_changes_the_head(
    tmp_path_factory: pytest.TempPathFactory, where: float, bit: int
) -> None:
    path = _record(tmp_path_factory.mktemp("flip"))
    whole = verify(path).head
    data = bytearray(path.read_bytes())
    data[int(where * len(data))] ^= 1 << bit
    path.write_bytes(data)
    verdict = verify(path)
    assert verdict.problem or verdict.head != whole


@settings(max_examples=examples(100))
@given(data=st.binary(max_size=300))
def test_no_file_makes_verifying_break(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "x-y.jsonl"
    path.write_bytes(data)
    assert verify(path).problem


def test_what_changed_since(tmp_path: Path) -> None:
    header = verify(_record(tmp_path)).header
    assert IDENTITY.changed_since(header) == ""
    assert Identity("pre-deploy", "r2", "c1", "s1", "h1", "0.1.0").changed_since(header) == "release"
    assert Identity("pre-deploy", "r1", "c1", "s1", "h1", "9.9.9").changed_since(header) == ""


class TestSignOffs:
    def test_holds_for_its_code_and_time(self, tmp_path: Path) -> None:
        signoffs.sign(tmp_path, "security.review", "", "code-1", SignOff(" Kim ", "looked", 2))
        held = signoffs.holding(tmp_path, "security.review", "", "code-1")
        assert held is not None
        assert held.operator == "Kim"
        later = datetime.now(UTC) + timedelta(days=2, minutes=1)
        assert signoffs.holding(tmp_path, "security.review", "", "code-1", later) is None
        assert signoffs.holding(tmp_path, "security.review", "", "code-2") is None
        assert signoffs.holding(tmp_path, "rollback.owner", "", "code-1") is None
        assert signoffs.holding(tmp_path, "security.review", "security.root", "code-1") is None

    def test_the_newest_counts(self, tmp_path: Path) -> None:
        for name in ("Kim", "Lee"):
            signoffs.sign(tmp_path, "a", "", "c", SignOff(name, "r", 2))
        held = signoffs.holding(tmp_path, "a", "", "c")
        assert held is not None
        assert held.operator == "Lee"

    @pytest.mark.parametrize(
        ("operator", "reason", "days"), [(" ", "r", 1), ("o", "", 1), ("o", "r", 0), ("o", "r", 366)]
    )
    def test_an_unsigned_signature_is_none(self, operator: str, reason: str, days: int) -> None:
        with pytest.raises(Usage):
            SignOff(operator, reason, days)

    @pytest.mark.parametrize("line", ["{", "[]", '{"format": 1, "check": "a"}', '"x"'])
    def test_a_damaged_line_is_named(self, tmp_path: Path, line: str) -> None:
        signoffs.sign(tmp_path, "a", "", "c", SignOff("Kim", "r", 2))
        with (tmp_path / "signoffs.jsonl").open("a") as stream:
            stream.write(line + "\n")
        with pytest.raises(Configuration, match="line 2"):
            signoffs.holding(tmp_path, "a", "", "c")

    def test_a_newer_versions_signature_is_left_alone(self, tmp_path: Path) -> None:
        signoffs.sign(tmp_path, "a", "", "c", SignOff("Kim", "r", 2))
        path = tmp_path / "signoffs.jsonl"
        raw = json.loads(path.read_text())
        path.write_text(json.dumps(raw | {"format": 2, "more": 1}) + "\n" + json.dumps(raw | {"more": 1}) + "\n")
        held = signoffs.holding(tmp_path, "a", "", "c")
        assert held is not None
        assert held.operator == "Kim"
