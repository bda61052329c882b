"""Draw forms that the labelling standard allows or importers use; see `board.py`.

bilingual   names in Korean and English, in either order, in brackets or with a slash between them
leaders     dots or dashes between a name and its amount, perhaps a dash or a dot before each name
broken      the text form in a narrow strip: lines end anywhere, between a number and its unit too
units       the unit stands beside the name or in brackets, amounts and shares are bare numbers
transposed  names side by side, their amounts under them
cells       three nutrients to a row, each with its amount and share
imported    two quantities, energy in kJ and kcal, "of which", shares for one quantity, "<" for "less than"
sticker     an importer's label: everything as one table of headings, the figures as text
"""

import random
from collections.abc import Callable, Iterator, Sequence

from PIL import Image

from tests.labels import words
from tests.labels.board import Board, Cell, Type
from tests.labels.paper import Face
from tests.labels.truth import KOREAN, UNITS, Column, Truth, Writer

ENGLISH = {
    "energy": ("Calories", "Energy"),
    "sodium": ("Sodium",),
    "carbohydrate": ("Total Carbohydrate", "Carbohydrate", "Total Carb."),
    "sugar": ("Sugars", "Total Sugars"),
    "dietary_fiber": ("Dietary Fiber", "Fibre"),
    "fat": ("Total Fat", "Fat"),
    "trans_fat": ("Trans Fat",),
    "sat_fat": ("Saturated Fat", "Saturates"),
    "cholesterol": ("Cholesterol",),
    "protein": ("Protein",),
    "calcium": ("Calcium",),
}
_LEADERS = (".", "·", "-", " .", "…", "_", " -")
_NARROWEST = 0.85  # the narrowest that type is made, of its width
_KJ = 4.184  # kJ in a kcal


class Maker(Writer):
    """Hold the choices that one maker uses all over a label."""

    def __init__(self, dice: random.Random) -> None:
        self.chance = dice.random()
        self.gap = dice.choice(("", " "))
        self.percent = dice.choice(("%", "%", " %"))
        self.title = dice.choice(("영양정보", "영양성분"))
        self.dark = dice.random() < 0.4
        self.bold = dice.random() < 0.5
        self.rules = dice.choice((1, 2))
        self.brackets = dice.random() < 0.5
        self.leader = dice.choice(_LEADERS)
        self.bullet = dice.choice(("", "", "- ", "· "))
        self.between = dice.choice((", ", " / ", " · ", ","))
        self.small = tuple(dice.sample(words.SMALL_PRINT, dice.randint(0, 2)))
        self.reference = dice.choice(words.REFERENCE)
        self.allergens, self.kind = dice.choice(words.ALLERGENS), dice.choice(words.KINDS)
        self.english = {name: dice.choice(choices) for name, choices in ENGLISH.items()}

    def together(self, column: Column, name: str) -> str:
        """Return the amount with its percentage, in brackets or not."""
        share = self.share(column, name)
        if share:
            share = f"{self.gap}({share})" if self.brackets else f" {share}"
        return self.amount(column, name) + share

    def both(self, name: str) -> str:
        """Return a name in both languages."""
        korean, english = KOREAN[name], self.english[name]
        forms = (f"{korean} {english}", f"{korean}({english})", f"{english} {korean}", f"{korean} / {english}")
        return forms[int(self.chance * len(forms))]


def _rows(column: Column) -> list[str]:
    return [name for name in column.names if name != "energy"]


def _by(names: Sequence[str], most: int) -> Iterator[Sequence[str]]:
    """Yield the names, at most `most` at a time."""
    return (names[start : start + most] for start in range(0, len(names), most))


def _banner(board: Board, truth: Truth, maker: Maker, title: str = "") -> None:
    column = truth.columns[0]
    per = f"{column.heading} {maker.amount(column, 'energy')}"
    lines = (per,) if column.heading.startswith("총") else (f"총 내용량 {truth.total:,} g", per)
    board.banner(title or maker.title, *lines, dark=maker.dark)


def _bilingual(board: Board, truth: Truth, maker: Maker) -> None:
    _banner(board, truth, maker, f"{maker.title} Nutrition Facts")
    column = truth.columns[0]
    board.table(
        [
            [
                Cell(maker.both(name), bold=maker.bold),
                Cell(maker.amount(column, name), right=True),
                Cell(maker.share(column, name), right=True),
            ]
            for name in _rows(column)
        ],
        across=maker.rules if maker.brackets else 0,
    )
    board.paragraph(maker.reference, scale=0.9)


def _leaders(board: Board, truth: Truth, maker: Maker) -> None:
    column, long = truth.columns[0], board.type.long
    board.paragraph(f"{maker.title} ({column.heading})")
    for name in column.names:
        start, end = f"{maker.bullet}{KOREAN[name]} ", f" {maker.together(column, name)}"
        room = board.across - long(start + end)
        board.paragraph(start + maker.leader * max(2, int(room / long(maker.leader)) - 1) + end)
    board.paragraph(maker.reference, scale=0.9)


def _broken(board: Board, truth: Truth, maker: Maker) -> None:
    column = truth.columns[0]
    facts = [f"{KOREAN[name]} {maker.together(column, name)}" for name in column.names]
    board.paragraph(f"{maker.title} {column.heading} {maker.between.join(facts)}")
    board.paragraph("1일 영양성분 기준치에 대한 비율(%)")


