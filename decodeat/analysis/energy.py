"""Find a label's energy: the number of kcal that carbohydrate, protein and fat confirm, or that both pictures show."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from decodeat.analysis import text
from decodeat.analysis.consistency import SOURCES, fewest, least, plausible
from decodeat.analysis.numbers import parse
from decodeat.analysis.passes import WITNESSES, by_picture
from decodeat.analysis.window import Form

# No letter directly before it, since that may be a misread digit.
_NUMBER = r"(?<![\d.,A-Za-z])(?P<{}>\d[\d,]*(?:\.\d{{3}})?(?: \d{{1,2}})?)\s?"
# The number after "100 g당" is one of kcal, however its unit is read.
_ENERGY = re.compile(
    rf"{_NUMBER.format('sure')}k\s?(?:[ce][a-z0-9!|]{{0,3}}|[가-힣](?![가-힣]))"
    rf"|(?<=당)\s?{_NUMBER.format('likely')}(?:(?!m[gl]|[oli])[a-z]{{2,4}}|[^\s\d()oli]?[^\s\d().,]{{1,4}}$)",
    re.IGNORECASE | re.MULTILINE,
)
_LABELLED = re.compile(
    r"(?:열\S?|칼로리|에너지|당|[&%]|&t|get?|Energy|Calories|100\s?g\S?)[)\]\s:'’.·…ㆍᆞ\-–—_~=]*(?:[\d,]+\s?kj?\s?[/|]?\s?)?$",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"기준|2,?000\s?k")  # the daily energy that percentages refer to, not the label's own
_BEFORE = 120  # characters before the number that are searched
_CLOSE, _LOOSE = Decimal("0.1"), Decimal("0.2")  # allowed difference from 4/4/9 kcal/g; fibre and sweeteners have less


@dataclass(frozen=True)
class Energy:
    """Hold a number of kcal. `labelled`: it follows 열량 or "100 g당", and is not the whole package's."""

    value: Decimal
    labelled: bool


def found(lines: Sequence[str], form: Form) -> list[Energy]:
    """Return every number of kcal in one reading, in order, except the reference of 2,000 kcal a day.

    Of numbers side by side, the last is for the quantity that the other figures are for.
    """
    energies: list[Energy] = []
    line_of_last = -1
    whole = "\n".join(map(text.closed, lines))
    for one in _ENERGY.finditer(whole):
        after = whole[one.end() :].partition("\n")[0]
        if _REFERENCE.search(one.group() + after[:8]):
            continue
        line, before = whole.count("\n", 0, one.start()), line_of_last
        line_of_last = line
        if form.side_by_side and (_ENERGY.search(after) or line != before):
            continue
        labelled = form.side_by_side or _LABELLED.search(whole[max(0, one.start() - _BEFORE) : one.start()]) is not None
        number = (one["sure"] or one["likely"]).replace(".", ",")  # no label has thousandths of a kcal
        for digits in dict.fromkeys((number.replace(" ", ""), number.split()[-1])):
            value = parse(digits)
            if value is not None:
                energies.append(Energy(value, labelled))
    return energies


def agreed(readings: Sequence[Sequence[Energy]], values: Mapping[str, Decimal]) -> Decimal | None:
    """Return the energy that carbohydrate, protein and fat confirm, unless a picture contradicts it.

    Where they confirm none, or one of the three is unknown: the first labelled energy, if two pictures have it.

    `readings`: one for each pass over the label, in the order that `by_picture` expects.
    """
    pictures = [
        sorted((one for reading in part for one in reading), key=lambda one: not one.labelled)
        for part in by_picture(readings)
    ]
    complete = all(name in values for name in SOURCES)
    if complete:
        close = [[one for one in part if plausible(one.value, values, _CLOSE)] for part in pictures]
        if any(close):
            return _alike([part for part in close if part])
    firsts = {labelled[0] for part in pictures if (labelled := [one.value for one in part if one.labelled])}
    if len(firsts) != 1 or sum(any(one.value in firsts for one in part) for part in pictures) < WITNESSES:
        return None
    first = firsts.pop()
    possible = plausible(first, values, _LOOSE) if complete else first >= least(values)
    return first if possible else None


def denied(readings: Sequence[Sequence[Energy]], values: Mapping[str, Decimal]) -> bool:
    """Return whether two pictures show an energy below that of the known carbohydrate, protein and fat."""
    shown = [{one.value for reading in part for one in reading} for part in by_picture(readings)[:WITNESSES]]
    alike = len(shown) == WITNESSES and shown[0] == shown[1]
    return alike and bool(shown[0]) and all(value < fewest(values) for value in shown[0])


def _alike(pictures: Sequence[Sequence[Energy]]) -> Decimal | None:
    """Return the first number that all pictures have; where only one has any, its only number.

    Where a picture has labelled numbers, it must be one of these: that of the whole package may be nearly the same.
    """
    shown = [{one.value for one in part} for part in pictures]
    labelled = [{one.value for one in part if one.labelled} for part in pictures]
    if len(pictures) == 1 and len(shown[0]) > 1:
        return None
    alike = set.intersection(*shown, *filter(None, labelled))
    return next((one.value for one in pictures[0] if one.value in alike), None)
