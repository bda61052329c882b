"""Show work while it happens, on stderr: finished lines scroll up, one line moves; off a terminal, plain lines."""

import time
from collections.abc import Callable, Iterator
from typing import Literal

from rich.console import Console, ConsoleOptions
from rich.live import Live
from rich.padding import Padding
from rich.text import Text

from decodeat_ops.cli import console, selection
from decodeat_ops.cli.visible import visible
from decodeat_ops.core import events
from decodeat_ops.core.amounts import megabytes, size
from decodeat_ops.core.check import Finding
from decodeat_ops.core.plan import Step

NOTABLE = 1.0  # seconds; what takes longer is shown with its duration, and with an estimate of the rest

FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
PACE = 10  # frames and redraws a second
SHORTEST = 12  # columns of a title in the line that moves


class Watch:
    """Show one command's events. It never raises: a terminal that is gone must not stop a change half-way."""

    def __init__(
        self,
        *,
        lang: Literal["en", "ko"] = "en",
        quiet: bool = False,
        findings: bool = True,
        target: Console | None = None,
    ) -> None:
        """Choose the view. `findings` False leaves a check's answer to the outcome, which follows at once."""
        self._console = target or console.talk()
        self._lang = lang
        self._silent = quiet
        self._findings = findings
        self._view = _Moving(self._console) if console.moves(self._console) else _Plain(self._console)

    def __call__(self, event: events.Event) -> None:
        self._safely(lambda: self._take(event))

    def pause(self) -> None:
        """Remove the moving line, so that a question or a result stands alone."""
        self._safely(self._view.rest)

    def say(self, text: str) -> None:
        self._safely(lambda: self._view.line(Text(text, style="warn")))

    def _safely(self, work: Callable[[], None]) -> None:
        if self._silent:
            return
        try:
            work()
        except (OSError, ValueError):
            # The terminal or pipe has gone (or was closed): the engine and its journal go on without a view.
            self._silent = True

    def _take(self, event: events.Event) -> None:
        match event:
            case events.StepStarted(step, number, total, undoing):
                self._view.begin(f"Undoing: {step.title}" if undoing else step.title, _count(number, total))
            case events.StepProgress():
                self._view.progress(event)
            case events.StepSaid(text):
                self._view.said(visible(" ".join(text.split())))  # before its width is measured
            case events.StepFinished(step, seconds, undoing):
                mark, tone = ("↶", "warn") if undoing else ("✓", "good")
                self._end(mark, tone, f"{step.title}, undone" if undoing else step.title, _took(seconds))
            case events.StepSkipped(step, why):
                self._end("–", "muted", step.title, why)
            case events.StepBroke(step, why, undoing):
                self._broke(step, why, undoing)
            case events.Checking(check):
                self._view.begin(self._title(check), None)
            case events.Checked(finding):
                self._checked(finding)
            case events.Started():
                pass

    def _end(self, mark: str, tone: str, title: str, tail: str) -> None:
        end = ("  ", (tail, "muted")) if tail else ()
        self._view.line(Text.assemble((console.sign(mark, self._console), tone), " ", title, *end))

    def _broke(self, step: Step, why: str, undoing: bool) -> None:
        title = f"Undoing: {step.title}" if undoing else step.title
        mark = (console.sign("✗", self._console), "bad")
        self._view.line(Text.assemble(mark, " ", (title, "strong"), f": {selection.commands(why)}"))

    def _title(self, check: str) -> str:
        from decodeat_ops.checks import words

        return words.title(check, self._lang)

    def _checked(self, finding: Finding) -> None:
        if not self._findings:
            return
        from decodeat_ops.checks import words

        mark, tone = console.STATUS[finding.status]
        tail = f"  {duration(finding.seconds)}" if finding.seconds >= NOTABLE else ""
        line = Text.assemble(
            (console.sign(mark, self._console), tone),
            " ",
            (self._title(finding.check), "strong"),
            "  ",
            selection.commands(words.says(finding, self._lang)),
            (tail, "muted"),
        )
        self._view.line(line)


