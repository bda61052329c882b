"""What a synthetic label says: a made-up product whose figures agree with each other as real ones do."""

import random
from dataclasses import dataclass, field

from tests.labels.words import INGREDIENTS, NAMES

DAILY = {
    "sodium": 2000.0,
    "carbohydrate": 324.0,
    "sugar": 100.0,
    "fat": 54.0,
    "sat_fat": 15.0,
    "cholesterol": 300.0,
    "protein": 55.0,
    "dietary_fiber": 25.0,
    "calcium": 700.0,
}
UNITS = {
    "energy": "kcal",
    "sodium": "mg",
    "carbohydrate": "g",
    "sugar": "g",
    "dietary_fiber": "g",
    "fat": "g",
    "trans_fat": "g",
    "sat_fat": "g",
    "cholesterol": "mg",
    "protein": "g",
    "calcium": "mg",
}
KOREAN = {
    "energy": "열량",
    "sodium": "나트륨",
    "carbohydrate": "탄수화물",
    "sugar": "당류",
    "dietary_fiber": "식이섬유",
    "fat": "지방",
    "trans_fat": "트랜스지방",
    "sat_fat": "포화지방",
    "cholesterol": "콜레스테롤",
    "protein": "단백질",
    "calcium": "칼슘",
}
# How a maker rounds: the standard lets each print a figure as it is, or in the steps it names.
_STYLES = ("steps", "tenths", "as it is")
_OFTEN = (4, 4, 2)
_SMALL = 400  # g; the figures of larger packages are for 100 g or a serving


@dataclass(frozen=True)
class Column:
    """Figures for one quantity: printed number by nutrient, and the printed share of the daily value in %.

    `below` are the figures that are printed as "less than": the number that the amount is less than.
    """

    heading: str
    values: dict[str, str]
    percent: dict[str, int]
    below: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """What is printed, in the order of the standard."""
        return [name for name in KOREAN if name in self.values or name in self.below]


class Writer:
    """Write figures as one maker of labels does: `gap` stands before a unit, `percent` is its sign."""

    gap: str
    percent: str

    def amount(self, column: Column, name: str) -> str:
        if name in column.below:
            return f"{column.below[name]}{self.gap}{UNITS[name]} 미만"
        return f"{column.values[name]}{self.gap}{UNITS[name]}"

    def share(self, column: Column, name: str) -> str:
        return f"{column.percent[name]}{self.percent}" if name in column.percent else ""


@dataclass(frozen=True)
class Truth:
    """One product. `columns[0]`, the first that is printed, is what a reader should report."""

    product: str
    columns: tuple[Column, ...]
    ingredients: tuple[tuple[str, str], ...]
    total: int = 0  # g in the package
    total_energy: str = ""  # kcal in the package

    @property
    def values(self) -> dict[str, str]:
        """The numbers as a reader should answer them: without thousands separators, without "less than"."""
        return self.bases[0]

    @property
    def bases(self) -> list[dict[str, str]]:
        """Return the same for each quantity that figures are printed for."""
        return [{name: text.replace(",", "") for name, text in one.values.items()} for one in self.columns]

    @property
    def ingredient_names(self) -> list[str]:
        return [clean for _, clean in self.ingredients]


def invent(dice: random.Random, two_columns: bool = False, full: bool = False) -> Truth:
    """A product. `full` has all eleven figures as numbers; otherwise fibre and calcium are there sometimes."""
    per_100 = _amounts(dice)
    names = [n for n in per_100 if full or n not in {"dietary_fiber", "calcium"} or dice.random() < 0.3]
    serving = dice.choice((20, 25, 30, 35, 40, 45, 50, 80, 120, 150, 200))
    total = serving * dice.choice((1, 2, 3, 4, 6, 10))
    style = "tenths" if full else dice.choices(_STYLES, _OFTEN)[0]
    from_printed = full or dice.random() < 0.7

    def column(heading: str, grams: int) -> Column:
        amounts = {name: per_100[name] * grams / 100 for name in names}
        return _column(heading, amounts, style, from_printed=from_printed, whole=full)

    quantities = {
        dice.choice((f"1회 제공량({serving} g)당", f"1봉지({serving} g)당", f"1개({serving} g)당")): serving,
        "100 g당": 100,
    }
    if total <= _SMALL:
        quantities[f"총 내용량({total} g)당"] = total
    wanted = dice.sample(sorted(quantities), 2 if two_columns else 1)
    return Truth(
        dice.choice(NAMES),
        tuple(column(heading, quantities[heading]) for heading in wanted),
        tuple(dice.sample(INGREDIENTS, dice.randint(5, 12))),
        total,
        _printed(_stepped(per_100["energy"] * total / 100, 5)),
    )