def _units(board: Board, truth: Truth, maker: Maker) -> None:
    column = truth.columns[0]
    _banner(board, truth, maker)
    unit = "{}({})" if maker.chance < 0.6 else "{} [{}]"
    rows = [[Cell(maker.title), Cell("함량", right=True), Cell("기준치 비율(%)", right=True)]]
    for name in _rows(column):
        bare = f"{column.below[name]} 미만" if name in column.below else column.values[name]
        share = str(column.percent[name]) if name in column.percent else ""
        rows.append([Cell(unit.format(KOREAN[name], UNITS[name])), Cell(bare, right=True), Cell(share, right=True)])
    board.table(rows, across=maker.rules, down=maker.rules if maker.brackets else 0)
    board.paragraph(maker.reference, scale=0.9)


def _transposed(board: Board, truth: Truth, maker: Maker) -> None:
    column = truth.columns[0]
    _banner(board, truth, maker)
    for names in _by(_rows(column), 5 if maker.chance < 0.5 else 4):
        rows = [[Cell(KOREAN[name], bold=maker.bold) for name in names]]
        if maker.brackets:
            rows.append([Cell(maker.together(column, name)) for name in names])
        else:
            rows += [[Cell(form(column, name)) for name in names] for form in (maker.amount, maker.share)]
        board.table(rows, across=maker.rules, down=maker.rules)
    board.paragraph(maker.reference, scale=0.9)


def _cells(board: Board, truth: Truth, maker: Maker) -> None:
    column = truth.columns[0]
    _banner(board, truth, maker)
    whole = maker.chance < 0.6

    def group(name: str) -> list[Cell]:
        if whole:
            return [Cell(f"{KOREAN[name]} {maker.amount(column, name)}  {maker.share(column, name)}", bold=maker.bold)]
        parts = (maker.amount(column, name), maker.share(column, name))
        return [Cell(KOREAN[name], bold=True), *(Cell(part, right=True) for part in parts)]

    rows = [[cell for name in names for cell in group(name)] for names in _by(_rows(column), 3)]
    board.table(rows, across=maker.rules, down=maker.rules if whole else 0)
    board.paragraph(maker.reference, scale=0.8)


def _imported(board: Board, truth: Truth, maker: Maker) -> None:
    board.banner(f"{maker.title} Nutrition Information", f"총 내용량 {truth.total:,} g", dark=maker.dark)
    headings = [Cell(column.heading, right=True) for column in truth.columns]
    rows = [[Cell(""), *headings, Cell("%" if maker.chance < 0.5 else "기준치(%)", right=True)]]
    for name in truth.columns[0].names:
        cells = [Cell(_foreign(column, name, maker), right=True) for column in truth.columns]
        start = {"sugar": "당류 of which sugars", "energy": "열량 Energy"}.get(name, maker.both(name))
        rows.append([Cell(start), *cells, Cell(maker.share(truth.columns[-1], name), right=True)])
    board.table(rows, across=maker.rules, down=maker.rules if maker.brackets else 0)


def _foreign(column: Column, name: str, maker: Maker) -> str:
    if name == "energy" and maker.chance < 0.7:
        kcal = column.values[name].replace(",", "")
        return f"{round(float(kcal) * _KJ):,} kJ / {column.values[name]} kcal"
    if name in column.below and maker.chance < 0.5:
        return f"<{column.below[name]}{maker.gap}{UNITS[name]}"
    return maker.amount(column, name)


def _sticker(board: Board, truth: Truth, maker: Maker) -> None:
    column = truth.columns[0]
    facts = [f"{KOREAN[name]} {maker.together(column, name)}" for name in column.names]
    board.paragraph(f"{maker.title}: {column.heading} {maker.between.join(facts)}")
    board.paragraph("수입원: 한빛무역(주) / 원산지: 독일 / 소비기한: 제품 측면 표기일까지")


def _around(board: Board, truth: Truth, maker: Maker, body: Callable[[Board, Truth, Maker], None]) -> None:
    """Draw the other texts of a package, before and after the figures."""
    listed = ", ".join(printed for printed, _ in truth.ingredients)
    board.paragraph(f"제품명: {truth.product}")
    board.paragraph(f"식품유형: {maker.kind}")
    board.paragraph(f"원재료명: {listed}")
    board.paragraph(maker.allergens)
    board.space()
    body(board, truth, maker)
    for line in maker.small:
        board.paragraph(line, scale=0.9)


# A form's width in letters of its type, its number of quantities, and the function that draws its figures.
FORMS: dict[str, tuple[tuple[int, int], int, Callable[[Board, Truth, Maker], None]]] = {
    "bilingual": ((26, 34), 1, _bilingual),
    "leaders": ((20, 30), 1, _leaders),
    "broken": ((12, 20), 1, _broken),
    "units": ((22, 32), 1, _units),
    "transposed": ((44, 54), 1, _transposed),
    "cells": ((36, 46), 1, _cells),
    "imported": ((40, 50), 2, _imported),
    "sticker": ((26, 40), 1, _sticker),
}


def drawn(form: str, truth: Truth, dice: random.Random, face: Face, size: int) -> Image.Image:
    """Return a whole label in one of the forms, dark on white."""
    widths, _, body = FORMS[form]
    size = round(size / _NARROWEST)  # larger type, which stays as legible when it is made narrow
    board = Board(Type(face, size, tracking=dice.choice((-1.0, 0.0, 0.0))), size * dice.randint(*widths))
    _around(board, truth, Maker(dice), body)
    return board.sheet(dice.uniform(_NARROWEST, 1.0))
