"""Decide whether two pictures show one product: what both have must agree; what only one has completes the other."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum

from decodeat.analysis import ingredients, text
from decodeat.analysis.label import Label, Reading
from decodeat.analysis.nutrients import names_pattern

_NAMES_ALIKE = 0.7  # share of equal letters; readers misread a letter here and there
_ITEMS_ALIKE = 0.75  # the same for an ingredient, which is shorter
_MAKERS_DIFFER = 0.5  # makers' names and addresses are long, and misread in more places
_FEWEST_FIGURES = 3  # figures that are not zero: different products share zeros
_LISTS_AGREE, _LISTS_DIFFER = 0.7, 0.35  # share of the shorter list in the longer one; most have salt and sugar
_FEWEST_ITEMS, _MOST_ITEMS = 3, 40  # ingredients that are compared, each with every other
_TABLE = re.compile(r"영양\s*정보|영양\s*성분|nutrition\s*facts", re.IGNORECASE)
_ROWS = 3  # named nutrients that make a text a table
_QUANTITY = re.compile(r"(?:내\s*용\s*량|중\s*량)\s*[:;]?\s*(\d[\d,]*(?:\.\d+)?)\s?(kg|g|mg|ml|l)\b", re.IGNORECASE)
_MAKER = re.compile(
    r"(제\s*조\s*원|제\s*조\s*업\s*소|판\s*매\s*원|유통\s*전문\s*판매원|업\s*소\s*명)\s*[:;]?\s*(.{2,60})"
)
_LETTERS = re.compile(r"[^가-힣A-Za-z0-9]")


@dataclass(frozen=True)
class Page:
    """Hold one picture's text, and what was understood from it alone."""

    label: Label
    reading: Reading


class Verdict(Enum):
    """State whether one part of two labels agrees. UNKNOWN where it is not on both, or not read on both."""

    AGREE = 1
    UNKNOWN = 2
    DIFFER = 3


def same_product(one: Page, two: Page) -> bool:
    """Return whether nothing differs, and something agrees if the table or the list is on both pictures.

    So two labels, one of whose names was not read, are not taken for one product just because nothing contradicts it.
    """
    if contradict(one, two):
        return False
    if any(part(one, two) is Verdict.AGREE for part in (_names, _tables, _lists)):
        return True
    return not any(carries(one) and carries(two) for carries in (_has_table, _has_list))


def contradict(one: Page, two: Page) -> bool:
    """Return whether something that was read on both pictures differs."""
    return any(part(one, two) is Verdict.DIFFER for part in (_names, _tables, _lists, _makers, _quantities))


def _names(one: Page, two: Page) -> Verdict:
    left, right = (page.label.product_name for page in (one, two))
    if not left or not right:
        return Verdict.UNKNOWN
    left, right = left.lower(), right.lower()
    alike = left in right or right in left or _ratio(left, right) >= _NAMES_ALIKE
    return Verdict.AGREE if alike else Verdict.DIFFER


def _tables(one: Page, two: Page) -> Verdict:
    """Compare the tables: two thirds must be equal, since an unreadable figure is null and a few may be misread."""
    left, right = one.label.figures, two.label.figures
    common = [name for name in left if name in right and (left[name], right[name]) != ("0", "0")]
    equal = sum(left[name] == right[name] for name in common)
    if equal * 3 < len(common) * 2:
        return Verdict.DIFFER
    return Verdict.AGREE if equal >= _FEWEST_FIGURES else Verdict.UNKNOWN


def _lists(one: Page, two: Page) -> Verdict:
    """Compare the lists by order too: ingredients are sorted by weight, so those of one label keep their order."""
    short, long = sorted((page.label.ingredients[:_MOST_ITEMS] for page in (one, two)), key=len)
    if len(short) < _FEWEST_ITEMS:
        return Verdict.UNKNOWN
    places = [at for name in short if (at := _place(name, long)) is not None]
    if len(places) < _LISTS_DIFFER * len(short):
        return Verdict.DIFFER
    return Verdict.AGREE if _ascending(places) >= _LISTS_AGREE * len(short) else Verdict.UNKNOWN


def _place(name: str, names: Sequence[str]) -> int | None:
    if name in names:
        return names.index(name)
    return next((at for at, other in enumerate(names) if _ratio(name, other) >= _ITEMS_ALIKE), None)


def _ascending(places: Sequence[int]) -> int:
    """Return the length of the longest subsequence in which each place is larger than the one before."""
    ends: list[int] = []  # for each length, the smallest last place
    for place in places:
        at = bisect_left(ends, place)
        ends[at : at + 1] = [place]
    return len(ends)


def _makers(one: Page, two: Page) -> Verdict:
    """Compare what follows the same heading only: maker and seller may be two companies."""
    left, right = (dict(_agreed(page.reading, _maker_lines)) for page in (one, two))
    common = [(left[heading], right[heading]) for heading in left if heading in right]
    differ = any(a not in b and b not in a and _ratio(a, b) < _MAKERS_DIFFER for a, b in common)
    return Verdict.DIFFER if differ else Verdict.UNKNOWN


def _quantities(one: Page, two: Page) -> Verdict:
    left, right = (set(_agreed(page.reading, _quantities_in)) for page in (one, two))
    return Verdict.DIFFER if left and right and left.isdisjoint(right) else Verdict.UNKNOWN


def _has_table(page: Page) -> bool:
    return bool(page.label.figures) or any(map(_shows_table, page.reading.passes))


def _shows_table(one: str) -> bool:
    """Return whether nutrients begin rows. Inside a Korean word they are ingredients, such as 탄산칼슘."""
    lines = [text.closed(line) for line in text.lines(one)]
    named = [(line, found) for line in lines for found in names_pattern().finditer(line)]
    rows = {found.lastgroup for line, found in named if not text.KOREAN.match(line[: found.start()][-1:])}
    return len(rows) >= _ROWS or (bool(rows) and any(map(_TABLE.search, lines)))


def _has_list(page: Page) -> bool:
    return bool(page.label.ingredients) or any(map(ingredients.section_of, page.reading.passes))


def _agreed(reading: Reading, printed: Callable[[str], Iterator[tuple[str, str]]]) -> set[tuple[str, str]]:
    """Return what all passes with such a text agree on, so that a misread quantity makes no other product."""
    shown = [found for one in reading.passes if (found := set(printed(one)))]
    return set.intersection(*shown) if shown else set()


def _quantities_in(one: str) -> Iterator[tuple[str, str]]:
    for line in text.lines(one):
        for number, unit in _QUANTITY.findall(line):
            yield number.replace(",", ""), unit.lower()


def _maker_lines(one: str) -> Iterator[tuple[str, str]]:
    for line in text.lines(one):
        for heading, rest in _MAKER.findall(line):
            name = _LETTERS.sub("", rest).lower()
            if len(name) > 1:
                yield re.sub(r"\s", "", heading), name


def _ratio(one: str, two: str) -> float:
    return SequenceMatcher(None, one, two, autojunk=False).ratio()


def pages(labels: Sequence[Label], readings: Sequence[Reading]) -> list[Page]:
    return [Page(label, reading) for label, reading in zip(labels, readings, strict=True)]
