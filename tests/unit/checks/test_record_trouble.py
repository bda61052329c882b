"""Records and signatures where the clock was wrong once, and where the disk is full in the middle of a line."""

import json
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from decodeat_ops.checks import baseline, record, signoffs
from decodeat_ops.checks.load import Soak
from decodeat_ops.checks.record import BEFORE_THE_FIRST, Identity, Record, records, verify
from decodeat_ops.checks.signoffs import SignOff
from decodeat_ops.checks.walk import _void

IDENTITY = Identity("pre-deploy", "r1", "c1", "s1", "h1", "0.1.0")


def from_the_future(directory: Path, days: int) -> Path:
    """Make a record that an earlier version wrote while the clock was ahead."""
    made = Record.begin(directory, IDENTITY).path
    when = datetime.now(UTC) + timedelta(days=days)
    header = {**json.loads(made.read_bytes()), "at": when.isoformat(), "prev": BEFORE_THE_FIRST}
    path = directory / f"{when:%Y%m%dT%H%M%S.%fZ}-pre-deploy.jsonl"
    path.write_text(json.dumps(header) + "\n")
    made.unlink()
    return path


def test_the_newest_record_is_the_one_begun_last(tmp_path: Path) -> None:
    ahead = from_the_future(tmp_path, days=400)
    first, second = Record.begin(tmp_path, IDENTITY).path, Record.begin(tmp_path, IDENTITY).path
    assert records(tmp_path) == (second, first, ahead)


def test_retention_takes_the_oldest_whatever_their_dates_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "KEPT", 3)
    for days in (400, 401, 402):
        from_the_future(tmp_path, days)
    made = [Record.begin(tmp_path, IDENTITY).path for _ in range(3)]
    assert set(records(tmp_path)) == set(made)


def test_a_record_from_the_future_is_not_gone_on_with(tmp_path: Path) -> None:
    assert "in the future" in _void(verify(from_the_future(tmp_path, days=1)), IDENTITY)
    assert _void(verify(Record.begin(tmp_path, IDENTITY).path), IDENTITY) == ""


def test_a_new_measurement_is_kept_beside_many_with_later_names(tmp_path: Path) -> None:
    soak = Soak(1, 0, 1.0, 1.0, 1.0, 1.0, 1.0)
    for number in range(baseline.KEPT + 1):
        baseline.write(tmp_path, f"2099{number:04}T000000Z-aaaaaaa", soak)
    baseline.write(tmp_path, "20260101T000000Z-bbbbbbb", soak)
    assert "20260101T000000Z-bbbbbbb" in baseline.read(tmp_path)
    assert len(baseline.read(tmp_path)) == baseline.KEPT


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Let no file grow beyond that size: what is written is cut off there, as on a disk that fills up."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def _finding(directory: Path) -> tuple[Path, Callable[[], object]]:
    made = Record.begin(directory, IDENTITY)
    return made.path, lambda: made.append("finding", item="pre.tests", finding={"check": "tests.recorded"})


def _signature(directory: Path) -> tuple[Path, Callable[[], object]]:
    signed = SignOff("Kim", "looked at it", 1)
    signoffs.sign(directory, "security.review", "", "c1", signed)
    return directory / "signoffs.jsonl", lambda: signoffs.sign(directory, "rollback.owner", "", "c1", signed)


@pytest.mark.parametrize("make", [_finding, _signature])
def test_a_line_that_did_not_fit_is_an_error_and_leaves_no_half(
    tmp_path: Path, make: Callable[[Path], tuple[Path, Callable[[], object]]]
) -> None:
    path, append = make(tmp_path)
    before = path.read_bytes()
    with room_for(len(before) + 20), pytest.raises(OSError, match="File too large"):
        append()
    assert path.read_bytes() == before
    append()
    assert path.read_bytes().startswith(before) and path.read_bytes().count(b"\n") == before.count(b"\n") + 1
    if make is _finding:
        assert verify(path).problem == ""


def test_a_signature_from_the_future_does_not_hold(tmp_path: Path) -> None:
    """It was given while the clock was ahead, and would hold for as much longer."""
    signoffs.sign(tmp_path, "security.review", "", "c1", SignOff("Kim", "looked at it", 30))
    assert signoffs.holding(tmp_path, "security.review", "", "c1") is not None
    path = tmp_path / "signoffs.jsonl"
    raw = json.loads(path.read_bytes())
    ahead = {name: (datetime.fromisoformat(raw[name]) + timedelta(days=1000)).isoformat() for name in ("at", "until")}
    path.write_text(json.dumps({**raw, **ahead}) + "\n")
    assert signoffs.holding(tmp_path, "security.review", "", "c1") is None
