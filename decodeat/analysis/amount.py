"""Find the numbers that a misread amount may stand for, likeliest first."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from decodeat.analysis.numbers import parse

_AMOUNT = re.compile(r"(?P<number>[\d.,]*\d)(?P<suffix>.*)")
# What a unit that stands apart from its number is read as; anything longer is the next column's figure.
APART = {"g": re.compile(r"[0-9A-Za-z&¢음응용으]|¢g"), "mg": re.compile(r"[0-9A-Za-z]{2,3}")}
_GRAM = re.compile(r"g|¢g?")  # ¢ is hardly ever anything but a g that lost its tail
_LONGEST = 12  # characters of a number; the largest that a label prints, misread unit included, has eight


@dataclass(frozen=True)
class Tier:
    """Hold candidates that are equally likely. `clean`: number and unit were read as they should be printed."""

    values: tuple[Decimal, ...]
    clean: bool = False


def candidates(words: list[str], unit: str) -> Iterator[Tier]:
    """Yield the numbers that the words may stand for, likeliest first."""
    found = _AMOUNT.fullmatch(words[0]) if words else None
    if found is None:
        return
    number, suffix = found["number"], found["suffix"]
    if len(number) > _LONGEST:
        return
    apart = not suffix and len(words) > 1 and APART[unit].fullmatch(words[1]) is not None
    if re.fullmatch(r"0[1-57]", number) and not (suffix or apart):
        return  # a g is not read as these: a point was lost, or more
    if re.fullmatch(r"0\d", number) and not suffix and not (apart and not words[1].isdecimal()):
        apart = False
        number, suffix = "0", number[1]  # no number begins so: the digit was a unit
    suffix = words[1] if apart else suffix
    plain = suffix.lower().rstrip(",.")
    if plain == unit or (unit == "g" and _GRAM.fullmatch(plain)):
        values = values_of([number])
        if not all(printable(value, unit) for value in values):
            return  # another sign was read as a digit, and no candidate is likelier than the others
        yield from [Tier(values, clean=True)] if values else []
        # A g may be seen twice, first as a 9: "79g" is 7.9 g or 7 g.
        orders = [_slips(number) + (_cut(number, 1) if unit == "g" and number[-1] == "9" else [])]
    elif apart and unit == "g" and "." in number:
        yield from (Tier(values, clean=True) for values in [values_of([number])] if values)
        orders = [_slips(number)]
    elif suffix:
        stems = [number, *(_cut(number, 1) if unit == "mg" and not apart else [])]
        orders = [stems, _slips(number)]
    else:
        kept = (1,) if unit == "g" else (2, 3, 1)
        stems = [stem for digits in kept for stem in _cut(number, digits)]
        orders = [stems, [slip for stem in stems for slip in _slips(stem)], [number, *_slips(number)]]
    for order in orders:
        values = tuple(value for value in values_of(order) if printable(value, unit))
        yield from [Tier(values)] if values else []


def values_of(texts: list[str]) -> tuple[Decimal, ...]:
    return tuple(dict.fromkeys(value for text in texts if (value := parse(text)) is not None))


def printable(value: Decimal, unit: str) -> bool:
    """Return whether labels print such a value: whole milligrams, and at most tenths of a gram.

    More decimals are what was left of the unit.
    """
    return int(value.as_tuple().exponent) >= (-1 if unit == "g" else 0)


def _cut(number: str, digits: int) -> list[str]:
    """Return the number without its last digits, which were a unit."""
    stem = number[:-digits]
    return [stem] if stem[-1:].isdigit() else []


def _slips(number: str) -> list[str]:
    """Return other numbers that are misread as this one, all equally likely.

    A decimal point that was lost, or a first digit that was doubled: a thousands separator is often seen as that.
    """
    pointed = [f"{number[:i]}.{number[i:]}" for i in range(1, len(number))] if number.isdecimal() else []
    return pointed + ([number[1:]] if len(number) > 1 and number[0] == number[1] else [])
