"""What is known about one label, and what is decided from it: is it a label, and do two show the same product?"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from enum import Enum

from decodeat.analysis import ingredients, nutrition, product, text
from decodeat.analysis.nutrients import NAMES, PATTERN


class Kind(Enum):
    """What a picture shows."""

    LABEL = "label"
    OTHER = "other"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Reading:
    """The text of one picture, read in one or more ways. `blurred`: nothing in the picture was sharp."""

    passes: tuple[str, ...]
    blurred: bool = False

    def joined(self, other: "Reading") -> "Reading":
        """Both pictures' texts, pass by pass."""
        pairs = zip(self.passes, other.passes, strict=True)
        return Reading(tuple(f"{one}\n{two}" for one, two in pairs), self.blurred and other.blurred)


@dataclass(frozen=True)
class Label:
    """`nutrition` maps all eleven names to plain decimals or None."""

    kind: Kind
    product_name: str | None = None
    nutrition: Mapping[str, str | None] = field(default_factory=lambda: dict.fromkeys(NAMES))
    ingredients: tuple[str, ...] = ()

    @property
    def figures(self) -> dict[str, str]:
        return {name: value for name, value in self.nutrition.items() if value is not None}


_HEADINGS = re.compile(
    r"영양정보|영양성분|원재료|1일영양|기준치|1회제공량|식품유형|총내용량|nutritionfacts|ingredients", re.IGNORECASE
)
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
    # Signs of a label without its contents: cut off, or too blurred to make them out.
    signs = max((_signs(one) for one in reading.passes), default=0)
    return Label(Kind.UNREADABLE if reading.blurred or signs >= 2 else Kind.OTHER)


def _signs(one: str) -> int:
    """How many different headings and nutrients a reading names."""
    whole = re.sub(r"\s+", "", " ".join(text.lines(one)))
    headings = {found.group().lower() for found in _HEADINGS.finditer(whole)}
    return len(headings) + len({found.lastgroup for found in PATTERN.finditer(whole)})


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
