"""One printed figure: which numbers its misread text may stand for, and which of them its own % confirms.

Readers break units: "79g" comes back as "799", "125mg" as "12579". The label prints each figure twice, as an amount
and as a share of the daily value; of the candidates (79, 7.9, 799) only one rounds to the printed share.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import IntEnum

from decodeat.analysis.numbers import parse
from decodeat.analysis.nutrients import Nutrient

_WORD = re.compile(r"[^\s()\[\]{}<>:;/·]+")
_AMOUNT = re.compile(r"(?P<number>[\d.,]*\d)(?P<suffix>.*)")
_SHARE = re.compile(r"(\d{1,3})%.*")
# What a unit that stands apart from its number is read as; anything longer is the next column's figure.
_APART = {"g": re.compile(r"[0-9A-Za-z&]"), "mg": re.compile(r"[0-9A-Za-z]{2,3}")}
_WIDEST = 5  # words of a window that are looked at


class Trust(IntEnum):
    """How much speaks for a value."""

    GUESSED = 0  # the unit was misread and nothing confirms the number
    PLAIN = 1  # number and unit were read, nothing confirms them
    REPAIRED = 2  # the unit was misread, the printed share confirms one candidate alone
    CONFIRMED = 3  # number and unit were read, and the printed share agrees


@dataclass(frozen=True)
class Figure:
    value: Decimal
    trust: Trust


def read(window: str, nutrient: Nutrient) -> Figure | None:
    """The figure at the start of the text that follows a nutrient's name; None when it can't be told."""
    words = _words(window)
    if not words or "미만" in window[:16]:
        return None  # "less than 1 g" is no number
    position, share = _share(words)
    if position == 0:
        return None
    tiers = list(_candidates(words[:position], nutrient.unit))
    if not tiers:
        return None
    if share is not None and nutrient.daily is not None:
        return _confirmed(tiers, share, nutrient.daily)
    weak = _weak_share(words)
    if weak is not None and nutrient.daily is not None:
        shorter = list(_candidates(words[:-1], nutrient.unit))
        found = _confirmed(shorter, weak, nutrient.daily)
        if found is not None:
            return Figure(found.value, min(found.trust, Trust.REPAIRED))
    best = tiers[0]
    return Figure(best.values[0], Trust.PLAIN if best.clean else Trust.GUESSED) if len(best.values) == 1 else None


def shares(value: Decimal, daily: Decimal) -> int:
    """The whole percentage of the daily value that is printed beside a value."""
    return int((value * 100 / daily).quantize(Decimal(1), ROUND_HALF_UP))


@dataclass(frozen=True)
class _Tier:
    """Candidates that are equally likely. `clean`: number and unit stand there as they should."""

    values: tuple[Decimal, ...]
    clean: bool = False


def _words(window: str) -> list[str]:
    """The first words of a window, O and o as the zeros they are before a unit, "5 %" as one word."""
    text = re.sub(r"(?<![A-Za-z\d])[Oo](?=\s?m?g\b|\.\d)", "0", window)
    text = re.sub(r"(?<=\d)\s+%", "%", text)
    text = re.sub(r"(?<=\d) ?([.,]) (?=\d)|(?<=\d) ([.,])(?=\d)", lambda m: m[1] or m[2], text)
    return [word.strip(",") for word in _WORD.findall(text) if word.strip(",.")][:_WIDEST]


def _share(words: list[str]) -> tuple[int, int | None]:
    """Where the first word with a % sign stands, and its number; the end and None without one."""
    for position, word in enumerate(words):
        found = _SHARE.fullmatch(word)
        if found:
            return position, int(found[1])
        if position and not re.search(r"[\dA-Za-z]", word):
            return position, None
    return len(words), None


def _weak_share(words: list[str]) -> int | None:
    """A last bare number: a share whose % sign was lost."""
    last = words[-1]
    return int(last) if 1 < len(words) < _WIDEST and re.fullmatch(r"\d{1,3}", last) else None


def _candidates(words: list[str], unit: str) -> Iterator[_Tier]:
    """What the words may stand for, likeliest first."""
    found = _AMOUNT.fullmatch(words[0]) if words else None
    if found is None:
        return
    number, suffix = found["number"], found["suffix"]
    apart = not suffix and len(words) > 1 and _APART[unit].fullmatch(words[1]) is not None
    suffix = words[1] if apart else suffix
    if suffix.lower().rstrip(",.") == unit:
        values = _values([number])
        yield from [_Tier(values, clean=True)] if values else []
        orders = [_slips(number)]
    elif suffix:
        stems = [number, *(_cut(number, 1) if unit == "mg" and not apart else [])]
        orders = [stems, _slips(number)]
    else:
        kept = (1,) if unit == "g" else (2, 3, 1)
        stems = [stem for digits in kept for stem in _cut(number, digits)]
        orders = [stems, [slip for stem in stems for slip in _slips(stem)], [number]]
    for order in orders:
        values = tuple(value for value in _values(order) if _printable(value, unit))
        yield from [_Tier(values)] if values else []


def _values(texts: list[str]) -> tuple[Decimal, ...]:
    return tuple(dict.fromkeys(value for text in texts if (value := parse(text)) is not None))


def _printable(value: Decimal, unit: str) -> bool:
    """Labels print whole milligrams and at most tenths of a gram; more decimals are what was left of the unit."""
    return int(value.as_tuple().exponent) >= (-1 if unit == "g" else 0)


def _cut(number: str, digits: int) -> list[str]:
    """The number without its last digits, which were a unit."""
    stem = number[:-digits].rstrip(".,")
    return [stem] if stem else []


def _slips(number: str) -> list[str]:
    """Other numbers that are misread as this one, none likelier than the next.

    A decimal point that was lost, or a first digit that was doubled: a thousands separator is often seen as that.
    """
    pointed = [f"{number[:i]}.{number[i:]}" for i in range(1, len(number))] if number.isdecimal() else []
    return pointed + ([number[1:]] if len(number) > 1 and number[0] == number[1] else [])


def _confirmed(tiers: list[_Tier], share: int, daily: Decimal) -> Figure | None:
    """The only candidate of the first tier where the share fits."""
    for tier in tiers:
        fitting = [value for value in tier.values if shares(value, daily) == share]
        if len(fitting) == 1:
            return Figure(fitting[0], Trust.CONFIRMED if tier.clean else Trust.REPAIRED)
        if fitting:
            return None
    return _nearly(tiers, share, daily)


def _nearly(tiers: list[_Tier], share: int, daily: Decimal) -> Figure | None:
    """A cleanly read value whose share was taken before the value was rounded, and so is one off."""
    value = tiers[0].values[0]
    step = (
        Decimal(5) if value % 5 == 0 and value >= 5 and daily >= 300 else Decimal(10) ** int(value.as_tuple().exponent)
    )
    low, high = shares(max(Decimal(0), value - step / 2), daily), shares(value + step / 2, daily)
    return Figure(value, Trust.CONFIRMED) if tiers[0].clean and low <= share <= high else None
