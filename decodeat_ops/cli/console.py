"""Provide two consoles: stdout for data, stderr for messages; calm colours, and none off a terminal."""

import sys
from collections.abc import Iterable
from functools import cache
from typing import TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.theme import Theme

from decodeat_ops.cli.visible import visible
from decodeat_ops.core.check import Status

UNBOUNDED = 100_000  # columns off a terminal: a program that reads the output wants whole lines

THEME = Theme(
    {
        "good": "green",
        "warn": "yellow",
        "bad": "red",
        "muted": "bright_black",
        "strong": "bold",
        "label": "bright_black",
        "command": "cyan",
    },
    inherit=False,
)

_PLAIN = {"✓": "ok", "✗": "x", "↶": "<-", "→": ">", "·": "-", "–": "-"}

STATUS = {
    Status.PASS: ("✓", "good"),
    Status.WARN: ("!", "warn"),
    Status.FAIL: ("✗", "bad"),
    Status.SKIP: ("–", "muted"),
    Status.MANUAL: ("?", "warn"),
}


@cache
def out() -> Console:
    """Return the console for data."""
    return _console(sys.stdout)


@cache
def talk() -> Console:
    """Return the console for messages about the data."""
    return _console(sys.stderr)


class _Console(Console):
    """Show text to people, with everything escaped that would control their terminal."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))

    def on_broken_pipe(self) -> None:
        """Raise `BrokenPipeError` where rich would end the process, so that a change that is half-way goes on."""
        raise BrokenPipeError


def _console(stream: TextIO) -> Console:
    width = None if stream.isatty() else UNBOUNDED
    return _Console(file=stream, theme=THEME, highlight=False, markup=False, emoji=False, width=width)


def moves(console: Console) -> bool:
    """Return whether a line can be redrawn."""
    return console.is_terminal and not console.is_dumb_terminal


def sign(text: str, console: Console) -> str:
    """Return a sign, or its plain substitute where the encoding lacks it."""
    return text if console.encoding.startswith("utf") else _PLAIN.get(text, text)