def _amounts(dice: random.Random) -> dict[str, float]:
    """Grams, milligrams and kcal in 100 g. One in seven has no fat, protein or cholesterol at all."""
    carbohydrate = dice.uniform(3, 78)
    fat = dice.uniform(0, min(35.0, 95 - carbohydrate)) * (dice.random() > 1 / 7)
    protein = dice.uniform(0, min(22.0, 100 - carbohydrate - fat)) * (dice.random() > 1 / 7)
    fibre = carbohydrate * dice.uniform(0, 0.2)
    measured = min(1.06, max(0.94, dice.gauss(1, 0.02)))  # energy is seldom exactly what the factors give
    return {
        "energy": (4 * carbohydrate - 2 * fibre + 9 * fat + 4 * protein) * measured,
        "sodium": dice.choice((dice.uniform(0, 120), dice.uniform(0, 700), dice.uniform(300, 1900))),
        "carbohydrate": carbohydrate,
        "sugar": carbohydrate * dice.random(),
        "dietary_fiber": fibre,
        "fat": fat,
        "trans_fat": min(fat * 0.1, dice.choice((0, 0, 0, 0.3, 0.5, 0.8))),
        "sat_fat": fat * dice.uniform(0.1, 0.6),
        "cholesterol": dice.uniform(0, 120) * (dice.random() > 1 / 7),
        "protein": protein,
        "calcium": dice.uniform(0, 400),
    }


def _column(heading: str, amounts: dict[str, float], style: str, *, from_printed: bool, whole: bool) -> Column:
    """`whole` knows no "less than". The share is taken of the printed or of the exact amount: makers do both."""
    limits = {name: _least(name, amount, style) for name, amount in amounts.items()}
    below = {name: limit for name, limit in limits.items() if limit and not whole}
    numbers = {name: _rounded(name, amount, style) for name, amount in amounts.items() if name not in below}
    shown = {name: amounts[name] if not from_printed and number else number for name, number in numbers.items()}
    percent = {name: int(shown.get(name, amounts[name]) / DAILY[name] * 100 + 0.5) for name in amounts if name in DAILY}
    return Column(heading, {name: _printed(number) for name, number in numbers.items()}, percent, below)


def _least(name: str, amount: float, style: str) -> str:
    """What the amount is said to be less than, "" when it is printed as a number."""
    if name == "cholesterol" and 2 <= amount < 5 and style != "as it is":
        return "5"
    if name == "trans_fat" and 0.2 <= amount < 0.5:
        return "0.5"
    if name in {"carbohydrate", "sugar", "protein", "dietary_fiber"} and 0.5 <= amount < 1 and style == "steps":
        return "1"
    return ""


def _rounded(name: str, amount: float, style: str) -> float:
    """By the labelling standard: what may be called zero is; the rest in its steps, or nearly as it is."""
    zero = {"energy": 5, "sodium": 5, "cholesterol": 2, "trans_fat": 0.2, "sat_fat": 0.05, "calcium": 14}.get(name, 0.5)
    if amount < zero:
        return 0.0
    if UNITS[name] == "g":
        fat = name in {"fat", "trans_fat", "sat_fat"}
        tenths = style == "as it is" or (amount < 5 and (fat or style == "tenths"))
        return round(amount, 1) if tenths else _stepped(amount, 1)
    if style == "as it is":
        return _stepped(amount, 1)
    return _stepped(amount, 10 if name == "sodium" and amount > 120 and style == "steps" else 5)


def _stepped(amount: float, step: int) -> float:
    return float(step * int(amount / step + 0.5))


def _printed(number: float) -> str:
    return f"{number:,.0f}" if number == int(number) else f"{number:.1f}"
