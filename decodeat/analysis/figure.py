"""Read one printed figure: find the numbers that its text may stand for, and the one that its own % confirms.

Readers break units: "79g" comes back as "799", "125mg" as "12579". The label prints each figure twice, as an amount
and as a share of the daily value; of the candidates (79, 7.9, 799) only one rounds to the printed share.
"""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import IntEnum

from decodeat.analysis.amount import APART, Tier, candidates, printable, values_of
from decodeat.analysis.numbers import plain
from decodeat.analysis.nutrients import Nutrient
from decodeat.analysis.window import (
    PLAIN_FORM,
    WIDEST,
    Form,
    even,
    first,
    last,
    less_than,
    opened,
    several,
    share,
    with_digits,
    with_unit,
    words_of,
)

_SHARE = re.compile(r"(\d{1,3})%.*")
_LETTER_FIRST = re.compile("[A-Za-z]+[0-9]")  # "l2": 12, or 2 behind what is left of a rule
_GLUED = re.compile(r"(\d+\.\d\d+)%")
_LETTERS = re.compile(r"[A-Za-z|\]\[]{2,}\S?")  # behind an amount this may be what was made of "less than"


class Trust(IntEnum):
    """Rank how well a value is supported."""

    GUESSED = 0  # the unit was misread and nothing confirms the number
    PLAIN = 1  # number and unit were read, nothing confirms them
    REPAIRED = 2  # the unit was misread, the printed share confirms one candidate alone
    CONFIRMED = 3  # number and unit were read, and the printed share agrees


@dataclass(frozen=True)
class Figure:
    """Hold an amount as read. `possible`: all values that the same text may mean.

    `printed` is that text, from the amount on. `share` is the percentage beside it.
    """

    value: Decimal
    trust: Trust
    possible: frozenset[Decimal] = frozenset()
    printed: str = ""
    share: int | None = None


def read(window: str, nutrient: Nutrient, form: Form = PLAIN_FORM) -> Figure | None:
    """Return the amount (g or mg) that follows a nutrient's name; None for "less than" or what can't be told."""
    if less_than(window, form):
        return None
    window = with_unit(window, nutrient.unit) if form.units_first else opened(window)
    if form.side_by_side:
        window = last(window)
    elif several(window):
        window = first(window)
    words = words_of(window)
    if not words:
        return None
    number = with_digits(words[0])
    found = _read([number, *words[1:]], nutrient)
    if found is None:
        return None
    trust = found.trust if number == words[0] else _doubted(found.trust)
    if trust < Trust.REPAIRED and _LETTER_FIRST.match(words[0]):
        return None
    return Figure(found.value, trust, found.possible, " ".join(words[:2]), found.share or share(window))


def _doubted(trust: Trust) -> Trust:
    """Return the trust in a number some of whose digits were read as letters."""
    return Trust.REPAIRED if trust >= Trust.REPAIRED else Trust.GUESSED


def seconds(window: str, figure: Figure) -> bool:
    """Return whether another picture shows the same percentage, even joined to the amount: "1.897%" for 1.8 g."""
    if figure.share is None:
        return False
    glued = rf"{re.escape(plain(figure.value))}\S{{0,2}}\s?\(?{figure.share}\s?%"
    return share(window) == figure.share or re.match(glued, even(opened(window))) is not None


def borne_out(figure: Figure, nutrient: Nutrient) -> bool:
    """Return whether the percentage confirms every digit: one more or less in the last digit would change it."""
    step = Decimal(10) ** int(figure.value.as_tuple().exponent)
    if figure.share is None or nutrient.daily is None or not figure.value:
        return False
    around = (figure.value - step, figure.value + step)
    return shares(figure.value, nutrient.daily) == figure.share not in {shares(one, nutrient.daily) for one in around}


def runs_together(figure: Figure, other: Figure) -> bool:
    """Return whether another picture shows a figure's amount and percentage as one number, or the percentage alone.

    For 1 g and 7 % it then has "17" or "7".
    """
    together = f"{plain(figure.value)}{figure.share}"
    return figure.share is not None and plain(other.value) in {together, str(figure.share)}


def of_the_last(window: str, nutrient: Nutrient) -> bool | None:
    """Return whether the percentage is that of the last amount; None without one, or if it fits none or all amounts."""
    percent = share(window)
    if percent is None or nutrient.daily is None:
        return None
    fits = [
        shares(figure.value, nutrient.daily) == percent
        for text in (first(opened(window)), last(opened(window)).partition("(")[0].rsplit(" ", 1)[0])
        if (figure := read(text, nutrient)) is not None
    ]
    return fits[1] if len(fits) == 2 and fits[0] != fits[1] else None


