"""Find the largest quantity that a label's figures may be for: the package, a serving or 100 g."""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from decodeat.analysis.numbers import parse

# Where the unit is misread, the number comes out too large rather than too small.
_QUANTITY = re.compile(
    r"(?<![\d.,])(?P<number>\d[\d,]*(?:\.\d+)?)\s?(?P<unit>kg|g|mL|L|[^\s(당]{1,2})?(?P<each>\s?\)?\s?당)?",
    re.IGNORECASE,
)
_STATED = re.compile(r"(?:내용량|중량|제공량|분량|Net|serving)\D{0,6}$", re.IGNORECASE)
_BEFORE = 16  # characters before a number that may say what it is a quantity of
_UNKNOWN = Decimal(1000)  # g, where no quantity is read; larger packages state their figures for 100 g
_LEAST = Decimal(100)  # g; a smaller quantity may be that of a serving, beside figures for 100 g


def largest(readings: Sequence[Sequence[str]]) -> Decimal:
    """Return the most grams or millilitres that figures may be for."""
    stated = [number for lines in readings for line in lines for number in _of(line)]
    return max([*stated, _LEAST]) if stated else _UNKNOWN


def _of(line: str) -> Iterator[Decimal]:
    for one in _QUANTITY.finditer(line):
        number = parse(one["number"])
        if number is not None and (one["each"] or _STATED.search(line[max(0, one.start() - _BEFORE) : one.start()])):
            yield number * (1000 if (one["unit"] or "").lower() in {"kg", "l"} else 1)
