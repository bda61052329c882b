"""The eleven figures of a label, from several readings of the same text: null rather than wrong."""

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from decodeat.analysis import text
from decodeat.analysis.figure import Figure, Trust, read
from decodeat.analysis.numbers import parse, plain
from decodeat.analysis.nutrients import BY_NAME, NAMES, PATTERN

_ENERGY = re.compile(r"(?<![\d.,])(\d[\d,]*)\s?k\s?ca[l1I!i|]", re.IGNORECASE)
_REFERENCE = re.compile(r"기준|2,?000\s?k")  # the daily energy that shares refer to, not the label's own
_SLACK = Decimal("0.6")  # g; two rounded figures may contradict each other by this much
_PARTS = (("carbohydrate", ("sugar",)), ("fat", ("sat_fat", "trans_fat")))

Found = dict[str, Figure]


def figures(passes: Sequence[str]) -> dict[str, str | None]:
    """All eleven as plain decimals or None. `passes` are readings of the same label, in any order."""
    readings = [_figures(text.lines(one)) for one in passes]
    agreed = {name: figure for name in NAMES if name != "energy" and (figure := _agreed(name, readings))}
    possible = _without_contradictions(agreed)
    values = {name: figure.value for name, figure in possible.items()}
    energy = _energy([_energies(text.lines(one)) for one in passes], values)
    if energy is not None:
        values["energy"] = energy
    return {name: plain(values[name]) if name in values else None for name in NAMES}


def _figures(lines: Iterable[str]) -> Found:
    """The best figure for each nutrient in one reading."""
    found: Found = {}
    for line in map(text.closed, lines):
        names = list(PATTERN.finditer(line))
        ends = [name.start() for name in names[1:]] + [len(line)]
        for name, end in zip(names, ends, strict=False):
            nutrient = BY_NAME[str(name.lastgroup)]
            window = line[name.end() : end]
            figure = read(window, nutrient) if nutrient.name != "energy" else None
            if figure is not None and (nutrient.name not in found or figure.trust > found[nutrient.name].trust):
                found[nutrient.name] = figure
    return found


def _agreed(name: str, readings: Sequence[Found]) -> Figure | None:
    """What the readings agree on, weighing what the label itself confirms above what merely was read."""
    seen = [reading[name] for reading in readings if name in reading]
    if not seen:
        return None
    best = max(figure.trust for figure in seen)
    values = {figure.value for figure in seen if figure.trust == best}
    if len(values) != 1:
        return None
    value = values.pop()
    if best >= Trust.REPAIRED:
        return Figure(value, best)
    alone = len(seen) < 2 or any(figure.value != value for figure in seen)
    if alone and not (value == 0 and len(seen) > 1):
        return None
    return Figure(value, best)


def _without_contradictions(found: Found) -> Found:
    """Drop figures that can't be true together: a part that is larger than the whole."""
    kept = dict(found)
    for whole, parts in _PARTS:
        present = [part for part in parts if part in kept]
        if whole not in kept or sum((kept[p].value for p in present), Decimal(0)) <= kept[whole].value + _SLACK:
            continue
        weakest = min(kept[name].trust for name in (whole, *present))
        for name in (whole, *present):
            if kept[name].trust == weakest:
                del kept[name]
    return kept


def _energies(lines: Iterable[str]) -> list[Decimal]:
    """Every number of kcal in one reading, in order, but the reference of 2,000 kcal a day."""
    found = []
    for line in lines:
        if _REFERENCE.search(line) and "열량" not in line[:4]:
            continue
        found += [number for text_ in _ENERGY.findall(line) if (number := parse(text_)) is not None]
    return found


def _energy(readings: Sequence[Sequence[Decimal]], values: Mapping[str, Decimal]) -> Decimal | None:
    """The first number of kcal that agrees with the label's own carbohydrate, protein and fat."""
    candidates = list(dict.fromkeys(number for reading in readings for number in reading))
    known = [values[name] for name in ("carbohydrate", "protein", "fat") if name in values]
    if len(known) == 3:
        return next((number for number in candidates if _plausible(number, values)), None)
    firsts = [reading[0] for reading in readings if reading]
    if len(firsts) < 2 or len(set(firsts)) != 1:
        return None
    least = _burnt(values) * Decimal("0.93") - 5
    return firsts[0] if firsts[0] >= least else None


def _plausible(energy: Decimal, values: Mapping[str, Decimal]) -> bool:
    """4 kcal a gram of carbohydrate and protein, 9 of fat, 2 less for fibre; a tenth or 10 kcal for rounding."""
    most = _burnt(values)
    least = most - 2 * values.get("dietary_fiber", Decimal(0))
    slack = max(Decimal(10), most / 10)
    return least - slack <= energy <= most + slack


def _burnt(values: Mapping[str, Decimal]) -> Decimal:
    nothing = Decimal(0)
    carbohydrate, protein = values.get("carbohydrate", nothing), values.get("protein", nothing)
    return 4 * carbohydrate + 4 * protein + 9 * values.get("fat", nothing)