def _read(words: list[str], nutrient: Nutrient) -> Figure | None:
    position, share = _share(words)
    if position == 0 or (share is not None and nutrient.daily is None):  # that is a percentage of another row
        return None
    if _GLUED.match(words[0]):
        return _glued(words[0], nutrient)
    tiers = list(candidates(words[:position], nutrient.unit))
    if not tiers or any(_LETTERS.fullmatch(word) for word in words[2:position]):
        return None
    possible = frozenset(value for tier in tiers for value in tier.values)
    if share is not None and nutrient.daily is not None:
        return _confirmed(tiers, share, nutrient.daily, nutrient.unit, possible)
    if nutrient.daily is not None and position == len(words):
        shorter = list(candidates(words[:-1], nutrient.unit))
        weakly = [_confirmed(shorter, weak, nutrient.daily, nutrient.unit, possible) for weak in _weak_shares(words)]
        found = {figure.value for figure in weakly if figure}
        if len(found) == 1:
            return Figure(found.pop(), Trust.REPAIRED, possible.union(*(tier.values for tier in shorter)))
    best = tiers[0]
    if len(best.values) != 1:
        return None
    return Figure(best.values[0], Trust.PLAIN if best.clean else Trust.GUESSED, possible)


def shares(value: Decimal, daily: Decimal) -> int:
    """Return the whole percentage of the daily value that is printed beside a value."""
    return int((value * 100 / daily).quantize(Decimal(1), ROUND_HALF_UP))


def _share(words: list[str]) -> tuple[int, int | None]:
    """Return where the first word with a % sign stands, and its number; the end and None without one."""
    for position, word in enumerate(words):
        found = _SHARE.fullmatch(word)
        if found:
            return position, int(found[1])
        if position and not re.search(r"[\dA-Za-z]", word) and not APART["g"].fullmatch(word):
            return position, None
    return len(words), None


def _weak_shares(words: list[str]) -> list[int]:
    """Return what a last bare number may be: a share whose % sign was lost, or was read as one more digit or two."""
    last = words[-1]
    if not 1 < len(words) < WIDEST or not re.fullmatch(r"\d{1,4}", last):
        return []
    return [int(last[:length]) for length in range(len(last), 0, -1) if length <= 3]


def _glued(word: str, nutrient: Nutrient) -> Figure | None:
    """Split an amount joined to its misread unit and percentage, if only one split fits: "4.187%" is 4.1 g, 7 %.

    A number without a point may be a percentage alone.
    """
    found = _GLUED.match(word)
    if found is None or nutrient.daily is None or nutrient.unit != "g":
        return None
    text = found[1]
    splits = [(text[: len(text) - unit - size], text[len(text) - size :]) for unit in (0, 1) for size in (1, 2, 3)]
    fitting = {
        value: int(percent)
        for amount, percent in splits
        if percent.isdecimal() and (len(percent) == 1 or percent[0] != "0")
        for value in values_of([amount])
        if printable(value, nutrient.unit) and shares(value, nutrient.daily) == int(percent)
    }
    if len(fitting) != 1:
        return None
    ((value, percentage),) = fitting.items()
    return Figure(value, Trust.REPAIRED, frozenset(fitting), share=percentage)


def _confirmed(tiers: list[Tier], share: int, daily: Decimal, unit: str, possible: frozenset[Decimal]) -> Figure | None:
    """Return the only candidate of the first tier where the share fits; else the only one where it nearly does."""
    for tier in tiers:
        fitting = [value for value in tier.values if shares(value, daily) == share]
        if len(fitting) == 1:
            return Figure(fitting[0], Trust.CONFIRMED if tier.clean else Trust.REPAIRED, possible)
        if fitting:
            return None
    for tier in tiers:
        near = [value for value in tier.values if value and _nearly(value, share, daily, unit)]
        if len(near) == 1:
            return Figure(near[0], Trust.REPAIRED, possible)
        if near:
            return None
    return None


def _nearly(value: Decimal, share: int, daily: Decimal, unit: str) -> bool:
    """Return whether the share was taken of what the value was before it was rounded."""
    step = Decimal(10) ** int(value.as_tuple().exponent)
    if unit == "mg" and value % 5 == 0:
        step = Decimal(10) if value > 120 and value % 10 == 0 else Decimal(5)  # as the standard rounds them
    return shares(max(Decimal(0), value - step / 2), daily) <= share <= shares(value + step / 2, daily)
