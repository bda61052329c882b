"""What is known about one label, and what is decided from it: is it one?"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
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
