"""Accept what a model says about a label only as far as the label's own text confirms it.

A model may misread, invent, or do what a sentence printed on the label tells it to. So a number has to stand in the
text (or follow from a printed share of the daily value), names have to be made of what is printed, and figures that
contradict each other are dropped. When most of what the model said had to go, the label counts as unreadable.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from decodeat.analysis import ingredients, legibility, product
from decodeat.analysis import text as plain_text
from decodeat.analysis.consistency import consistent
from decodeat.analysis.figure import Figure, Trust, shares
from decodeat.analysis.label import Kind, Label, Reading, understand
from decodeat.analysis.numbers import parse, plain
from decodeat.analysis.nutrients import BY_NAME, NAMES
from decodeat.analysis.pair import contradict, pages

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?|\.\d+")
_LETTERS = re.compile(r"[^가-힣A-Za-z0-9]")
_GRAMS = {"g": Decimal(1), "mg": Decimal("0.001"), "µg": Decimal("0.000001"), "ug": Decimal("0.000001")}
_SURE_LABEL = 3  # figures that our own rules find in a text: more than a text has by chance
_MOST_NAMES = 300  # ingredients; the longest lists have a hundred
_PAIRS_ALIKE = 0.6  # share of a name's pairs of letters that the text has: a reader's slip, not an invention


@dataclass(frozen=True)
class Amount:
    """Hold a printed figure as the model gives it: number, unit, and the printed share of the daily value in %."""

    number: str
    unit: str
    percent: int | None = None


@dataclass(frozen=True)
class Extraction:
    """Hold a model's whole answer. `kinds` has one entry for each picture; `amounts` is by the contract's names."""

    kinds: tuple[Kind, ...]
    same_product: bool
    product_name: str | None
    amounts: Mapping[str, Amount]
    ingredients: tuple[str, ...]


def labels(said: Extraction, readings: Sequence[Reading]) -> tuple[tuple[Label, ...], Label | None]:
    """Return a label with the kind of each picture, and the checked label when they show one product, else None."""
    kinds = [_kind(kind, reading) for kind, reading in zip(said.kinds, readings, strict=True)]
    alone = tuple(Label(kind) for kind in kinds)
    seen = [reading for kind, reading in zip(kinds, readings, strict=True) if kind is Kind.LABEL]
    if not seen or (len(seen) > 1 and not (said.same_product and _agree(seen))):
        return alone, None
    whole = _checked(said, "\n".join(text for reading in seen for text in reading.passes))
    if whole.kind is not Kind.LABEL:
        return tuple(Label(whole.kind) if one.kind is Kind.LABEL else one for one in alone), None
    return alone, whole


def _agree(readings: Sequence[Reading]) -> bool:
    """Return whether our own rules read nothing different on both pictures, whatever the model says."""
    one, two = pages([understand(reading) for reading in readings], readings)
    return not contradict(one, two)


def _kind(said: Kind, reading: Reading) -> Kind:
    """Return the model's kind, but UNREADABLE for OTHER if our rules find a label's headings or figures."""
    if said is Kind.OTHER and (
        legibility.shows_a_label(reading.passes) or len(understand(reading).figures) >= _SURE_LABEL
    ):
        return Kind.UNREADABLE
    return said


def _checked(said: Extraction, text: str) -> Label:
    even = plain_text.even(text)
    numbers = {number for printed in _NUMBER.findall(even) if (number := parse(printed)) is not None}
    figures = {name: _figure(amount, name, numbers) for name, amount in said.amounts.items()}
    found = {name: figure for name, figure in figures.items() if figure is not None}
    kept = consistent(found)
    if said.amounts and 2 * len(kept) < len(said.amounts):
        return Label(Kind.UNREADABLE)
    printed = _Letters.of(even)
    named = product.clean(said.product_name or "")
    names = dict.fromkeys(name for item in said.ingredients for name in ingredients.split(item))
    label = Label(
        Kind.LABEL,
        named if named and printed.has(named) else None,
        {name: plain(kept[name].value) if name in kept else None for name in NAMES},
        tuple(name for name in list(names)[:_MOST_NAMES] if printed.has(name)),
    )
    return label if label.figures or label.ingredients else Label(Kind.UNREADABLE)


def _figure(amount: Amount, name: str, numbers: set[Decimal]) -> Figure | None:
    """Return the amount in the contract's unit; None when the text does not confirm it."""
    nutrient = BY_NAME[name]
    number = parse(amount.number.strip())
    value = None if number is None else _converted(number, amount.unit.strip(), nutrient.unit)
    if number is None or value is None:
        return None
    share = amount.percent if amount.percent is not None and Decimal(amount.percent) in numbers else None
    agrees = share is not None and nutrient.daily is not None and abs(shares(value, nutrient.daily) - share) <= 1
    if share is not None and nutrient.daily is not None and not agrees:
        return None
    if number not in numbers and not agrees:
        return None
    return Figure(value, Trust.CONFIRMED if agrees else Trust.PLAIN)


def _converted(number: Decimal, unit: str, wanted: str) -> Decimal | None:
    """Convert to the wanted unit; None for units of different kinds, and for kJ to kcal: these are printed apart."""
    given = unicodedata.normalize("NFKC", unit).lower().replace("μ", "µ")
    if given == wanted:
        return number
    if given not in _GRAMS or wanted not in _GRAMS:
        return None
    return number * _GRAMS[given] / _GRAMS[wanted]


@dataclass(frozen=True)
class _Letters:
    """Hold a text's letters and digits alone, and every pair of neighbours among them."""

    whole: str
    pairs: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, text: str) -> "_Letters":
        bare = _LETTERS.sub("", text).lower()
        return cls(bare, frozenset(pairwise(bare)))

    def has(self, name: str) -> bool:
        """Return whether the text has the name, ignoring gaps, punctuation and a few misread letters."""
        bare = _LETTERS.sub("", name).lower()
        if bare in self.whole:
            return bool(bare)
        pairs = list(pairwise(bare))
        return len(pairs) > 1 and sum(pair in self.pairs for pair in pairs) >= _PAIRS_ALIKE * len(pairs)
