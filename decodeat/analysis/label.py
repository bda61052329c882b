"""What is known about one label, and what is decided from it: is it a label, and do two show the same product?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from enum import Enum

from decodeat.analysis import ingredients, legibility, nutrition, product
from decodeat.analysis.nutrients import NAMES


class Kind(Enum):
    """What a picture shows."""

    LABEL = "label"
    OTHER = "other"
    UNREADABLE = "unreadable"


class Flaw(Enum):
    """Why a picture can't be read, as far as that is known."""

    EMPTY = "empty"  # no text was found at all
    BLURRED = "blurred"
    TURNED = "turned"  # its lines run from top to bottom
    SMALL = "small"  # its letters have too few pixels
    UNCLEAR = "unclear"  # text is there, and too little of it can be made out


@dataclass(frozen=True)
class Reading:
    """The text of one picture, read in one or more ways; the first is of another preparation of it than the rest.

    `flaw`: what in the picture makes it hard to read, whether or not it could be.
    """

    passes: tuple[str, ...]
    flaw: Flaw | None = None

    def joined(self, other: "Reading") -> "Reading":
        """Both pictures' texts, pass by pass."""
        pairs = zip(self.passes, other.passes, strict=True)
        return Reading(tuple(f"{one}\n{two}" for one, two in pairs), self.flaw if self.flaw is other.flaw else None)


@dataclass(frozen=True)
class Label:
    """`nutrition` maps all eleven names to plain decimals or None. `flaw`: why it is unreadable, if it is."""

    kind: Kind
    product_name: str | None = None
    nutrition: Mapping[str, str | None] = field(default_factory=lambda: dict.fromkeys(NAMES))
    ingredients: tuple[str, ...] = ()
    flaw: Flaw | None = None

    @property
    def figures(self) -> dict[str, str]:
        return {name: value for name, value in self.nutrition.items() if value is not None}


_NAMES_ALIKE = 0.7  # share of equal letters; readers misread a letter here and there
_FIGURES_TO_COMPARE = 3
_INGREDIENTS_ALIKE = 0.2


def understand(reading: Reading) -> Label:
    """Everything that one reading tells."""
    values = nutrition.figures([ingredients.without_section(one) for one in reading.passes])
    items = ingredients.listed(reading.passes)
    known = sum(value is not None for value in values.values())
    if known >= 2 or len(items) >= 2 or (items and known):
        return Label(Kind.LABEL, product.name(reading.passes), values, tuple(items))
    return _without_contents(reading)


def _without_contents(reading: Reading) -> Label:
    """It is no label only when what was read is sure and shows no sign of one: all else was too hard to read."""
    shows_a_label, sure = legibility.shows_a_label(reading.passes), legibility.is_sure(reading.passes)
    if sure and not shows_a_label:
        return Label(Kind.OTHER)
    empty = not shows_a_label and legibility.is_empty(reading.passes)
    return Label(Kind.UNREADABLE, flaw=reading.flaw or (Flaw.EMPTY if empty else Flaw.UNCLEAR))


def same_product(one: Label, two: Label) -> bool:
    """False when the labels contradict each other; a front and a back that share nothing belong together."""
    if one.product_name and two.product_name:
        return _alike(one.product_name, two.product_name)
    common = [name for name in one.figures if name in two.figures]
    if len(common) >= _FIGURES_TO_COMPARE:
        return _mostly_equal(one.figures, two.figures, common)
    if len(one.ingredients) > 1 and len(two.ingredients) > 1:
        left, right = set(one.ingredients), set(two.ingredients)
        return len(left & right) / len(left | right) >= _INGREDIENTS_ALIKE
    return True


def _alike(one: str, two: str) -> bool:
    left, right = one.lower(), two.lower()
    return left in right or right in left or SequenceMatcher(None, left, right).ratio() >= _NAMES_ALIKE


def _mostly_equal(one: Mapping[str, str], two: Mapping[str, str], common: Sequence[str]) -> bool:
    """Two thirds: what can't be read is null, not wrong, and zeros are what different products share."""
    return sum(one[name] == two[name] for name in common) * 3 >= len(common) * 2