class _Plain:
    """Print a line when a step begins, when its progress changes and when it ends, as a build log wants it."""

    def __init__(self, target: Console) -> None:
        self._console = target
        self._said = ""

    def begin(self, title: str, count: str | None) -> None:
        """Print that a step begins; without a count it is a check, which one line at its end is enough for."""
        self._said = ""
        if count is not None:
            self._console.print(f"{count or '     '} {title}", soft_wrap=True)

    def progress(self, event: events.StepProgress) -> None:
        if event.unit != "bytes" and event.text != self._said:
            self._said = event.text
            self.said(event.text)

    def said(self, text: str) -> None:
        self._console.print(f"      {text}", soft_wrap=True)

    def line(self, line: Text) -> None:
        self._console.print(line, soft_wrap=True)

    def rest(self) -> None:
        """Do nothing: no line moves."""


class _Moving:
    """Redraw the step that runs below the lines of those that are done."""

    def __init__(self, target: Console) -> None:
        self._console = target
        self._live: Live | None = None
        self._row: _Row | None = None

    def begin(self, title: str, count: str | None) -> None:
        self._row = _Row(title, count or "")
        if self._live is None:
            self._live = Live(self._row, console=self._console, transient=True, refresh_per_second=PACE)
            self._live.start()
        self._live.update(self._row)

    def progress(self, event: events.StepProgress) -> None:
        if self._row is not None:
            self._row.at = event

    def said(self, text: str) -> None:
        """Print a line above the one that moves, which goes on."""
        self._console.print(Padding(Text(text), (0, 0, 0, 2), expand=False))

    def line(self, line: Text) -> None:
        self._row = None
        if self._live is not None:
            self._live.update(Text(""), refresh=True)
        self._console.print(line)

    def rest(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


class _Row:
    """Draw spinner, title, duration and progress of what runs, anew at each refresh."""

    def __init__(self, title: str, count: str) -> None:
        self.at = events.StepProgress("")
        self._title, self._count = title, count
        self._since = time.monotonic()

    def __rich_console__(self, target: Console, options: ConsoleOptions) -> Iterator[Text]:
        yield self.drawn(options.max_width)

    def drawn(self, width: int) -> Text:
        """Return the line. Where it is too long, the title gives way first: it stands in the plan already."""
        seconds = time.monotonic() - self._since
        parts = [self._count.strip(), duration(seconds) if seconds >= NOTABLE else "", self.at.text]
        parts.append(self._amount(seconds))
        tail = Text("".join(f"  {part}" for part in parts if part), style="muted")
        title = Text(self._title)
        title.truncate(max(width - 2 - tail.cell_len, SHORTEST), overflow="ellipsis")
        frame = FRAMES[int(seconds * PACE) % len(FRAMES)]
        return Text.assemble((frame, "command"), " ", title, tail, overflow="ellipsis", no_wrap=True)

    def _amount(self, seconds: float) -> str:
        """Return how much is done. How much is left is said only where the whole is known."""
        at = self.at
        if at.total:
            amount = f"{megabytes(at.done, at.total)}, " if at.unit == "bytes" else ""
            return f"{amount}{how_far(at.done, at.total, seconds)}"
        return f"{size(at.done)} so far" if at.unit == "bytes" and at.done else ""


def _count(number: int, total: int) -> str:
    return f"{number:>2}/{total}" if total else ""


def _took(seconds: float) -> str:
    """Return a duration, "" below 0.1 s, which no user notices."""
    return duration(seconds) if seconds >= 0.1 else ""


def duration(seconds: float) -> str:
    """Return a duration for people: 0.3 s, 12 s, 2 min 05 s."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"


def how_far(done: int, total: int, seconds: float) -> str:
    """Return the share that is done (42 %) and, once that means something, the time left at this pace."""
    share = min(done / total, 1.0)
    text = f"{share:.0%}".replace("%", " %")
    if seconds >= NOTABLE and 0.02 < share < 1:
        text += f", {duration(seconds * (1 - share) / share)} left"
    return text
