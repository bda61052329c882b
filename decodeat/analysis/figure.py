"""One printed figure: which numbers its misread text may stand for, and which of them its own % confirms.

Readers break units: "79g" comes back as "799", "125mg" as "12579". The label prints each figure twice, as an amount
and as a share of the daily value; of the candidates (79, 7.9, 799) only one rounds to the printed share.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import IntEnum

from decodeat.analysis.numbers import parse, plain
from decodeat.analysis.nutrients import Nutrient

_WORD = re.compile(r"[^\s()\[\]{}<>:;/·]+")
_AMOUNT = re.compile(r"(?P<number>[\d.,]*\d)(?P<suffix>.*)")
_ALIKE = re.compile(r"[\dliIOoS!|.,]+(?=m?[g¢]\b|m?[g¢]$)")  # what looks like digits, before a unit
_DIGITS = str.maketrans("liI!|OoS", "11111005")
_SHARE = re.compile(r"(\d{1,3})%.*")
# What may stand between a nutrient's name and its amount: the name in English, leaders, the unit of a whole column.
# It has no digits, except English in brackets misread as digits, and no word of three Korean letters.
_BRACKET = re.compile(r"\s*[(\[][^()\[\]%]{5,}[)\]](?=\W*[\d<lIO])")
_BETWEEN = re.compile(
    r"(?:[^\d가-힣<≤〈«]|[가-힣]{1,2}(?![가-힣])){0,40}?"
    r"(?=[\d<≤〈«]|(?<![A-Za-z.,])[OlIS](?:[.,]?[OlIS])?\s?m?g(?![A-Za-z])|(?<![A-Za-z.,])[OolIiS]{1,2}[.,]?\d)"
)
# What may have been a first digit, right before the others: a letter or two, or any sign before a point.
_CUT_OFF = re.compile(r"(?<![A-Za-z가-힣])(?![mg])[A-Za-z]{1,2}$|[^\s.,·…ㆍᆞ\-–—_~=:;가-힣][.,]$")
_LETTER_FIRST = re.compile("[A-Za-z]+[0-9]")  # "l2": 12, or 2 behind what is left of a rule
_LEADERS = re.compile(
    r"\s*(?:(?:[.·…ㆍᆞ\-–—_~=]\s?){2,}[^\d\n]*?|(?:[가-힣]?[아-잏]){3,}[가-힣]?\s?)(?=\d|[OlI]{1,2}\s?m?g)"  # or 아아어
)
# The rest of a partly misread name: it is no number, and a number with its unit follows.
_REMNANT = re.compile(r"\s*(?=\S{0,3}[^\d\s.,])(?![\dOolI.,]+m?[g¢])[^\s%<]{1,4}\s+(?=\d[\d.,]*\s?m?g(?![A-Za-z]))")
_SURE_ENGLISH = re.compile(
    r"[^%g\n]{0,8}?(?:Total|Carb|Sod|Sug|Prot|Chol|Calc|Diet|Fib|Satur|Trans|which|Fat(?![a-z]))[A-Za-z]*\)?(?=\W*[\dA-Z<])"
)
_UNIT_FIRST = re.compile(
    r"\s*(?:[^\s\d]{0,2}[\[({][^\s%]{1,4}[\])}]|[^\s\d]{0,3}\(?m?g[)\]}]|[\[({][^\s\d%]{1,3}(?=\s))\s*(?=[\d<.])"
)
_GLUED = re.compile(r"(\d+\.\d\d+)%")
_BARE_SHARE = re.compile(r"\s+(\d{1,3})\s*$")
_FIRST = re.compile(r"\s*[\[({]\s?(?:m?g|[079]{1,3}|0?[mn][90g])\s?[\])}][\s:]*(?P<amount>[\d.,]*\d)(?![\d.,]*\s?m?g)")
_GLUED = re.compile(r"(\d+\.\d\d+)%")
_BARE_SHARE = re.compile(r"\s+(\d{1,3})\s*$")
_FIRST = re.compile(r"\s*[\dlIOo.,]+(?:\s?m?[g¢](?![A-Za-z])|[^\s\d(]{1,2}(?=\s|$)|\s[^\s\d.,]{1,2}(?=\s|$))?")
_LAST = re.compile(r"(?:[<≤〈«({]\s?)?[\dOol][\d.,]*\s?(?:m?[g¢]|[^\s\d]{1,2}|\d{1,2})?(?:\s?미\s?만)?\s*$")
_AMOUNTS = re.compile(r"(?<![\d.,])\d[\d.,]*\s?m?g(?![A-Za-z])")
# An opening bracket before an amount that never closes is a misread "<".
_LESS = re.compile(
    r"\s*[({]\s?\d[\d.,]*\s?[^\s\d)%]{0,2}\s*$|\s*[<≤〈«]\s?\d|\W*미만|[^가-힣\d]*\d[\d.,]*\s?[^\s%]{0,3}?\s?(?:미만|미|만)(?![가-힣])"
)
# What a unit that stands apart from its number is read as; anything longer is the next column's figure.
_APART = {"g": re.compile(r"[0-9A-Za-z&¢음응용으]|¢g"), "mg": re.compile(r"[0-9A-Za-z]{2,3}")}
_GRAM = re.compile(r"g|¢g?")  # a g that lost its tail is hardly ever anything else
_WIDEST = 5  # words of a window that are looked at
_LONGEST = 12  # characters of a number; the largest that a label prints, misread unit included, has eight

_LETTERS = re.compile(r"[A-Za-z|\]\[]{2,}\S?")  # behind an amount this may be what was made of "less than"


class Trust(IntEnum):
    """How much speaks for a value."""

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


@dataclass(frozen=True)
class Form:
    """Describe the layout of a whole label's figures.

    `side_by_side`: amounts for several quantities share one percentage, which belongs to the last of them.
    `units_first`: the units are beside the names, and amounts and percentages are bare numbers.
    """

    side_by_side: bool = False
    units_first: bool = False


PLAIN_FORM = Form()


def less_than(window: str, form: Form = PLAIN_FORM) -> bool:
    """Whether what follows a nutrient's name is "less than 1 g", which is no number."""
    text = _opened(window)
    shown = (_last(text),) if form.side_by_side else (window, text)
    return any(_LESS.match(_even(one)) for one in shown)


