"""How Korean labels are laid out: the forms of the labelling standard, and what makers print of them."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.labels import words
from tests.labels.paper import BLACK, WHITE, Pen
from tests.labels.truth import KOREAN, Column, Truth, Writer

_INDENTED = {"sugar", "dietary_fiber", "trans_fat", "sat_fat"}
_RATIO = "1일 영양성분 기준치에 대한 비율"


@dataclass(frozen=True)
class Layout:
    """`draw` writes a whole label. Widths in letters of the type's size; `columns` of figures side by side."""

    draw: Callable[[Pen, Truth, "Habits"], None]
    widths: tuple[int, int]
    columns: int = 1


class Habits(Writer):
    """What one maker does the same way all over a label."""

    def __init__(self, dice: random.Random) -> None:
        self.gap = dice.choice(("", " "))  # between number and unit
        self.percent = dice.choice(("%", "%", " %"))
        self.title = dice.choice(("영양정보", "영양정보", "영양성분"))
        self.bold = dice.random() < 0.5
        self.energy_first = dice.random() < 0.25  # as a row of its own instead of in the head
        self.indent = dice.random() < 0.6
        self.ingredients_first = dice.random() < 0.5
        self.word_breaks = dice.random() < 0.4
        self.contents = dice.random() < 0.4  # the package's content with its energy, outside the table
        self.kind, self.storing = dice.choice(words.KINDS), dice.choice(words.STORING)
        self.small_print = tuple(dice.sample(words.SMALL_PRINT, dice.randint(0, 3)))
        self.allergens = dice.choice(words.ALLERGENS)
        self.reference = dice.choice(words.REFERENCE)
        self.comma = ", " if self.word_breaks else dice.choice((", ", ","))
        self.chance = dice.random()  # for the variants of a single layout

    def rows(self, column: Column) -> list[str]:
        """The names that stand in rows."""
        return [name for name in column.names if name != "energy" or self.energy_first]

    def name(self, name: str) -> str:
        return ("   " if self.indent and name in _INDENTED else "") + KOREAN[name]


def _around(body: Callable[[Pen, Truth, Habits], None]) -> Callable[[Pen, Truth, Habits], None]:
    """A panel of figures between what else is on a package."""

    def whole(pen: Pen, truth: Truth, habits: Habits) -> None:
        pen.paragraph(f"제품명: {truth.product}")
        pen.paragraph(f"식품유형: {habits.kind}   보관방법: {habits.storing}", words=True)
        if habits.contents:
            pen.paragraph(f"내용량: {truth.total:,} g ({truth.total_energy} kcal)")
        if habits.ingredients_first:
            _ingredients(pen, truth, habits)
        pen.down(0.4)
        body(pen, truth, habits)
        pen.down(0.4)
        if not habits.ingredients_first:
            _ingredients(pen, truth, habits)
        for line in habits.small_print:
            pen.paragraph(line, words=habits.word_breaks)

    return whole


def _ingredients(pen: Pen, truth: Truth, habits: Habits) -> None:
    listed = habits.comma.join(printed for printed, _ in truth.ingredients)
    pen.paragraph(f"원재료명: {listed}", words=habits.word_breaks)
    pen.paragraph(habits.allergens)


def _energy(column: Column, habits: Habits) -> str:
    return "" if habits.energy_first else habits.amount(column, "energy")


def _head(pen: Pen, truth: Truth, habits: Habits, *, ink: int) -> None:
    """The title with what the figures are for: "총 내용량 500 g / 100 g당 120 kcal" in one line or two."""
    column = truth.columns[0]
    energy = _energy(column, habits)
    per = f"{column.heading} {energy}".strip()
    total = f"총 내용량 {truth.total:,} g"
    pen.text(pen.left + pen.size / 2, habits.title, bold=True, ink=ink)
    across = pen.end - pen.left - 3 * pen.size
    lines = {"total": (f"{total} / {per}",), "per": (per,), "both": (total, per)}[_wording(column, habits)]
    if pen.long(lines[0]) > across:
        lines = (total, per)
    if pen.long(habits.title + lines[0], bold=True) > across:
        lines = ("", *lines)
    for number, line in enumerate(lines):
        pen.down(min(number, 1))
        pen.right(pen.end - pen.size / 2, line, ink=ink)
    pen.down()


