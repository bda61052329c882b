"""Print every outcome: data on stdout, messages on stderr, or the JSON envelope alone."""

import json
import sys
from typing import TYPE_CHECKING, Any

from decodeat_ops.cli import selection
from decodeat_ops.cli.run import Run
from decodeat_ops.cli.visible import visible
from decodeat_ops.core.outcome import Block, Cell, Facts, Lines, Outcome, Table

if TYPE_CHECKING:
    from rich.console import Console


def show(outcome: Outcome, run: Run) -> None:
    """Print what a command returned."""
    if run.json:
        print_json(outcome.envelope() | {"next": [selection.command(then) for then in outcome.next]})
        return
    _for_people(outcome, run)


def print_json(data: Any) -> None:
    """Print one JSON text on stdout, on one line unless that is a terminal."""
    ascii_only = not (sys.stdout.encoding or "").lower().startswith("utf")
    indent = 2 if sys.stdout.isatty() else None
    text = json.dumps(selection.everywhere(data), ensure_ascii=ascii_only, indent=indent)
    sys.stdout.write(visible(text) + "\n")
    sys.stdout.flush()


def _for_people(outcome: Outcome, run: Run) -> None:
    """Print a file or a diff first and its summary last; tables and facts follow their summary."""
    from decodeat_ops.cli import console

    talk = console.talk()
    text_first = any(isinstance(block, Lines) for block in outcome.blocks)
    if not text_first:
        _summary(outcome, data=not outcome.blocks)
    for number, block in enumerate(outcome.blocks):
        if number or not text_first:
            _gap(outcome.blocks[number - 1] if number else None, block)
        _block(block)
    if text_first:
        sys.stdout.flush()
        _summary(outcome, data=False)
    sys.stdout.flush()
    for warning in outcome.warnings:
        talk.print(f"! {selection.commands(warning)}", style="warn")
    if outcome.next and not run.quiet:
        talk.print()
        for number, then in enumerate(outcome.next):
            _command("next" if number == 0 else "", then)


def _command(label: str, then: str) -> None:
    from rich.text import Text

    from decodeat_ops.cli import console

    console.talk().print(Text.assemble((f"{label:<5} ", "label"), (selection.command(then), "command")), soft_wrap=True)


def _gap(before: Block | None, block: Block) -> None:
    """Print an empty line between blocks; above the first on stderr, so that piped data begins with data."""
    from decodeat_ops.cli import console

    (console.talk() if before is None else console.out()).print()


def _summary(outcome: Outcome, *, data: bool) -> None:
    """Print the summary: on stderr beside other data, on stdout (`data`) when it is the only data."""
    from rich.text import Text

    from decodeat_ops.cli import console

    where = console.out() if data else console.talk()
    mark, tone = ("✓", "good")
    if outcome.exit_code:
        mark, tone = ("!", "warn") if outcome.exit_code in (9, 10) else ("✗", "bad")
    where.print(Text.assemble((console.sign(mark, where), tone), " ", (selection.commands(outcome.summary), "strong")))


def _block(block: Block) -> None:
    from rich.text import Text

    from decodeat_ops.cli import console

    out = console.out()
    if block.title:
        out.print(Text(block.title, style="strong"))
    if isinstance(block, Lines):
        for line in block.lines:
            # Prose wraps at words; a file, a diff or a log line is quoted and stays as it is.
            prose = block.language == "text"
            shown = selection.commands(line) if prose else line
            out.print(Text(shown, style=_tone_of(line, block.language)), soft_wrap=not prose)
    elif isinstance(block, Facts):
        _facts(block)
    else:
        _table(block)


def _facts(block: Facts) -> None:
    from rich.table import Table as Grid

    from decodeat_ops.cli import console

    grid = Grid.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="label", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in block.pairs:
        grid.add_row(label, _cell(value))
    print_grid(grid, console.out())


def _table(block: Table) -> None:
    from rich.table import Table as Grid

    from decodeat_ops.cli import console

    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="label", show_header=True)
    for column, whole in zip(block.columns, _whole(block), strict=True):
        grid.add_column(column, overflow="fold", no_wrap=whole)
    for row in block.rows:
        grid.add_row(*(_cell(cell) for cell in row))
    print_grid(grid, console.out())


def _whole(block: Table) -> list[bool]:
    """Return which columns never wrap: short ones (ids, times), from the left, while the others keep some width."""
    from rich.cells import cell_len

    from decodeat_ops.cli import console

    texts = [[cell if isinstance(cell, str) else cell[0] for cell in row] for row in (block.columns, *block.rows)]
    widths = [max(map(cell_len, column)) + 2 for column in zip(*texts, strict=True)]
    room = console.out().width
    whole = []
    for number, width in enumerate(widths[:-1]):
        needed = sum(min(after, 10) for after in widths[number + 1 :])
        stays = width <= 28 and room - width >= needed
        room -= width if stays else min(width, 10)
        whole.append(stays)
    return [*whole, False]


def print_grid(grid: Any, out: "Console") -> None:
    """Print a grid without the spaces that rich adds at the ends of lines."""
    with out.capture() as captured:
        out.print(grid)
    for line in captured.get().splitlines():
        out.file.write(line.rstrip() + "\n")


def _cell(cell: Cell) -> Any:
    from rich.text import Text

    text, style = (cell, "") if isinstance(cell, str) else cell
    return Text(selection.commands(text), style=style)


def _tone_of(line: str, language: str) -> str:
    if language != "diff":
        return ""
    if line.startswith(("---", "+++")):
        return "strong"
    return {"+": "good", "-": "bad", "@": "command"}.get(line[:1], "")