def read(window: str, nutrient: Nutrient, form: Form = PLAIN_FORM) -> Figure | None:
    """The g or mg at the start of the text that follows a nutrient's name; None when they can't be told."""
    if less_than(window, form):
        return None
    window = _with_unit(window, nutrient.unit) if form.units_first else _opened(window)
    if form.side_by_side:
        window = _last(window)
    elif several(window):
        window = _first(window)
    words = _words(window)
    if not words:
        return None
    number = _with_digits(words[0])
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


def unit_first(window: str) -> bool:
    """Return whether a unit in brackets comes before the number."""
    return _UNIT_FIRST.match(window) is not None


def share(window: str) -> int | None:
    """Return the first printed percentage that follows a nutrient's name."""
    found = re.search(r"(?<!\d)(\d{1,3})%", _even(window))
    return int(found[1]) if found else None


def seconds(window: str, figure: Figure) -> bool:
    """Return whether another picture shows the same percentage, even joined to the amount: "1.897%" for 1.8 g."""
    if figure.share is None:
        return False
    glued = rf"{re.escape(plain(figure.value))}\S{{0,2}}\s?\(?{figure.share}\s?%"
    return share(window) == figure.share or re.match(glued, _even(_opened(window))) is not None


def borne_out(figure: Figure, nutrient: Nutrient) -> bool:
    """Return whether the percentage confirms every digit: one more or less in the last digit would change it."""
    step = Decimal(10) ** int(figure.value.as_tuple().exponent)
    if figure.share is None or nutrient.daily is None or not figure.value:
        return False
    around = (figure.value - step, figure.value + step)
    return shares(figure.value, nutrient.daily) == figure.share not in {shares(one, nutrient.daily) for one in around}


def runs_together(figure: Figure, other: Figure) -> bool:
    """Return whether another picture shows a figure's amount and percentage as one number, or the percentage alone.

    It has "17" for 1 and 7, or 7.
    """
    together = f"{plain(figure.value)}{figure.share}"
    return figure.share is not None and plain(other.value) in {together, str(figure.share)}


