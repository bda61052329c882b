"""The two consoles: stdout for data, stderr for talk; calm colours, and none where they don't belong."""

import sys
from collections.abc import Iterable
from functools import cache
from typing import TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.theme import Theme

from decodeat_ops.cli.visible import visible
from decodeat_ops.core.check import Status

UNBOUNDED = 100_000  # columns where nobody looks at a screen: a program that reads us wants whole lines

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
    """Where data goes."""
    return _console(sys.stdout)


@cache
def talk() -> Console:
    """Where everything goes that is said about the data."""
    return _console(sys.stderr)


class _Console(Console):
    """Show text to people, with everything escaped that would control their terminal."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))

    def on_broken_pipe(self) -> None:
        """Rich would end the process here; a change that is half-way goes on, and the boundary ends the rest."""
        raise BrokenPipeError


def _console(stream: TextIO) -> Console:
    width = None if stream.isatty() else UNBOUNDED
    return _Console(file=stream, theme=THEME, highlight=False, markup=False, emoji=False, width=width)


def moves(console: Console) -> bool:
    """True where a line may be redrawn."""
    return console.is_terminal and not console.is_dumb_terminal


def sign(text: str, console: Console) -> str:
    """A sign, or what stands for it where the encoding doesn't have it."""
    return text if console.encoding.startswith("utf") else _PLAIN.get(text, text)
