"""The live view: plain lines off a terminal, a moving one on it, and never an exception into the engine."""

import io
import re
import time
from dataclasses import replace
from typing import TextIO

import pytest
from rich.console import Console

from decodeat_ops.cli import selection
from decodeat_ops.cli.console import THEME
from decodeat_ops.cli.live import Watch, _Row, duration, how_far
from decodeat_ops.core import events
from decodeat_ops.core.check import Finding, Status
from decodeat_ops.core.plan import Action, Step

STEP = Step("stage", "Lay out release", Action("stage"))
FOUND = Finding("disk.space", Status.PASS, "disk.room", {"free": 120, "inodes": 7}, 1.4)


def target(stream: TextIO, *, terminal: bool = False) -> Console:
    return Console(
        file=stream, theme=THEME, force_terminal=terminal, width=80, highlight=False, markup=False, emoji=False,
        color_system=None if not terminal else "standard", _environ={"TERM": "xterm"},
    )  # fmt: skip


def told(*happened: events.Event, terminal: bool = False) -> str:
    stream = io.StringIO()
    watch = Watch(target=target(stream, terminal=terminal))
    for event in happened:
        watch(event)
    watch.pause()
    return stream.getvalue()


def test_a_build_log_gets_one_line_at_the_start_and_one_at_the_end() -> None:
    shown = told(
        events.StepStarted(STEP, 2, 11),
        events.StepProgress("copying code"),
        events.StepProgress("copying code", 5, 10),
        events.StepFinished(STEP, 12.3),
    )
    assert shown.splitlines() == [" 2/11 Lay out release", "      copying code", "✓ Lay out release  12 s"]


def test_a_build_log_gets_the_start_of_each_step_and_of_no_check() -> None:
    undo = replace(STEP, title="Undoing what nobody asked for")
    assert told(events.StepStarted(undo, 1, 2), events.Checking("disk.space")).splitlines() == [f" 1/2 {undo.title}"]
    assert told(events.StepStarted(STEP, 0, 0, undoing=True)).splitlines() == [f"      Undoing: {STEP.title}"]


def test_what_went_wrong_and_was_undone_is_told() -> None:
    shown = told(
        events.StepStarted(STEP, 1, 2),
        events.StepBroke(STEP, "no space left"),
        events.StepStarted(STEP, 0, 0, undoing=True),
        events.StepFinished(STEP, 0.2, undoing=True),
        events.StepSkipped(STEP, "already done"),
    )
    assert "✗ Lay out release: no space left" in shown
    assert "      Undoing: Lay out release" in shown.splitlines()
    assert "↶ Lay out release, undone  0.2 s" in shown
    assert "– Lay out release  already done" in shown


def test_a_terminal_shows_the_running_step_and_leaves_only_finished_lines() -> None:
    shown = told(
        events.StepStarted(STEP, 1, 2),
        events.StepProgress("copying", 1, 4),
        events.StepFinished(STEP, 0.0),
        terminal=True,
    )
    assert "✓" in shown
    assert "\x1b[?25l" in shown, "the cursor is hidden while a line moves"
    assert shown.rstrip().endswith("\x1b[?25h") or "\x1b[?25h" in shown.rpartition("\x1b[?25l")[2], "and comes back"


PLACED = (
    "(service decodeat-production) was unable to start a task because no subnet has an address left. "
    "(task 0123456789abcdef0123456789abcdef) (reason: RESOURCE:ENI)"
)


def on_screen(shown: str) -> list[str]:
    """Return the lines that were drawn, one below another, without what moves the cursor or colours."""
    return [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line).rstrip() for line in re.split(r"[\r\n]+", shown)]


def test_what_ecs_says_is_wholly_readable_on_a_terminal_of_80_columns() -> None:
    shown = told(
        events.StepStarted(STEP, 8, 11),
        events.StepProgress("1 of 2 tasks run", 1, 2),
        events.StepSaid(PLACED),
        terminal=True,
    )
    lines = on_screen(shown)
    assert PLACED in " ".join(" ".join(lines).split())
    first = next(number for number, line in enumerate(lines) if "was unable" in line)
    assert lines[first].startswith("  (service decodeat-production) was unable")
    assert lines[first + 1].startswith("  ") and max(map(len, lines)) <= 80
    assert any("Lay out release  8/11  1 of 2 tasks run" in line for line in lines[first + 2 :]), "it goes on below"


def test_a_build_log_gets_a_line_of_what_is_said() -> None:
    shown = told(
        events.StepStarted(STEP, 8, 11),
        events.StepProgress("1 of 2 tasks run"),
        events.StepSaid(PLACED),
        events.StepProgress("1 of 2 tasks run"),
    )
    assert shown.splitlines() == [" 8/11 Lay out release", "      1 of 2 tasks run", f"      {PLACED}"]