def _opened(window: str) -> str:
    """Return the text after a name, from the amount on."""
    text = window
    for pattern in (_BRACKET, _LEADERS, _SURE_ENGLISH, _REMNANT, _BETWEEN):
        found = pattern.match(text)
        if found is not None:
            bare = re.search(r"(?:^|\s)\.$", found.group()) is not None  # ".5" is a number
            text = text[found.end() - bare :] if not _CUT_OFF.search(found.group()) else ""
    return text


def _with_unit(window: str, unit: str) -> str:
    """Return the window of a table with bare numbers, "(mg) 279 14", in the usual form: "279mg 14%"."""
    text = _opened(_UNIT_FIRST.sub("", window, count=1) if unit_first(window) else window)
    found = re.match(r"[\d.,]*\d(?![\d.,]*\s?m?g)", text)
    if found is None or "%" in text or _LESS.match(_even(text)):
        return text
    return found.group() + unit + _BARE_SHARE.sub(r" \1%", text[found.end() :])


def several(window: str) -> bool:
    """Return whether more than one amount comes before the first percentage."""
    return len(_AMOUNTS.findall(_even(window).partition("%")[0])) > 1


def _last(window: str) -> str:
    """Return the last amount before the percentage, with the percentage."""
    before, percent, _ = _even(window).partition("%")
    share = re.search(r"\s\(?\d{1,3}$", before) if percent else None
    found = _LAST.search(before[: share.start()] if share else before)
    return f"{found.group()}{share.group() + percent if share else ''}" if found else ""


def of_the_last(window: str, nutrient: Nutrient) -> bool | None:
    """Return whether the percentage is that of the last amount; None without one, or if it fits none or all amounts."""
    percent = share(window)
    if percent is None or nutrient.daily is None:
        return None
    fits = [
        shares(figure.value, nutrient.daily) == percent
        for text in (_first(_opened(window)), _last(_opened(window)).partition("(")[0].rsplit(" ", 1)[0])
        if (figure := read(text, nutrient)) is not None
    ]
    return fits[1] if len(fits) == 2 and fits[0] != fits[1] else None


def _first(window: str) -> str:
    """Return the first amount alone, with its unit."""
    found = _FIRST.match(_even(window))
    return found.group() if found else ""


def _read(words: list[str], nutrient: Nutrient) -> Figure | None:
    position, share = _share(words)
    if position == 0 or (share is not None and nutrient.daily is None):  # that is a percentage of another row
        return None
    if _GLUED.match(words[0]):
        return _glued(words[0], nutrient)
    tiers = list(_candidates(words[:position], nutrient.unit))
    if not tiers or any(_LETTERS.fullmatch(word) for word in words[2:position]):
        return None
    possible = frozenset(value for tier in tiers for value in tier.values)
    if share is not None and nutrient.daily is not None:
        return _confirmed(tiers, share, nutrient.daily, nutrient.unit, possible)
    if nutrient.daily is not None and position == len(words):
        shorter = list(_candidates(words[:-1], nutrient.unit))
        weakly = [_confirmed(shorter, weak, nutrient.daily, nutrient.unit, possible) for weak in _weak_shares(words)]
        found = {figure.value for figure in weakly if figure}
        if len(found) == 1:
            return Figure(found.pop(), Trust.REPAIRED, possible.union(*(tier.values for tier in shorter)))
    best = tiers[0]
    if len(best.values) != 1:
        return None
    return Figure(best.values[0], Trust.PLAIN if best.clean else Trust.GUESSED, possible)


def shares(value: Decimal, daily: Decimal) -> int:
    """The whole percentage of the daily value that is printed beside a value."""
    return int((value * 100 / daily).quantize(Decimal(1), ROUND_HALF_UP))


@dataclass(frozen=True)
class _Tier:
    """Candidates that are equally likely. `clean`: number and unit stand there as they should."""

    values: tuple[Decimal, ...]
    clean: bool = False


def _even(window: str) -> str:
    """With zeros as such where a unit proves them, "5 %" as one word, and no gaps inside numbers."""
    text = re.sub(r"(?<![A-Za-z\d])[Oo](?=\s?m?g\b|\.\d)", "0", window)
    text = re.sub(r"(?<=[g¢])(?=\d{1,3}\s?%)", " ", re.sub(r"(?<=\d)\s+%", "%", text))
    text = re.sub(r"(?<=[g¢])\.(?=\s)", "", text)
    return re.sub(r"(?<=\d) ?([.,]) (?=\d)|(?<=\d) ([.,])(?=\d)", lambda m: m[1] or m[2], text)


