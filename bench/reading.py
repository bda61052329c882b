"""Measure how well the embedded engine reads synthetic labels of a fresh seed. Exit 1 when a limit is missed.

Run it as `python -m bench.reading`; --seed draws the same labels again. A value answered where none was printed
counts as wrong, and so does a number for a printed "less than". Where figures for two quantities are printed,
those of either are right, but not a mixture. With --photos it reads a directory of photographs instead.
"""

import argparse
import asyncio
import math
import os
import secrets
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench import photographs
from decodeat.analysis import product
from decodeat.analysis.label import Label, Reading
from decodeat.deadline import Deadline
from decodeat.engines.embedded import EmbeddedAnalyst
from decodeat.engines.tesseract import TesseractReader
from decodeat.images.decoding import Picture
from tests.labels.draw import Label as Drawing
from tests.labels.draw import label
from tests.unit.decodeat.conftest import InProcess

RIGHT, WRONG = 0.97, 0.001  # least and most, as shares of the printed values
CONFIDENCE = 0.95
_AT_ONCE = 24  # labels that are handed out together


@dataclass(frozen=True)
class Value:
    """One figure: what is printed and what was answered, None for nothing."""

    seed: int
    layout: str
    wear: str
    nutrient: str
    printed: str | None
    answered: str | None

    @property
    def outcome(self) -> str:
        if self.answered == self.printed:
            return "right"
        return "null" if self.answered is None else "wrong"


@dataclass(frozen=True)
class Read:
    """One label. `name` is "right", "wrong" or "null"; `ingredients` counts those found, too many and missed."""

    values: tuple[Value, ...]
    name: str
    ingredients: Counter[str]
    seconds: float


def read(seed: int) -> Read:
    """Draw a label and read it as the service does. Raises the engine's failure."""
    drawn = label(seed)

    async def analysed() -> Label:
        deadline = Deadline(100)
        picture = Picture(drawn.png, InProcess())  # a drawing of our own needs no sandbox
        (reading,) = await TesseractReader(1).read([picture], deadline)
        if not isinstance(reading, Reading):
            raise reading
        return (await EmbeddedAnalyst().judge([reading], deadline)).per_image[0]

    before = time.perf_counter()
    found = asyncio.run(analysed())
    seconds = time.perf_counter() - before
    bases = [scored(drawn, printed, found.nutrition) for printed in drawn.truth.bases]
    values = max(bases, key=lambda values: sum(value.outcome == "right" for value in values))
    name = product.clean(drawn.truth.product)
    printed, listed = set(drawn.truth.ingredient_names), set(found.ingredients)
    return Read(
        tuple(value for value in values if value.printed is not None or value.answered is not None),
        "right" if found.product_name == name else "wrong" if found.product_name else "null",
        Counter(found=len(printed & listed), added=len(listed - printed), missed=len(printed - listed)),
        seconds,
    )


def scored(drawn: Drawing, printed: Mapping[str, str], answered: Mapping[str, str | None]) -> list[Value]:
    """Compare the answer with the values printed for one of a label's quantities."""
    return [
        Value(drawn.seed, drawn.layout, drawn.wear, name, printed.get(name), answer)
        for name, answer in answered.items()
    ]


def draw(seed: int, wanted: int) -> list[Read]:
    """Labels of seed, seed + 1 and so on, until that many values are printed on them."""
    labels: list[Read] = []
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        while _printed(labels) < wanted:
            for one in pool.map(read, range(seed + len(labels), seed + len(labels) + _AT_ONCE)):
                labels += [one] if _printed(labels) < wanted else []
    return labels


def _printed(labels: Iterable[Read]) -> int:
    return sum(value.printed is not None for one in labels for value in one.values)


def upper_bound(seen: int, of: int, confidence: float = CONFIDENCE) -> float:
    """The highest rate at which as few as that would still be seen: Clopper and Pearson's one-sided bound."""
    if seen >= of:
        return 1.0
    low, high = seen / of, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(seen, of, middle) > 1 - confidence else (low, middle)
    return high


def _at_most(seen: int, of: int, rate: float) -> float:
    """The probability that no more than that are seen."""
    ways = (math.lgamma(of + 1) - math.lgamma(k + 1) - math.lgamma(of - k + 1) for k in range(seen + 1))
    return sum(math.exp(way + k * math.log(rate) + (of - k) * math.log1p(-rate)) for k, way in enumerate(ways))


def table(title: str, values: Sequence[Value], by: Callable[[Value], str]) -> list[str]:
    counts: dict[str, Counter[str]] = {}
    for value in values:
        row = counts.setdefault(by(value), Counter())
        row[value.outcome] += 1
        row["printed"] += value.printed is not None
    return [f"\n{title:<16}{'printed':>8}{'right':>8}{'null':>6}{'wrong':>6}"] + [
        f"{name:<16}{row['printed']:>8}{row['right'] / max(1, row['printed']):>8.1%}{row['null']:>6}{row['wrong']:>6}"
        for name, row in sorted(counts.items())
    ]


def report(seed: int, labels: Sequence[Read]) -> int:
    """Print the score; 1 when a limit is missed."""
    values = [value for one in labels for value in one.values]
    printed, count = _printed(labels), Counter(value.outcome for value in values)
    bound = upper_bound(count["wrong"], printed)
    lines = table("layout", values, lambda value: value.layout)
    lines += table("wear", values, lambda value: value.wear)
    lines += table("nutrient", values, lambda value: value.nutrient)
    lines += [""] + [
        f"wrong: seed {value.seed} ({value.layout}, {value.wear}) {value.nutrient} "
        f"printed {value.printed}, answered {value.answered}"
        for value in values
        if value.outcome == "wrong"
    ]
    names, items = Counter(one.name for one in labels), sum((one.ingredients for one in labels), Counter())
    precision, recall = (
        items["found"] / (items["found"] + items["added"]),
        items["found"] / (items["found"] + items["missed"]),
    )
    good = count["right"] >= RIGHT * printed and count["wrong"] <= WRONG * printed
    lines += [
        f"seed {seed}: {len(labels)} labels, {printed} printed values",
        f"right {count['right']} ({count['right'] / printed:.2%}, at least {RIGHT:.0%}), "
        f"wrong {count['wrong']} ({count['wrong'] / printed:.2%}, at most {WRONG:.1%}; "
        f"below {bound:.2%} with {CONFIDENCE:.0%} confidence), null {count['null']} ({count['null'] / printed:.2%})",
        f"names: {names['right']} right, {names['wrong']} wrong, {names['null']} null; "
        f"ingredients: {precision:.1%} of those answered are printed, {recall:.1%} of those printed are answered",
        f"{sum(one.seconds for one in labels) / len(labels):.2f} s a page, {os.cpu_count()} at once",
        "ok" if good else "a limit is missed",
    ]
    print("\n".join(lines))
    return 0 if good else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=None, help="default: a fresh one, which is printed")
    parser.add_argument("--values", type=int, default=2000)
    parser.add_argument("--photos", type=Path, default=None, help="a directory of photographs with their truth.json")
    options = parser.parse_args()
    if options.photos is not None:
        return photographs.report(options.photos, os.cpu_count() or 1)
    seed = secrets.randbelow(10**9) if options.seed is None else options.seed
    return report(seed, draw(seed, options.values))


if __name__ == "__main__":
    sys.exit(main())
