"""The eleven figures of a label, from several readings of the same text: null rather than wrong."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from decodeat.analysis import text
from decodeat.analysis.consistency import least, plausible, without_contradictions
from decodeat.analysis.figure import Figure, Trust, less_than, read
from decodeat.analysis.numbers import parse, plain
from decodeat.analysis.nutrients import BY_NAME, NAMES, PATTERN

_ENERGY = re.compile(r"(?<![\d.,])(\d[\d,]*(?:\.\d{3})?(?: \d{1,2})?)\s?k\s?[ce][a-z0-9!|]{0,3}", re.IGNORECASE)
_REFERENCE = re.compile(r"기준|2,?000\s?k")  # the daily energy that shares refer to, not the label's own
# What a line's last figure may go on with in the next: the rest of it and no more than that.
_REST = re.compile(
    r"[\dOo.,]*\s?(?:m?g|[^\s가-힣\d(]{1,2}|\d{1,3})?\s?\(\s?\d{1,3}\s?%|[\dOo.,]*\s?m?g\b|[\d,]+\s?kcal|미?만"
)
# 지방 stands alone only at the beginning or after the end of another figure; else it is what is left of 포화지방.
_BEFORE_FAT = re.compile(r"(?:^|[%),.:;·ㆍ*•>\-\n]|[\dOo]\s?(?:m?[g¢]|kcal)?)$")
_NEAR = 20  # signs before a number of kcal that may say whose it is
_CLOSE, _LOOSE = Decimal("0.1"), Decimal("0.2")  # that energy may differ from 4/4/9; fibre and sweeteners have less
_TRANS_FAT = 10  # g; no label has as much, and a lost decimal point makes as much of any figure from 1.0 g on

# What one reading says of each nutrient; None where it is printed as "less than".
Found = dict[str, Figure | None]


def figures(passes: Sequence[str]) -> dict[str, str | None]:
    """All eleven as plain decimals or None. `passes` are readings of the same label, in any order."""
    texts = [text.lines(one) for one in passes]
    readings = [_figures("\n".join(map(text.closed, lines))) for lines in texts]
    agreed = {name: figure for name in NAMES if name != "energy" and (figure := _agreed(name, readings))}
    believed = {name: figure for name, figure in agreed.items() if name != "trans_fat" or figure.value < _TRANS_FAT}
    values = {name: figure.value for name, figure in without_contradictions(believed).items()}
    # A gram that is "less than one" counts as none: it is within what rounding allows for.
    burnt = {name: Decimal(0) for reading in readings for name, figure in reading.items() if figure is None} | values
    energy = _energy([_energies(lines) for lines in texts], burnt)
    if energy is not None:
        values["energy"] = energy
    return {name: plain(values[name]) if name in values else None for name in NAMES}


def _figures(whole: str) -> Found:
    """The best figure for each nutrient in one reading."""
    found: Found = {}
    names = [one for one in PATTERN.finditer(whole) if one.lastgroup != "fat" or _is_fat(whole, one.start())]
    ends = [name.start() for name in names[1:]] + [len(whole)]
    for name, end in zip(names, ends, strict=False):
        nutrient = BY_NAME[str(name.lastgroup)]
        if nutrient.name == "energy":
            continue
        window = _window(whole[name.end() : end])
        figure = read(window, nutrient)
        known = found.get(nutrient.name)
        if figure is not None and (known is None or figure.trust > known.trust):
            found[nutrient.name] = figure
        elif known is None and less_than(window):
            found[nutrient.name] = None
    return found


def _is_fat(whole: str, start: int) -> bool:
    return _BEFORE_FAT.search(whole[max(0, start - 12) : start].rstrip(" ")) is not None


def _window(following: str) -> str:
    """What follows a name in its line, and in the next where the figure is cut in two by the line's end."""
    line, _, others = following.partition("\n")
    below = others.partition("\n")[0]
    rest = _REST.match(below)
    if rest is None or "%" in line:
        return line
    # With nothing at all behind the name, the next line goes on with it only in a sentence of figures. Where names and
    # amounts are read as columns, it is the first name's.
    sentence = "(" in rest.group() or below[rest.end() :].lstrip().startswith(",")
    return f"{line} {rest.group()}" if line.strip() or sentence else line


def _agreed(name: str, readings: Sequence[Found]) -> Figure | None:
    """What the readings agree on, weighing what the label itself confirms above what merely was read."""
    seen = [reading[name] for reading in readings if name in reading]
    figures = [figure for figure in seen if figure is not None]
    if not figures or len(figures) < len(seen):
        return None
    best = max(figure.trust for figure in figures)
    values = Counter(figure.value for figure in figures if figure.trust == best)
    if best >= Trust.REPAIRED or len(readings) == 1:
        value = _leading(values)
        return Figure(value, best) if value is not None and best > Trust.GUESSED else None
    # Nothing on the label confirms it: then two must have read it cleanly, or all must allow for it and for no other.
    shared = [value for value in values if all(value in figure.possible for figure in figures)]
    if best == Trust.PLAIN and len(values) == 1 and values.total() > 1:
        shared = list(values)
    return Figure(shared[0], best) if len(shared) == 1 and len(figures) > 1 else None


def _leading(values: Counter[Decimal]) -> Decimal | None:
    """The only value, or the one that more readings have than any other."""
    (value, count), *others = values.most_common(2)
    return value if not others or count > others[0][1] else None


@dataclass(frozen=True)
class _Energy:
    """A number of kcal. `labelled`: it follows 열량 or "100 g당", and is not the whole package's."""

    value: Decimal
    labelled: bool


def _energies(lines: Sequence[str]) -> list[_Energy]:
    """Every number of kcal in one reading, in order, but the reference of 2,000 kcal a day."""
    found = []
    for line in map(text.closed, lines):
        for one in _ENERGY.finditer(line):
            before = line[max(0, one.start() - _NEAR) : one.start()]
            if _REFERENCE.search(one.group() + line[one.end() : one.end() + 8]):
                continue
            labelled = re.search(r"(?:열\S?|칼로리|에너지|당|[&%]|&t|get?)[)\]\s:'’]*$", before) is not None
            number = one[1].replace(".", ",")  # no label has thousandths of a kcal
            for text_ in dict.fromkeys((number.replace(" ", ""), number.split()[-1])):
                value = parse(text_)
                if value is not None:
                    found.append(_Energy(value, labelled))
    return found


def _energy(readings: Sequence[Sequence[_Energy]], values: Mapping[str, Decimal]) -> Decimal | None:
    """The first number of kcal that agrees with the label's own carbohydrate, protein and fat.

    Where none does closely, or one of the three is unknown: the first labelled one, if two readings have it.
    """
    candidates = sorted((one for reading in readings for one in reading), key=lambda one: not one.labelled)
    complete = all(name in values for name in ("carbohydrate", "protein", "fat"))
    close = next((one.value for one in candidates if complete and plausible(one.value, values, _CLOSE)), None)
    if close is not None:
        return close
    firsts = {labelled[0].value for reading in readings if (labelled := [one for one in reading if one.labelled])}
    if len(firsts) != 1:
        return None
    first = firsts.pop()
    witnesses = sum(any(one.value == first for one in reading) for reading in readings)
    possible = plausible(first, values, _LOOSE) if complete else first >= least(values)
    return first if possible and witnesses >= min(2, len(readings)) else None
