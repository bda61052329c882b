"""Define the eleven figures of a nutrition label: names in the contract and on labels, units and daily values."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache


@dataclass(frozen=True)
class Nutrient:
    """Describe a nutrient by its names, its unit and its daily value.

    `daily` is in the same unit (Ministry of Food and Drug Safety, labelling standard 2022), None where labels print no
    share of it. `spellings` are patterns of what else the name is printed or read as. The second letter of 칼슘 is
    misread in many ways; potassium, 칼륨, is the only other name on labels that looks like it.
    """

    name: str
    korean: str
    unit: str
    daily: Decimal | None = None
    spellings: tuple[str, ...] = ()


NUTRIENTS = (
    Nutrient("calcium", "칼슘", "mg", Decimal(700), ("칼[가-띻마-힣]?(?![가-힣])",)),
    Nutrient("carbohydrate", "탄수화물", "g", Decimal(324)),
    Nutrient("cholesterol", "콜레스테롤", "mg", Decimal(300)),
    Nutrient("dietary_fiber", "식이섬유", "g", Decimal(25)),
    Nutrient("energy", "열량", "kcal", None, ("칼로리", "에너지", "얼량", "열랑")),
    Nutrient("fat", "지방", "g", Decimal(54), ("지벙", "지빙", "시방")),
    Nutrient("protein", "단백질", "g", Decimal(55)),
    Nutrient("sat_fat", "포화지방", "g", Decimal(15)),
    Nutrient("sodium", "나트륨", "mg", Decimal(2000)),
    Nutrient("sugar", "당류", "g", Decimal(100), ("당뮤", "당루", "당륨", "탕류")),
    Nutrient("trans_fat", "트랜스지방", "g"),
)
BY_NAME = {nutrient.name: nutrient for nutrient in NUTRIENTS}
NAMES = tuple(BY_NAME)
ALWAYS = frozenset(NAMES) - {"calcium", "dietary_fiber"}  # what the labelling standard has every label state


def _readings(nutrient: Nutrient) -> list[str]:
    """Return patterns for a name: exact, other spellings, and with any one of three or more syllables misread."""
    word = list(nutrient.korean)
    patterns = [_spelled(word), *nutrient.spellings]
    if len(word) >= 3:
        patterns += [_spelled([*word[:i], "[가-힣]", *word[i + 1 :]]) for i in range(len(word))]
    return patterns


def _spelled(syllables: Sequence[str]) -> str:
    """Return a pattern of the syllables, with or without line ends between them: text is broken inside words."""
    return r"\n?".join(syllables)


# 지방 is a name of its own only where no Korean letter precedes it, except one or two that are misread English letters.
_APART = "(?:(?<![가-힣])|(?<=[A-Za-z][가-힣])|(?<=[A-Za-z][가-힣][가-힣]))"


@cache  # made when the first page is read: at import it would take part of a worker's start
def names_pattern(*, close: bool = False) -> re.Pattern[str]:
    """Return a pattern of all names, longest first, so that 지방 is not found inside 포화지방 or 지방산.

    `close`: for names side by side whose gaps have been removed, so that 지방 is found right after another name.
    """
    by_length = sorted(NUTRIENTS, key=lambda n: -len(n.korean))
    groups = []
    for nutrient in by_length:
        choices = "|".join(_readings(nutrient))
        guard = (
            "(?<![가-힣])" if nutrient.name == "fat" and not close else "(?<!불)" if nutrient.name == "sat_fat" else ""
        )
        groups.append(f"(?P<{nutrient.name}>{guard}(?:{choices})(?!산|가공품))")
    return re.compile("|".join(groups))
