"""Test that two pictures are one product only if what both show agrees, and that each completes the other."""

import random
from dataclasses import replace

import pytest

from decodeat.analysis.extraction import Amount, Extraction, labels
from decodeat.analysis.label import Flaw, Kind, Label, Reading, understand
from decodeat.analysis.nutrients import NAMES
from decodeat.analysis.pair import Page, same_product
from decodeat.engines.embedded import judge
from decodeat.pipeline import Status, decide
from tests.labels.truth import KOREAN, UNITS, Truth, invent

PAIRS = 50


def table(truth: Truth) -> list[str]:
    column = truth.columns[0]
    rows = [f"영양정보 {column.heading} {column.values.get('energy', '')} kcal"]
    for name in column.names:
        if name in column.values and name != "energy":
            share = f" {column.percent[name]}%" if name in column.percent else ""
            rows.append(f"{KOREAN[name]} {column.values[name]} {UNITS[name]}{share}")
    return rows


def items(truth: Truth) -> list[str]:
    return ["원재료명: " + ", ".join(printed for printed, _ in truth.ingredients), "보관방법: 실온 보관"]


def name(truth: Truth) -> list[str]:
    return [f"제품명: {truth.product}"]


def reading(*lines: list[str]) -> Reading:
    whole = "\n".join(line for part in lines for line in part)
    return Reading((whole, whole))


def page(*lines: list[str]) -> Page:
    read = reading(*lines)
    return Page(understand(read), read)


def worn(lines: list[str], dice: random.Random, share: float) -> list[str]:
    """Return the lines with some figures unread: the row's name is there, its amount is not."""
    return [line.split(" ")[0] if (dice.random() < share and " mg" in line) or " g" in line else line for line in lines]


def products(seed: int) -> tuple[Truth, Truth, random.Random]:
    dice = random.Random(seed)
    one, two = invent(dice), invent(dice)
    while two.product == one.product:
        two = invent(dice)
    return one, two, dice


def test_no_two_products_become_one_though_a_name_is_not_read() -> None:
    merged = []
    for seed in range(PAIRS):
        one, two, dice = products(seed)
        for left, right in (
            ((name(one), table(one), items(one)), (table(two), items(two))),
            ((table(one), items(one)), (table(two), items(two))),
            ((name(one), table(one), items(one)), (items(two), worn(table(two), dice, 0.8))),
            ((name(one), table(one)), (table(two), items(two))),
            ((table(one), items(one)), (items(two),)),
            ((name(one), table(one), items(one)), (["영양정보", "나트륨", "당류"], name(two), items(two))),
        ):
            if same_product(page(*left), page(*right)) or same_product(page(*right), page(*left)):
                merged.append((seed, left, right))
    assert not merged


def test_one_product_stays_one_however_its_parts_are_spread() -> None:
    apart = []
    for seed in range(PAIRS):
        truth, _, dice = products(seed)
        for left, right in (
            ((name(truth), table(truth)), (items(truth),)),
            ((table(truth),), (name(truth), items(truth))),
            ((name(truth), table(truth)), (name(truth), items(truth))),
            ((table(truth), items(truth)), (table(truth), items(truth))),
            ((name(truth), table(truth), items(truth)), (items(truth), worn(table(truth), dice, 0.5))),
            ((name(truth), items(truth)), (table(truth), items(truth))),
        ):
            if not same_product(page(*left), page(*right)) or not same_product(page(*right), page(*left)):
                apart.append((seed, left, right))
    assert not apart


FULL = (
    ["제품명: 초코 쿠키"],
    ["내용량: 120 g", "제조원: 한빛식품(주) 충북 음성군"],
    ["원재료명: 밀가루, 설탕, 물엿, 전분"],
)
TABLE = [
    "영양정보 1회 제공량(30 g)당 150 kcal",
    "나트륨 90 mg 5 %",
    "탄수화물 20 g 6 %",
    "당류 8 g 8 %",
    "지방 7 g 13 %",
]


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ((TABLE,), True),
        ((TABLE, ["내용량: 120g"]), True),
        ((TABLE, ["내용량 : 150 g"]), False),
        ((TABLE, ["제조원: 한빛식품(주) 충북 음성군 대소면"]), True),
        ((TABLE, ["제조원: 남도제과 전라남도 나주시 빛가람로 7"]), False),
        ((TABLE, ["판매원: 남도제과 전라남도 나주시 빛가람로 7"]), True),
        ((TABLE, ["제품명: 초코쿠기"]), True),
        ((TABLE, ["제품명: 매콤 라면"]), False),
        ((TABLE, ["원재료명: 밀가루, 설탕, 물엿, 전분, 소금"]), True),
        ((TABLE, ["원재료명: 돼지고기, 정제소금, 설탕, 마늘"]), False),
        ((TABLE, ["원재료명: 밀가루, 소금"]), False),
        ((TABLE, ["원재료명: #### ///"]), False),
    ],
)
def test_each_part_that_both_carry_has_to_agree(other: tuple[list[str], ...], same: bool) -> None:
    assert same_product(page(*FULL), page(*other)) is same
    assert same_product(page(*other), page(*FULL)) is same


