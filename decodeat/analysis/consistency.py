"""Drop figures that can't be true: more than the whole quantity, parts above their whole, energy without source."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from decodeat.analysis.figure import Figure, Trust

_SLACK = Decimal("0.6")  # g; two rounded figures may contradict each other by this much
_ROUNDED = Decimal("0.1")  # share by which energy may differ from what its sources give
PARTS = (("carbohydrate", ("sugar",)), ("fat", ("sat_fat", "trans_fat")))
SOURCES = ("carbohydrate", "protein", "fat")
_TRANS_FAT = 10  # g; no label has as much, and a lost decimal point makes as much of any figure from 1.0 g on
# The most milligrams in a gram: sodium in salt, cholesterol in egg yolk powder, calcium in calcium carbonate.
_DENSEST = {"sodium": 400, "cholesterol": 40, "calcium": 400}

Found = Mapping[str, Figure]


def consistent(found: Found) -> dict[str, Figure]:
    """Drop the figures that contradict better founded ones."""
    return _borne_out_by_energy(without_contradictions(found))


def possible(found: Found, quantity: Decimal) -> dict[str, Figure]:
    """Return the figures without those that exceed what that many grams can contain."""
    most = {name: quantity * _DENSEST.get(name, 1) for name in found} | {"trans_fat": Decimal(_TRANS_FAT)}
    return {name: figure for name, figure in found.items() if figure.value <= most[name]}


def without_excess(found: Found, quantity: Decimal) -> dict[str, Figure]:
    """Drop the unconfirmed sources of energy where all exceed that many grams; then all, if the rest still does."""
    kept = dict(found)
    if _together(kept) > quantity + 2 * _SLACK:
        kept = without_unconfirmed(kept, SOURCES)
    if _together(kept) > quantity + 2 * _SLACK:  # nothing on the label shows which of them is wrong
        kept = {name: figure for name, figure in kept.items() if name not in SOURCES}
    return kept


def _together(found: Found) -> Decimal:
    return sum((found[name].value for name in SOURCES if name in found), Decimal(0))


def without_unconfirmed(found: Found, doubtful: Sequence[str]) -> dict[str, Figure]:
    """Drop the doubtful figures that are trusted less than `CONFIRMED`."""
    return {name: figure for name, figure in found.items() if name not in doubtful or figure.trust >= Trust.CONFIRMED}


def without_contradictions(found: Found) -> dict[str, Figure]:
    """Drop the least trusted of a whole and its parts where the parts together are larger than the whole."""
    kept = dict(found)
    for whole, parts in PARTS:
        present = [part for part in parts if part in kept]
        if whole not in kept or sum((kept[p].value for p in present), Decimal(0)) <= kept[whole].value + _SLACK:
            continue
        weakest = min(kept[name].trust for name in (whole, *present))
        for name in (whole, *present):
            if kept[name].trust == weakest:
                del kept[name]
    return kept


def _borne_out_by_energy(found: Found) -> dict[str, Figure]:
    """Drop energy and its sources where they contradict each other, except for `CONFIRMED` sources."""
    values = {name: figure.value for name, figure in found.items()}
    energy = values.get("energy")
    known = all(name in values for name in SOURCES)
    if energy is None or (plausible(energy, values, _ROUNDED) if known else energy >= least(values)):
        return dict(found)
    doubtful = {"energy", *(name for name in SOURCES if name in found and found[name].trust < Trust.CONFIRMED)}
    return {name: figure for name, figure in found.items() if name not in doubtful}


def plausible(energy: Decimal, values: Mapping[str, Decimal], share: Decimal) -> bool:
    """Return whether energy fits its sources: 4 kcal per gram of carbohydrate and protein, 9 of fat, 2 less for fibre.

    For rounding it may differ by that share or by 10 kcal, whichever is more.
    """
    most = _burnt(values)
    slack = max(Decimal(10), most * share)
    return most - 2 * values.get("dietary_fiber", Decimal(0)) - slack <= energy <= most + slack


def least(values: Mapping[str, Decimal]) -> Decimal:
    """Return the least kcal that the known sources give: their sum, less 7 % and 5 kcal."""
    return _burnt(values) * Decimal("0.93") - 5


def fewest(values: Mapping[str, Decimal]) -> Decimal:
    """Return the fewest kcal that a label can state, with allowance for fibre, sweeteners and amounts rounded up."""
    return _burnt(values) * Decimal("0.8") - 2 * values.get("dietary_fiber", Decimal(0)) - 10


def _burnt(values: Mapping[str, Decimal]) -> Decimal:
    nothing = Decimal(0)
    carbohydrate, protein = values.get("carbohydrate", nothing), values.get("protein", nothing)
    return 4 * carbohydrate + 4 * protein + 9 * values.get("fat", nothing)
