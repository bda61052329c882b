"""What a synthetic label says: a made-up product whose figures agree with each other as real ones do."""

import random
from dataclasses import dataclass

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

_NAMES = (
    "초코 쿠키", "우리밀 감자칩", "매콤 라면", "딸기 요거트", "콩 두유", "현미 크래커", "견과 바 5", "카레 소스",
    "찹쌀 약과", "치즈 스틱", "고구마 말랭이", "쌀과자 Original", "불고기 맛 스낵", "레몬 젤리", "옥수수 수프",
)  # fmt: skip
# As printed -> as it should be read.
_INGREDIENTS = (
    ("밀가루(밀:미국산,호주산)", "밀가루"), ("설탕", "설탕"), ("식물성유지(말레이시아산)", "식물성유지"),
    ("전분", "전분"), ("정제소금(국산)", "정제소금"), ("코코아분말", "코코아분말"), ("전지분유(국산)", "전지분유"),
    ("물엿", "물엿"), ("합성향료", "합성향료"), ("유화제", "유화제"), ("탈지대두(인도산)", "탈지대두"),
    ("감자(미국산)", "감자"), ("현미(국내산)", "현미"), ("난황액", "난황액"), ("가공버터(뉴질랜드산)", "가공버터"),
    ("산도조절제", "산도조절제"), ("덱스트린", "덱스트린"), ("양파분말(중국산)", "양파분말"),
    ("효모추출물", "효모추출물"),
)  # fmt: skip


@dataclass(frozen=True)
class Column:
    """Figures for one quantity: printed number by nutrient, and the printed share of the daily value in %."""

    heading: str
    values: dict[str, str]
    percent: dict[str, int]


@dataclass(frozen=True)
class Truth:
    """One product. `columns[0]` is what a reader should report."""

    product: str
    columns: tuple[Column, ...]
    ingredients: tuple[tuple[str, str], ...]

    @property
    def values(self) -> dict[str, str]:
        """The numbers as a reader should answer them: without thousands separators."""
        return {name: text.replace(",", "") for name, text in self.columns[0].values.items()}

    @property
    def ingredient_names(self) -> list[str]:
        return [clean for _, clean in self.ingredients]


def invent(dice: random.Random, two_columns: bool = False, full: bool = False) -> Truth:
    """A product. `full` has all eleven figures; otherwise fibre and calcium are there sometimes."""
    per_100 = _amounts(dice)
    names = [n for n in per_100 if full or n not in {"dietary_fiber", "calcium"} or dice.random() < 0.3]
    serving = dice.choice((20, 25, 30, 45, 50, 80, 120))
    small = _column(f"1회 제공량({serving} g)당", {n: per_100[n] * serving / 100 for n in names})
    large = _column("100 g당", {n: per_100[n] for n in names})
    columns = (small, large) if two_columns else (dice.choice((small, large)),)
    ingredients = tuple(dice.sample(_INGREDIENTS, dice.randint(5, 9)))
    return Truth(dice.choice(_NAMES), columns, ingredients)


def _amounts(dice: random.Random) -> dict[str, float]:
    carbohydrate, fat, protein = dice.uniform(5, 75), dice.uniform(0, 35), dice.uniform(0, 20)
    return {
        "energy": 4 * carbohydrate + 9 * fat + 4 * protein,
        "sodium": dice.uniform(0, 1900),
        "carbohydrate": carbohydrate,
        "sugar": carbohydrate * dice.random(),
        "dietary_fiber": carbohydrate * dice.uniform(0, 0.2),
        "fat": fat,
        "trans_fat": dice.choice((0, 0, 0, 0.5)),
        "sat_fat": fat * dice.uniform(0.1, 0.6),
        "cholesterol": dice.uniform(0, 120),
        "protein": protein,
        "calcium": dice.uniform(0, 400),
    }


def _column(heading: str, amounts: dict[str, float]) -> Column:
    """Rounded as the Korean rules ask: 5 kcal, 5 or 10 mg, below 5 g to 0.1 g and otherwise to 1 g."""
    numbers = {name: _rounded(name, amount) for name, amount in amounts.items()}
    percent = {name: int(number / DAILY[name] * 100 + 0.5) for name, number in numbers.items() if name in DAILY}
    return Column(heading, {name: _printed(number) for name, number in numbers.items()}, percent)


def _rounded(name: str, amount: float) -> float:
    if UNITS[name] == "g":
        return round(amount, 1) if amount < 5 else float(round(amount))
    return float(5 * round(amount / 5))


def _printed(number: float) -> str:
    return f"{number:,.0f}" if number == int(number) else f"{number:.1f}"
