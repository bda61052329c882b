"""Write help pages: examples first, then commands and options in aligned columns; without rich, to be fast."""

import os
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Iterable
from typing import Any

from typer.core import TyperCommand, TyperGroup

WIDEST = 100


class Command(TyperCommand):
    """Show our own help page for a command."""

    def get_help(self, ctx: Any) -> str:
        return page(self, ctx)


class Group(TyperGroup):
    """Show our own help page for a group of commands; listing its commands builds none of them."""

    def get_help(self, ctx: Any) -> str:
        return page(self, ctx)

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.commands)


def page(command: Any, ctx: Any) -> str:
    """Return the whole page as text, no line wider than the terminal."""
    paint = _Paint(_colour())
    width = min(shutil.get_terminal_size((80, 24)).columns, WIDEST)
    usage = " ".join(["Usage:", ctx.command_path, *command.collect_usage_pieces(ctx)])
    lines = [*_paragraphs(command.help or "", width, ""), ""]
    if command.epilog:
        lines += [paint.title("Examples"), *_examples(command.epilog, width, paint), ""]
    lines += [*_wrap(usage, width, "", indent="       "), ""]
    panels = _panels(command, ctx)
    left = min(max(len(name) for rows in panels.values() for name, _ in rows), 30)
    for title, rows in panels.items():
        lines += [paint.title(title), *_columns(rows, left, width, paint), ""]
    if isinstance(command, Group):
        lines += [paint.muted(f"`{ctx.command_path} COMMAND --help` tells more of a command."), ""]
    return "\n".join(lines).rstrip("\n")


class _Paint:
    """Mark text in three tones, or in none."""

    def __init__(self, on: bool) -> None:
        self._on = on

    def title(self, text: str) -> str:
        return f"\033[1m{text}\033[0m" if self._on else text

    def name(self, text: str) -> str:
        return f"\033[36m{text}\033[0m" if self._on else text

    def muted(self, text: str) -> str:
        return f"\033[2m{text}\033[0m" if self._on else text


def _colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _panels(command: Any, ctx: Any) -> dict[str, list[tuple[str, str]]]:
    """Return rows by title: the commands in their groups, arguments and own options, then the shared options."""
    found: dict[str, list[tuple[str, str]]] = {}
    shared: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(ctx):
        record = parameter.get_help_record(ctx)
        if record is None:
            continue
        if parameter.param_type_name == "argument":
            found.setdefault("Arguments", []).append((record[0], (parameter.help or "").strip()))
        elif getattr(parameter, "rich_help_panel", None):
            shared.setdefault(parameter.rich_help_panel, []).append((record[0], parameter.help))
        elif parameter.name == "help":
            shared.setdefault("Common options", []).append((record[0], "Show this page."))
        else:
            found.setdefault("Options", []).append((record[0], parameter.help))
    commands: dict[str, list[tuple[str, str]]] = {}
    if isinstance(command, Group):
        for name in command.list_commands(ctx):
            below: Any = command.get_command(ctx, name)
            summary = (below.help or "").partition("\n")[0]
            commands.setdefault(below.rich_help_panel or "Commands", []).append((name, summary))
    return {**commands, **found, **shared}


def _columns(rows: list[tuple[str, str]], left: int, width: int, paint: _Paint) -> list[str]:
    lines = []
    for name, text in rows:
        wrapped = _wrap(text, width - left - 4, "") or [""]
        if len(name) > left:
            lines.append(f"  {paint.name(name)}")
        else:
            lines.append(f"  {paint.name(name)}{' ' * (left - len(name))}  {wrapped.pop(0)}".rstrip())
        lines += [f"{' ' * (left + 4)}{line}" for line in wrapped]
    return lines


def _examples(text: str, width: int, paint: _Paint) -> Iterable[str]:
    """Yield lines of `command   what it is for`, aligned as written; too narrow a terminal loses only the words."""
    for line in text.splitlines():
        example, _, about = line.partition("  ")
        whole = f"  {line}"
        if cells(whole) > width or not about:
            yield from _wrap(f"  {example}", width, "", indent="      ")
        else:
            yield f"  {example}{paint.muted(whole[len(example) + 2 :])}"


def _paragraphs(text: str, width: int, start: str) -> list[str]:
    lines: list[str] = []
    for paragraph in text.split("\n\n"):
        if lines:
            lines.append("")
        lines += _wrap(" ".join(paragraph.split()), width, start)
    return lines


def _wrap(text: str, width: int, start: str, indent: str = "") -> list[str]:
    return textwrap.wrap(text, max(width, 20), initial_indent=start, subsequent_indent=indent, break_on_hyphens=False)


def cells(text: str) -> int:
    """Return how many columns a text takes on a terminal; Korean characters take two."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)