def test_a_quantity_that_one_pass_read_otherwise_speaks_against_nothing() -> None:
    two = page(TABLE)
    misread = Reading(tuple(f"{two.reading.passes[0]}\n내용량: {grams} g" for grams in (120, 129)))
    assert same_product(page(*FULL), replace(two, reading=misread))


def test_two_products_are_cancelled_and_a_picture_that_is_left_out_is_named() -> None:
    one, two, _ = products(3)
    both = judge([reading(table(one), items(one)), reading(table(two), items(two))])
    cancelled = decide(both, (), "")
    assert (cancelled.status, cancelled.nutrition) == (Status.CANCELLED, None)
    assert "different products" in cancelled.message
    cut = Reading(("영양정보\n나트륨\n탄수화물\n1일 영양성분 기준치",) * 2)
    poster = Reading(("대한민국 영화제",) * 2)
    for second, why in (
        (cut, "There is text in the picture, but too little of it can be read."),
        (replace(cut, flaw=Flaw.TURNED), "The text in the picture is turned."),
        (poster, "It shows no nutrition or ingredients label."),
    ):
        outcome = decide(judge([reading(table(one), items(one)), second]), (), "")
        assert outcome.status is Status.COMPLETED
        assert f"The second image was left out: {why}" in outcome.message
        assert (
            "The first image was left out" in decide(judge([second, reading(table(one), items(one))]), (), "").message
        )


def test_a_model_that_takes_two_products_for_one_is_not_believed() -> None:
    one, two, _ = products(5)
    readings = [reading(name(one), table(one), items(one)), reading(name(two), table(two), items(two))]
    sodium = Amount(one.columns[0].values["sodium"], "mg")
    said = Extraction((Kind.LABEL, Kind.LABEL), True, one.product, {"sodium": sodium}, tuple(one.ingredient_names))
    assert labels(said, readings)[1] is None
    assert labels(said, [readings[0], readings[0]])[1] is not None


def _label(name: str | None = None, items: tuple[str, ...] = (), **values: str) -> Page:
    return Page(Label(Kind.LABEL, name, {**dict.fromkeys(NAMES), **values}, items), Reading(("",)))


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        (_label("초코쿠키"), _label("초코쿠키"), True),
        (_label("초코쿠키"), _label("초코쿠기"), True),
        (_label("초코쿠키"), _label("오리온초코쿠키"), True),
        (_label("초코쿠키"), _label("매콤라면"), False),
        (_label("초코쿠키"), _label(sodium="5"), True),
        (_label(fat="1", sugar="2", sodium="5", energy="9"), _label(fat="1", sugar="2", sodium="5", energy="8"), True),
        (_label(fat="1", sugar="2", sodium="5"), _label(fat="3", sugar="4", sodium="6"), False),
        (_label(fat="0", sat_fat="0", trans_fat="0", sugar="2"), _label(fat="0", sat_fat="0", trans_fat="0"), False),
        (_label(fat="1"), _label(fat="3"), False),
        (_label("초코쿠키", fat="1"), _label("초코쿠키", fat="3"), False),
        (_label(items=("설탕", "전분")), _label(items=("설탕", "소금")), False),
        (_label("쿠키", items=("설탕", "전분")), _label("쿠키", items=("설탕", "소금")), True),
        (_label(items=("설탕", "전분", "밀가루")), _label(items=("버터", "감자", "소금")), False),
        (_label(items=("설탕", "전분")), _label(fat="3"), True),
    ],
)
def test_same_product(one: Page, two: Page, same: bool) -> None:
    assert same_product(one, two) is same
    assert same_product(two, one) is same
