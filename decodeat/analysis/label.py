"""Hold what is known about one label, and decide whether it is one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import zip_longest

from decodeat.analysis import ingredients, legibility, nutrition, product
from decodeat.analysis.nutrients import NAMES


class Kind(Enum):
    """Name what a picture shows."""

    LABEL = "label"
    OTHER = "other"
    UNREADABLE = "unreadable"


class Flaw(Enum):
    """Name the reason why a picture can't be read."""

    EMPTY = "empty"  # no text was found at all
    BLURRED = "blurred"
    TURNED = "turned"  # its lines run from top to bottom
    SMALL = "small"  # its letters have too few pixels
    UNCLEAR = "unclear"  # there is text, but too little of it can be read


@dataclass(frozen=True)
class Reading:
    """Hold the text of one photograph; `by_picture` tells which of its passes saw the same picture.

    `flaw`: what makes the picture hard to read, whether or not it could be read.
    """

    passes: tuple[str, ...]
    flaw: Flaw | None = None

    def joined(self, other: "Reading") -> "Reading":
        """Return both pictures' texts, joined pass by pass, and their flaw if both have the same."""
        pairs = zip_longest(self.passes, other.passes, fillvalue="")
        return Reading(tuple(f"{one}\n{two}" for one, two in pairs), self.flaw if self.flaw is other.flaw else None)


@dataclass(frozen=True)
class Label:
    """Hold a label. `nutrition` maps all eleven names to plain decimals or None. `flaw`: why it is unreadable."""

    kind: Kind
    product_name: str | None = None
    nutrition: Mapping[str, str | None] = field(default_factory=lambda: dict.fromkeys(NAMES))
    ingredients: tuple[str, ...] = ()
    flaw: Flaw | None = None

    @property
    def figures(self) -> dict[str, str]:
        return {name: value for name, value in self.nutrition.items() if value is not None}


def is_complete(reading: Reading) -> bool:
    """Return whether the text has all figures that its label seems to print; True for one that names no nutrient."""
    return not nutrition.missing(_printed(reading))


def understand(reading: Reading) -> Label:
    """Return the label that one reading shows."""
    values = nutrition.figures(_printed(reading))
    items = ingredients.listed(reading.passes)
    known = sum(value is not None for value in values.values())
    if known >= 2 or len(items) >= 2 or (items and known):
        return Label(Kind.LABEL, product.name(reading.passes), values, tuple(items))
    return _without_contents(reading)


def _printed(reading: Reading) -> nutrition.Printed:
    return nutrition.printed([ingredients.without_section(one) for one in reading.passes])


def _without_contents(reading: Reading) -> Label:
    """Decide between OTHER and UNREADABLE: OTHER only if the text is sure and shows no sign of a label."""
    shows_a_label, sure = legibility.shows_a_label(reading.passes), legibility.is_sure(reading.passes)
    if sure and not shows_a_label:
        return Label(Kind.OTHER)
    empty = not shows_a_label and legibility.is_empty(reading.passes)
    return Label(Kind.UNREADABLE, flaw=reading.flaw or (Flaw.EMPTY if empty else Flaw.UNCLEAR))