@pytest.mark.parametrize("terminal", [False, True])
def test_what_is_said_controls_no_terminal_and_stays_one_line(terminal: bool) -> None:
    from decodeat_ops.cli.console import _Console

    stream = io.StringIO()
    shown = _Console(
        file=stream, theme=THEME, force_terminal=terminal, width=80, highlight=False, markup=False, emoji=False,
        _environ={"TERM": "xterm"},
    )  # fmt: skip
    watch = Watch(target=shown)
    watch(events.StepSaid("started\n✓ [bold]Deployed\x1b[2J"))
    assert stream.getvalue().strip() == "started ✓ [bold]Deployed\\u001b[2J"


REGISTRY = "Push it to 123456789012.dkr.ecr.eu-central-1.amazonaws.com"


def drawn(monkeypatch: pytest.MonkeyPatch, at: events.StepProgress) -> str:
    """Return the moving line of a push after ten seconds, on a terminal of 80 columns."""
    row = _Row(REGISTRY, " 2/2")
    row.at = at
    began = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: began + 10)
    shown = row.drawn(80)
    assert shown.cell_len <= 80
    return shown.plain[2:]


def test_bytes_are_told_with_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a moving line alone: its title gives way to what moves."""
    moving = events.StepProgress("7f3a91: 30 of 100 MB", 120_000_000, 480_000_000, "bytes")
    shown = drawn(monkeypatch, moving)
    assert shown == "Push it to 1…  2/2  10 s  7f3a91: 30 of 100 MB  120 of 480 MB, 25 %, 30 s left"
    assert told(events.StepStarted(STEP, 1, 2), moving).splitlines() == [" 1/2 Lay out release"]


def test_without_the_whole_there_is_neither_a_share_nor_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = drawn(monkeypatch, events.StepProgress("7f3a91: 30 of 100 MB", 120_000_000, 0, "bytes"))
    assert shown.endswith("  2/2  10 s  7f3a91: 30 of 100 MB  120 MB so far")
    assert shown.startswith("Push it to 123456789012.dkr")


def test_a_layer_that_has_arrived_is_a_line_of_a_build_log() -> None:
    shown = told(
        events.StepStarted(STEP, 1, 2),
        events.StepProgress("7f3a91: 99 of 100 MB", 99_000_000, 0, "bytes"),
        events.StepProgress("7f3a91 has arrived, 100 MB; 1 of 2 layers are there"),
        events.StepProgress("1 of 2 layers are there", 100_000_000, 0, "bytes"),
    )
    assert shown.splitlines()[1:] == ["      7f3a91 has arrived, 100 MB; 1 of 2 layers are there"]


@pytest.mark.parametrize(
    ("lang", "says"),
    [("en", ("Disk", "120 MiB and 7 % of inodes free")), ("ko", ("디스크", "여유 120MiB, inode 7%"))],
)
def test_a_finding_is_told_in_the_language_asked_for(lang: str, says: tuple[str, str]) -> None:
    stream = io.StringIO()
    watch = Watch(lang="ko" if lang == "ko" else "en", target=target(stream))
    watch(events.Checking("disk.space"))
    watch(events.Checked(FOUND))
    assert all(words in stream.getvalue() for words in says), stream.getvalue()


class Gone(io.StringIO):
    """A pipe whose reader has left."""

    asked = 0

    def write(self, text: str) -> int:
        self.asked += 1
        raise BrokenPipeError


def test_a_screen_that_is_gone_stops_nothing() -> None:
    from decodeat_ops.cli.console import _Console

    for terminal in (False, True):
        gone = Gone()
        console = _Console(file=gone, theme=THEME, force_terminal=terminal, width=80, _environ={"TERM": "xterm"})
        watch = Watch(target=console)
        for event in (events.StepStarted(STEP, 1, 1), events.StepProgress("x"), events.StepFinished(STEP, 1.0)):
            watch(event)
        watch.pause()
        assert gone.asked > 0, "it was told, and nobody heard"


def test_no_line_ends_in_spaces() -> None:
    assert told(events.StepFinished(STEP, 0.01)) == "✓ Lay out release\n"


def test_quiet_says_nothing() -> None:
    stream = io.StringIO()
    watch = Watch(quiet=True, target=target(stream))
    watch(events.StepStarted(STEP, 1, 1))
    watch(events.StepSaid("x"))
    watch.say("x")
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (1.26, "1.3 s"), (12.4, "12 s"), (60, "1 min 00 s"), (3725, "62 min 05 s")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_how_far_and_how_long() -> None:
    assert how_far(42, 100, 0.5) == "42 %"
    assert how_far(25, 100, 10) == "25 %, 30 s left"
    assert how_far(100, 100, 10) == "100 %"
    assert how_far(300, 100, 10) == "100 %"


def test_a_command_in_what_went_wrong_repeats_the_selection() -> None:
    selection.select(env="staging")
    try:
        assert "`decodeat-ops --env staging start` brings one back" in told(
            events.StepBroke(STEP, "`decodeat-ops start` brings one back")
        )
    finally:
        selection.select()