def _wording(column: Column, habits: Habits) -> str:
    if column.heading.startswith("총") or habits.chance < 0.3:
        return "per"
    return "total" if habits.chance < 0.5 else "both"


def _footnote(pen: Pen, habits: Habits) -> None:
    pen.paragraph(habits.reference, words=habits.word_breaks)


def _rows(pen: Pen, column: Column, habits: Habits) -> None:
    """Name and amount at the left, the share at the right."""
    for name in habits.rows(column):
        pen.text(pen.left, f"{habits.name(name)} {habits.amount(column, name)}", bold=habits.bold)
        pen.right(pen.end, habits.share(column, name), bold=habits.bold)
        pen.down()


def _table(pen: Pen, truth: Truth, habits: Habits) -> None:
    """The standard's vertical form without its bar."""
    pen.rule(4)
    _head(pen, truth, habits, ink=BLACK)
    pen.rule()
    pen.right(pen.end, _RATIO)
    pen.down()
    _rows(pen, truth.columns[0], habits)
    pen.rule()
    _footnote(pen, habits)


def _bar(pen: Pen, truth: Truth, habits: Habits) -> None:
    """The standard's basic form: the head is white on a black bar."""
    before = pen.y
    _head(pen, truth, habits, ink=BLACK)
    lines = (pen.y - before) / (pen.size * 1.55)
    pen.draw.rectangle((pen.left, before, pen.end, pen.y), fill=WHITE)
    pen.y = before
    pen.bar(lines)
    _head(pen, truth, habits, ink=WHITE)
    pen.down(0.4)
    column = truth.columns[0]
    pen.text(pen.left, column.heading)
    pen.right(pen.end, _RATIO if pen.long(column.heading + _RATIO) < pen.end - pen.left - pen.size else "비율")
    pen.down()
    pen.rule()
    _rows(pen, column, habits)
    pen.rule(4)
    _footnote(pen, habits)


def _cells(pen: Pen, edges: Sequence[float], cells: Sequence[str], habits: Habits, *, first_bold: bool = True) -> None:
    """One row of a ruled grid: the first cell from the left, the others from the right."""
    pen.text(edges[0] + pen.size / 2, cells[0], bold=first_bold and habits.bold)
    for edge, cell in zip(edges[2:], cells[1:], strict=True):
        pen.right(edge - pen.size / 2, cell)
    pen.down()


def _ruled(pen: Pen, edges: Sequence[float], top: float) -> None:
    for edge in edges:
        pen.draw.line((edge, top, edge, pen.y), fill=BLACK, width=2)


def _grid(pen: Pen, truth: Truth, habits: Habits) -> None:
    """A bordered table, amounts and shares in columns of their own, rules between the rows."""
    column, across = truth.columns[0], pen.end - pen.left
    _head(pen, truth, habits, ink=BLACK)
    edges = (pen.left, pen.left + across * 0.4, pen.left + across * 0.7, pen.end)
    top = pen.y
    pen.rule()
    _cells(pen, edges, ("영양성분", "함량", "기준치 비율"), habits)
    for name in habits.rows(column):
        pen.rule()
        _cells(pen, edges, (habits.name(name), habits.amount(column, name), habits.share(column, name)), habits)
    pen.rule()
    pen.y -= pen.size // 3
    _ruled(pen, edges, top)
    pen.down(0.3)
    _footnote(pen, habits)


