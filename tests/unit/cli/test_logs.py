"""Following a log: nothing is lost or repeated across rotation and across a switch of the active release."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from decodeat_ops.application.logs import log as find
from decodeat_ops.core.errors import Usage
from decodeat_ops.core.layout import Layout
from decodeat_ops.deployment.store import Store
from decodeat_ops.settings.load import load
from decodeat_ops.supervisor.logs import rotate
from decodeat_ops.targets.local.logs import Log
from tests.support.waiting import PATIENCE
from tests.unit.cli.program import environment, run

ONE, TWO = "20261124T000001Z-aaaaaaa", "20261124T000002Z-bbbbbbb"


@pytest.fixture
def layout(home: Path) -> Layout:
    made = Layout(home / "state")
    for directory in (made.logs, made.releases):
        directory.mkdir(parents=True)
    made.active.symlink_to(f"releases/{ONE}")
    return made


def add(log: Path, *lines: str, end: str = "\n") -> None:
    with log.open("a") as stream:
        stream.write("\n".join(lines) + end)


class Follower:
    """Reads one line at a time from a follower that runs in its own thread."""

    def __init__(self, logs: Log, count: int = 100) -> None:
        self.switched: list[str] = []
        self._lines = self._read(logs, count)

    def _read(self, logs: Log, count: int) -> Iterator[tuple[str, str]]:
        for line in logs.follow(count, self.switched.append):
            yield line.release, line.line

    def take(self, count: int) -> list[str]:
        """The next lines; fails rather than waiting for ever."""
        found: list[str] = []

        def work() -> None:
            for _ in range(count):
                found.append(next(self._lines)[1])

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(PATIENCE)
        assert not thread.is_alive(), f"only {found} came"
        return found


def test_the_last_lines_come_from_rotated_files_too(layout: Layout) -> None:
    log = layout.log(ONE)
    for start in (0, 10, 20):
        add(log, *(f"line {number}" for number in range(start, start + 10)))
        if start < 20:
            rotate(log, limit=1, keep=5)
    add(log, "half a line", end="")
    logs = Log(Store(layout), ONE, fixed=False)
    assert [line.line for line in logs.last(25)] == [f"line {number}" for number in range(5, 30)]
    assert [line.line for line in logs.last(3)] == ["line 27", "line 28", "line 29"]
    assert len(logs.last(1000)) == 30
    assert logs.last(0) == []


def test_following_goes_on_after_rotation_even_twice_between_looks(layout: Layout) -> None:
    log = layout.log(ONE)
    add(log, "old")
    follower = Follower(Log(Store(layout), ONE, fixed=False), count=1)
    assert follower.take(1) == ["old"]
    add(log, "before rotation")
    rotate(log, limit=1, keep=5)
    add(log.with_name(f"{log.name}.1"), "late, by a writer that has not noticed")
    add(log, "between")
    rotate(log, limit=1, keep=5)
    add(log, "newest")
    taken = follower.take(4)
    assert sorted(taken) == sorted(["before rotation", "late, by a writer that has not noticed", "between", "newest"])
    assert taken.index("between") < taken.index("newest")
    add(log, "and on")
    assert follower.take(1) == ["and on"]


def test_following_goes_over_to_the_release_that_is_switched_to(layout: Layout) -> None:
    add(layout.log(ONE), "one serves")
    follower = Follower(Log(Store(layout), ONE, fixed=False))
    assert follower.take(1) == ["one serves"]
    add(layout.log(TWO), "two starts")
    fresh = layout.root / "fresh"
    fresh.symlink_to(f"releases/{TWO}")
    fresh.rename(layout.active)
    add(layout.log(ONE), "one finishes its last request")
    assert sorted(follower.take(2)) == ["one finishes its last request", "two starts"]
    assert follower.switched == [TWO]
    add(layout.log(ONE), "one says goodbye")
    assert follower.take(1) == ["one says goodbye"]


def test_a_named_release_is_followed_whatever_serves(layout: Layout, home: Path) -> None:
    add(layout.log(ONE), "one")
    add(layout.log(TWO), "two")
    loaded = load(home / "decodeat-ops.toml", environ={})
    found = find(loaded, TWO, supervisor=False)
    assert [line.line for line in found.last(5)] == ["two"]
    assert isinstance(found, Log)
    assert found.fixed
    with pytest.raises(Usage, match="There is no release nope"):
        find(loaded, "nope", supervisor=False)


def test_following_goes_on_after_the_log_was_cut_down_in_place(layout: Layout) -> None:
    """Truncate the log as `logrotate` does with copytruncate, or an operator with `> LOG`."""
    log = layout.log(ONE)
    add(log, *(f"old line {number}" for number in range(50)))
    add(log, "half a line", end="")
    follower = Follower(Log(Store(layout), ONE, fixed=False), count=1)
    assert follower.take(1) == ["old line 49"]
    for cut in range(2):
        os.truncate(log, 0)
        add(log, f"first after cut {cut}", "second")
        assert follower.take(2) == [f"first after cut {cut}", "second"]


def test_half_a_line_waits_for_its_end(layout: Layout) -> None:
    log = layout.log(ONE)
    add(log, "begun", end="")
    follower = Follower(Log(Store(layout), ONE, fixed=False))
    threading.Timer(0.3, add, (log, " and ended")).start()
    assert follower.take(1) == ["begun and ended"]


def test_a_log_that_is_not_there_yet_is_waited_for(layout: Layout) -> None:
    follower = Follower(Log(Store(layout), ONE, fixed=False))
    threading.Timer(0.3, add, (layout.log(ONE), "first words")).start()
    assert follower.take(1) == ["first words"]


def test_as_json_each_line_carries_its_release(layout: Layout, home: Path) -> None:
    add(layout.log(ONE), "plain", "한국어 \x1b[31m")
    ran = run(home, "logs", "--json")
    told = [json.loads(line) for line in ran.stdout.splitlines()]
    assert told[0] == {"schema": "decodeat-ops/1", "release": ONE, "line": "plain"}
    assert told[1]["line"] == "한국어 \x1b[31m"
    add(layout.supervisor_log, "supervised")
    assert run(home, "logs", "--supervisor").stdout == "supervised\n"


def test_a_reader_that_leaves_ends_it_quietly(layout: Layout, home: Path) -> None:
    add(layout.log(ONE), *(f"line {number}" for number in range(20000)))
    script = f"set -o pipefail; {sys.executable} -m decodeat_ops logs -n 20000 | head -1"
    done = subprocess.run(
        ["bash", "-c", script], cwd=home, env=environment(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "line 0\n", "")
    assert os.path.lexists(layout.active)
