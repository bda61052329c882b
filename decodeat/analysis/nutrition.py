"""Derive the eleven figures of a label from several readings of the same text: null rather than wrong."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from decodeat.analysis import energy, quantity, text
from decodeat.analysis.consistency import (
    PARTS,
    SOURCES,
    possible,
    without_contradictions,
    without_excess,
    without_unconfirmed,
)
from decodeat.analysis.figure import (
    Figure,
    Trust,
    borne_out,
    of_the_last,
    read,
    runs_together,
    seconds,
)
from decodeat.analysis.numbers import plain
from decodeat.analysis.nutrients import ALWAYS, BY_NAME, NAMES, Nutrient, names_pattern
from decodeat.analysis.passes import WITNESSES, by_picture
from decodeat.analysis.table import rows
from decodeat.analysis.window import Form, less_than, several, unit_first

# A figure that a line's end cuts in two: a pattern of the line's end, and one of the next line's beginning.
_CUT = (
    (
        re.compile(r"[\dOo]$"),
        re.compile(r"m?g(?![A-Za-z])|[A-Za-z¢&@]{1,2}(?=\s?[(,]|\s\d)|\d{1,3}(?=\s?\()|\d\s?,|kcal"),
    ),
    (re.compile(r"[\dOo]\s?(?:m?[g¢]|\S{1,2})?\s?\(?$"), re.compile(r"\(?\s?\d{1,3}\s?%|미?만")),
    (re.compile(r"\(\s?\d{1,3}$|[g¢]\s?\d{1,3}$|\s\d{1,3}$"), re.compile(r"\d{0,2}\s?%")),
    (re.compile(r"[\dOo.,]$"), re.compile(r"[\dOo.,]+\s?m?g?\s?\(")),
)
_AMOUNT = re.compile(
    r"[\dOo.,]+\s?(?:m?g(?![A-Za-z])|[^\s가-힣\d(]{1,2}|\d{1,3})?\s?(?P<share>\(\s?\d{1,3}\s?%|\d{1,3}\s?%)?"
)
# 지방 stands alone only at the beginning or after the end of another figure; else it is what is left of 포화지방.
_BEFORE_FAT = re.compile(
    r"(?:^|[%),.:;·ㆍᆞ*•>/|\-\n]|[\dOo]\s?(?:m?[g¢]|kcal)?|(?:^|\n)\W*(?:Total\s?Fat|Total[가-힣]{0,2}|Fat)[\s/(]*)$"
)

# The number of rows with a layout from which on all rows are taken to have it.
_SIDE_BY_SIDE, _UNITS_FIRST = 2, 3

# What one reading says of each nutrient; None where it is printed as "less than".
Found = dict[str, Figure | None]
Windows = list[tuple[Nutrient, str]]


@dataclass(frozen=True)
class Printed:
    """Hold what the passes over a label show: lines, what follows the names of nutrients, the label's form."""

    lines: tuple[list[str], ...]
    windows: tuple[Windows, ...]
    form: Form


def printed(passes: Sequence[str]) -> Printed:
    """Find the nutrients' names in each pass, and what follows them."""
    lines = tuple(text.lines(one) for one in passes)
    windows = tuple(_windows("\n".join(map(text.closed, rows(one)))) for one in lines)
    return Printed(lines, windows, _form(windows))


def figures(label: Printed) -> dict[str, str | None]:
    """Return all eleven figures by name, as plain decimals or None."""
    readings = [_figures(one, label.form) for one in label.windows]
    shown = [{nutrient.name: window for nutrient, window in reversed(one)} for one in label.windows]
    agreed = {
        name: figure
        for name in NAMES
        if name != "energy" and (figure := _agreed(name, readings, [one.get(name, "") for one in shown]))
    }
    agreed |= _nothing_of_nothing(agreed, readings)
    grams = quantity.largest(label.lines)
    within = possible(agreed, grams)
    kept = without_contradictions(without_excess(within, grams))
    energies = [energy.found(lines, label.form) for lines in label.lines]
    denied = energy.denied(energies, _values(within))
    values = _values(without_unconfirmed(kept, SOURCES) if denied else kept)
    # "Less than 1 g" counts as 0 here: the difference is within what rounding allows for.
    burnt = {name: Decimal(0) for reading in readings for name, figure in reading.items() if figure is None} | values
    kcal = None if denied else energy.agreed(energies, burnt)
    if kcal is not None:
        values["energy"] = kcal
    return {name: plain(values[name]) if name in values else None for name in NAMES}


def missing(label: Printed) -> bool:
    """Return whether a label seems to print more figures than these passes over it tell.

    Those that all Korean labels have count, and those that it names.
    """
    named = {nutrient.name for one in label.windows for nutrient, _ in one}
    below = {nutrient.name for one in label.windows for nutrient, window in one if less_than(window, label.form)}
    values = figures(label)
    return bool(named) and any(values[name] is None for name in (named | ALWAYS) - below)


def _values(found: Mapping[str, Figure]) -> dict[str, Decimal]:
    return {name: figure.value for name, figure in found.items()}


def _form(readings: Sequence[Windows]) -> Form:
    """Return the label's layout, as far as enough rows of one of its readings show it."""
    last = [Counter(of_the_last(window, nutrient) for nutrient, window in one if several(window)) for one in readings]
    return Form(
        side_by_side=sum(one[True] for one in last) > sum(one[False] for one in last)
        and any(one[True] >= _SIDE_BY_SIDE for one in last),
        units_first=any(sum(unit_first(window) for _, window in one) >= _UNITS_FIRST for one in readings),
    )