def _split(pen: Pen, truth: Truth, habits: Habits) -> None:
    """Amounts and shares apart and far from the names, with at most a hairline between the rows."""
    column, across = truth.columns[0], pen.end - pen.left
    pen.rule(4)
    _head(pen, truth, habits, ink=BLACK)
    pen.rule()
    edges = (pen.left, pen.left + across * 0.35, pen.left + across * 0.68, pen.end)
    pen.right(edges[2], column.heading)
    pen.right(edges[3], "기준치 비율(%)")
    pen.down()
    for name in habits.rows(column):
        if habits.chance < 0.5:
            pen.rule(1, ink=120)
        _cells(pen, edges, (habits.name(name), habits.amount(column, name), habits.share(column, name)), habits)
    pen.rule()
    _footnote(pen, habits)


def _columns(pen: Pen, truth: Truth, habits: Habits) -> None:
    """Two quantities beside each other, each with its share; in some labels the shares stand apart."""
    pen.rule(4)
    pen.text(pen.left, habits.title, bold=True)
    pen.right(pen.end, _RATIO + "(%)")
    pen.down()
    pen.rule()
    apart, across = habits.chance < 0.4, pen.end - pen.left
    stops = (pen.left + across * 0.62, pen.end)
    top = pen.y
    for stop, column in zip(stops, truth.columns, strict=True):
        pen.right(stop, column.heading)
    pen.down()
    pen.rule()
    for name in truth.columns[0].names:  # energy is a row here, there being two
        pen.text(pen.left, habits.name(name), bold=habits.bold)
        for stop, column in zip(stops, truth.columns, strict=True):
            share = habits.share(column, name)
            if apart:
                pen.right(stop - pen.size * 3, habits.amount(column, name))
                pen.right(stop, share)
            else:
                pen.right(stop, f"{habits.amount(column, name)} {f'({share})' if share else ''}".strip())
        pen.down()
    pen.rule()
    if habits.chance < 0.2:
        middle = pen.left + across * 0.66
        pen.draw.line((middle, top, middle, pen.y), fill=BLACK, width=2)
    _footnote(pen, habits)


def _wide(pen: Pen, truth: Truth, habits: Habits) -> None:
    """The standard's horizontal form: half of the figures beside the other half."""
    column, across = truth.columns[0], pen.end - pen.left
    pen.rule(4)
    _head(pen, truth, habits, ink=BLACK)
    pen.rule()
    names = habits.rows(column)
    half = (len(names) + 1) // 2
    places = ((pen.left, pen.left + across * 0.47), (pen.left + across * 0.53, pen.end))
    top = pen.y
    for row in range(half):
        for (left, right), name in zip(places, names[row::half], strict=False):
            pen.text(left, f"{KOREAN[name]} {habits.amount(column, name)}", bold=habits.bold)
            pen.right(right, habits.share(column, name))
        pen.down()
    if habits.chance < 0.5:
        middle = pen.left + across * 0.5
        pen.draw.line((middle, top, middle, pen.y), fill=BLACK, width=2)
    pen.rule()
    _footnote(pen, habits)


def _prose(pen: Pen, truth: Truth, habits: Habits) -> None:
    """The standard's text form: one sentence of figures."""
    column = truth.columns[0]
    facts = [_fact(column, name, habits) for name in column.names]
    opening = f"{habits.title}: {column.heading} " if habits.chance < 0.5 else f"{habits.title}({column.heading}) "
    pen.paragraph(opening + habits.comma.join(facts), words=habits.word_breaks)
    pen.paragraph("( )안의 수치는 1일 영양성분 기준치에 대한 비율임", words=habits.word_breaks)


def _fact(column: Column, name: str, habits: Habits) -> str:
    share = habits.share(column, name)
    return f"{KOREAN[name]} {habits.amount(column, name)}{f'({share})' if share else ''}"


LAYOUTS = {
    "table": Layout(_around(_table), (30, 38)),
    "bar": Layout(_around(_bar), (30, 38)),
    "grid": Layout(_around(_grid), (30, 38)),
    "split": Layout(_around(_split), (32, 40)),
    "columns": Layout(_around(_columns), (34, 40), columns=2),
    "wide": Layout(_around(_wide), (40, 48)),
    "prose": Layout(_around(_prose), (30, 42)),
    "narrow": Layout(_around(_bar), (19, 23)),
}