def _words(window: str) -> list[str]:
    """The first words of a window."""
    text = _even(window)
    return [word.strip(",") for word in _WORD.findall(text) if word.strip(",.")][:_WIDEST]


def _with_digits(word: str) -> str:
    """A number before a unit, with the digits that some of its letters are."""
    found = _ALIKE.match(word)
    return found.group().translate(_DIGITS) + word[found.end() :] if found else word


def _share(words: list[str]) -> tuple[int, int | None]:
    """Where the first word with a % sign stands, and its number; the end and None without one."""
    for position, word in enumerate(words):
        found = _SHARE.fullmatch(word)
        if found:
            return position, int(found[1])
        if position and not re.search(r"[\dA-Za-z]", word) and not _APART["g"].fullmatch(word):
            return position, None
    return len(words), None


def _weak_shares(words: list[str]) -> list[int]:
    """What a last bare number may be: a share whose % sign was lost, or was read as one more digit or two."""
    last = words[-1]
    if not 1 < len(words) < _WIDEST or not re.fullmatch(r"\d{1,4}", last):
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
        for value in _values([amount])
        if _printable(value, nutrient.unit) and shares(value, nutrient.daily) == int(percent)
    }
    if len(fitting) != 1:
        return None
    ((value, percentage),) = fitting.items()
    return Figure(value, Trust.REPAIRED, frozenset(fitting), share=percentage)


def _candidates(words: list[str], unit: str) -> Iterator[_Tier]:
    """What the words may stand for, likeliest first."""
    found = _AMOUNT.fullmatch(words[0]) if words else None
    if found is None:
        return
    number, suffix = found["number"], found["suffix"]
    if len(number) > _LONGEST:
        return
    apart = not suffix and len(words) > 1 and _APART[unit].fullmatch(words[1]) is not None
    if re.fullmatch(r"0[1-57]", number) and not (suffix or apart):
        return  # a g is not read as these: a point was lost, or more
    if re.fullmatch(r"0\d", number) and not suffix and not (apart and not words[1].isdecimal()):
        apart = False
        number, suffix = "0", number[1]  # no number begins so: the digit was a unit
    suffix = words[1] if apart else suffix
    plain = suffix.lower().rstrip(",.")
    if plain == unit or (unit == "g" and _GRAM.fullmatch(plain)):
        values = _values([number])
        if not all(_printable(value, unit) for value in values):
            return  # a digit was made of something else, and none is likelier than the next
        yield from [_Tier(values, clean=True)] if values else []
        # A g may be seen twice, first as a 9: "79g" is 7.9 g or 7 g.
        orders = [_slips(number) + (_cut(number, 1) if unit == "g" and number[-1] == "9" else [])]
    elif apart and unit == "g" and "." in number:
        yield from (_Tier(values, clean=True) for values in [_values([number])] if values)
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
    stem = number[:-digits]
    return [stem] if stem[-1:].isdigit() else []


def _slips(number: str) -> list[str]:
    """Other numbers that are misread as this one, none likelier than the next.

    A decimal point that was lost, or a first digit that was doubled: a thousands separator is often seen as that.
    """
    pointed = [f"{number[:i]}.{number[i:]}" for i in range(1, len(number))] if number.isdecimal() else []
    return pointed + ([number[1:]] if len(number) > 1 and number[0] == number[1] else [])


def _confirmed(
    tiers: list[_Tier], share: int, daily: Decimal, unit: str, possible: frozenset[Decimal]
) -> Figure | None:
    """The only candidate of the first tier where the share fits; else the only one where it nearly does."""
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
    """Whether the share was taken of what the value was before it was rounded."""
    step = Decimal(10) ** int(value.as_tuple().exponent)
    if unit == "mg" and value % 5 == 0:
        step = Decimal(10) if value > 120 and value % 10 == 0 else Decimal(5)  # as the standard rounds them
    return shares(max(Decimal(0), value - step / 2), daily) <= share <= shares(value + step / 2, daily)