def _windows(whole: str) -> Windows:
    """Return each named nutrient with the text that follows its name."""
    names = [one for one in names_pattern().finditer(whole) if one.lastgroup != "fat" or _is_fat(whole, one.start())]
    ends = [name.start() for name in names[1:]] + [len(whole)]
    starts = [whole.rfind("\n", 0, name.start()) + 1 for name in names]
    return [
        (BY_NAME[str(name.lastgroup)], _window(whole[start : name.start()], whole[name.end() : end]))
        for name, start, end in zip(names, starts, ends, strict=False)
    ]


def _figures(windows: Windows, form: Form) -> Found:
    """Return the best figure for each nutrient in one reading."""
    found: Found = {}
    for nutrient, window in windows:
        if nutrient.name == "energy":
            continue
        figure = read(window, nutrient, form)
        known = found.get(nutrient.name)
        if figure is not None and (known is None or figure.trust > known.trust):
            found[nutrient.name] = figure
        elif known is None and less_than(window, form):
            found[nutrient.name] = None
    return found


def _is_fat(whole: str, start: int) -> bool:
    return _BEFORE_FAT.search(whole[max(0, start - 16) : start].rstrip(" ")) is not None


def _window(before: str, following: str) -> str:
    """Return the text after a name in its line, and of the next line where the line's end cuts the figure in two.

    `before` is the text before the name in its line.
    """
    line, _, others = following.partition("\n")
    below = others.partition("\n")[0]
    if "%" in line or not below:
        return line
    if any(end.search(line.rstrip()) and start.match(below) for end, start in _CUT):
        return f"{line} {below}"
    if re.search(r"\d", before) and re.search(r"\d\s*$", line):
        return ""  # in a sentence of figures: its unit, or more digits, may be what can't be read in the next line
    # With nothing at all behind the name, the next line goes on with it only in a sentence of figures. Where names and
    # amounts are read as columns, it is the first name's.
    amount = None if line.strip(" :") else _AMOUNT.match(below)
    if amount is None:
        return line
    sentence = (
        re.search(r"\d", before) or "(" in (amount["share"] or "") or below[amount.end() :].lstrip().startswith(",")
    )
    return below if sentence else line


def _agreed(name: str, readings: Sequence[Found], windows: Sequence[str]) -> Figure | None:
    """Return the figure that most pictures of a label show, or one picture's that the label itself confirms.

    None where another picture's different figure is as sure, or a reading shows "less than".
    """
    if any(name in reading and reading[name] is None for reading in readings):
        return None
    stated = [_stated(name, picture) for picture in by_picture(readings)]
    seen = _without_slips([figure for figure in stated if figure is not None])
    if len(seen) < WITNESSES:
        unseen = [
            window for one, part in zip(stated, by_picture(windows), strict=True) if one not in seen for window in part
        ]
        return _alone(seen[0], BY_NAME[name], unseen) if seen else None
    shown = Counter(figure.value for figure in seen)
    best = max(seen, key=lambda figure: (shown[figure.value], figure.trust))
    same, others = ([one for one in seen if (one.value == best.value) is alike] for alike in (True, False))
    if len(same) < WITNESSES or any(one.trust >= min(best.trust, Trust.REPAIRED) for one in others):
        return None
    return best if best.trust >= Trust.PLAIN or _surely(*same[:WITNESSES]) else None


def _without_slips(seen: Sequence[Figure]) -> list[Figure]:
    """Drop figures that differ from a confirmed one by a mere misreading: guesses (unit misread) and joined numbers."""
    confirmed = [figure for figure in seen if figure.trust >= Trust.REPAIRED]
    return [
        one
        for one in seen
        if not any(
            one.value != sure.value
            and one.trust < sure.trust
            and (one.trust is Trust.GUESSED or runs_together(sure, one))
            for sure in confirmed
        )
    ]


def _alone(figure: Figure, nutrient: Nutrient, others: Sequence[str]) -> Figure | None:
    """Return the figure of the only picture that shows one, if the label itself confirms it.

    An amount with a misread unit is confirmed by a percentage that fits only these digits, or that `others` show.
    """
    seconded = borne_out(figure, nutrient) or any(seconds(window, figure) for window in others)
    return figure if figure.trust >= (Trust.REPAIRED if seconded else Trust.CONFIRMED) else None


def _nothing_of_nothing(agreed: Mapping[str, Figure], readings: Sequence[Found]) -> dict[str, Figure]:
    """Return the parts read as 0 and nothing else, which a whole of 0 confirms."""
    parts = [part for whole, names in PARTS if whole in agreed and not agreed[whole].value for part in names]
    found: dict[str, Figure] = {}
    for part in parts:
        seen = [reading[part] for reading in readings if part in reading]
        nothing = [figure for figure in seen if figure is not None and not figure.value]
        if part not in agreed and nothing and len(nothing) == len(seen):
            found[part] = nothing[0]
    return found


def _surely(one: Figure, other: Figure) -> bool:
    """Return whether two equal guesses can't be the same mistake made twice.

    They can't when they come from different text, nor when the last character of a number can only be its unit, which
    each amount has: after a tenth, or after a zero at the beginning.
    """
    return one.printed != other.printed or one.value == 0 or one.value != one.value.to_integral_value()


def _stated(name: str, readings: Sequence[Found]) -> Figure | None:
    """Return the most trusted figure in the readings of one picture, or None where the most trusted differ."""
    seen = [figure for reading in readings if (figure := reading.get(name)) is not None]
    best = max((figure.trust for figure in seen), default=Trust.GUESSED)
    values = {figure.value: figure for figure in seen if figure.trust == best}
    return values.popitem()[1] if len(values) == 1 else None
