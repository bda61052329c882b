"""Given the text that readers make of a figure, the label's own percentage picks the number, or it stays unknown."""

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from decodeat.analysis.figure import Trust, less_than, read, shares
from decodeat.analysis.numbers import LARGEST, parse, plain
from decodeat.analysis.nutrients import BY_NAME, NAMES, NUTRIENTS, Nutrient
from decodeat.analysis.nutrition import figures

WHOLE = st.from_regex(r"\A(0|[1-9][0-9]{0,4})\Z")
TENTHS = st.from_regex(r"\A(0|[1-9][0-9]{0,4})\.[0-9]\Z")


@pytest.mark.parametrize(
    ("printed", "number"),
    [
        ("1,790", "1790"), ("1790", "1790"), (".5", "0.5"), ("0", "0"), ("0.0", "0"), ("10", "10"), ("100", "100"),
        ("12,345.50", "12345.5"), ("7.9", "7.9"),
        ("", None), (".", None), ("1,79", None), ("1,7900", None), ("09", None), ("-5", None), ("1e3", None),
        ("１００", None), ("1 790", None), ("100000", None), ("1.2.3", None), ("5.", None),
    ],
)  # fmt: skip
def test_numbers(printed: str, number: str | None) -> None:
    parsed = parse(printed)
    assert (None if parsed is None else plain(parsed)) == number


@given(st.decimals(0, LARGEST - 1, places=2))
def test_a_plain_number_means_the_same(number: Decimal) -> None:
    text = plain(number)
    assert parse(text) == number
    assert text == plain(Decimal(text)) and "E" not in text and "," not in text
    assert parse(f"{number:,.2f}") == number


@given(st.text(max_size=20))
def test_any_text_is_a_number_or_none(text: str) -> None:
    number = parse(text)
    assert number is None or 0 <= number < LARGEST


@pytest.mark.parametrize(
    ("name", "window", "value", "trust"),
    [
        ("carbohydrate", " 79g 24%", "79", Trust.CONFIRMED),
        ("carbohydrate", " 799 24%", "79", Trust.REPAIRED),
        ("carbohydrate", " 799 2%", "7.9", Trust.REPAIRED),
        ("carbohydrate", " 79 9   24 %", "79", Trust.REPAIRED),
        ("carbohydrate", " 79g 2%", "7.9", Trust.REPAIRED),
        ("carbohydrate", ": 720(22%), ", "72", Trust.REPAIRED),
        ("carbohydrate", " 79g", "79", Trust.PLAIN),
        ("carbohydrate", " 799", "79", Trust.GUESSED),
        ("sodium", " 1,790mg 90%", "1790", Trust.CONFIRMED),
        ("sodium", " 16070 (8%)", "160", Trust.REPAIRED),
        ("sodium", " 109 1%", "10", Trust.REPAIRED),
        ("sodium", " 125 79      6%", "125", Trust.REPAIRED),
        ("sodium", " 11145 mg   57%", "1145", Trust.REPAIRED),
        ("sodium", " 11115 mg   56%", "1115", Trust.REPAIRED),
        ("sodium", " 12m9 1%", "12", Trust.REPAIRED),
        ("sat_fat", " 33.49(23%)", "3.4", Trust.REPAIRED),
        ("trans_fat", " Og", "0", Trust.PLAIN),
        ("trans_fat", " 09", "0", Trust.GUESSED),
        ("trans_fat", " 0.69            0.59", "0.6", Trust.GUESSED),
        ("trans_fat", "0 g", "0", Trust.PLAIN),
        ("sugar", " 80                       8", "8", Trust.REPAIRED),
        ("sugar", " .5g 1%", "0.5", Trust.CONFIRMED),
        ("cholesterol", " 25010(8%)", "25", Trust.REPAIRED),
        ("cholesterol", " 0 mg 0%", "0", Trust.CONFIRMED),
        ("protein", " 2.1 9      4%", "2.1", Trust.REPAIRED),
        ("fat", " 369 67%         300 56%", "36", Trust.REPAIRED),
        ("dietary_fiber", " 1.3 g 5 %", "1.3", Trust.CONFIRMED),
        ("carbohydrate", " llg 3%", "11", Trust.REPAIRED),
        ("sodium", " 7img 4%", "71", Trust.REPAIRED),
        ("trans_fat", " lg", "1", Trust.GUESSED),
        ("sat_fat", " 3.5¢ 23%", "3.5", Trust.CONFIRMED),
        ("sat_fat", " 3.5¢g 23%", "3.5", Trust.CONFIRMED),
        ("trans_fat", " 0.8¢", "0.8", Trust.PLAIN),
        ("trans_fat", " 08¢", "0.8", Trust.GUESSED),
        ("trans_fat", " 09", "0", Trust.GUESSED),
        ("trans_fat", " 0.8 음", "0.8", Trust.GUESSED),
        ("sugar", " 22g22%", "22", Trust.CONFIRMED),
        ("sugar", " 6.8 음 7%", "6.8", Trust.REPAIRED),
        ("sugar", " 3309 338", "33", Trust.REPAIRED),  # "33%"
        # The share of 4.25 g, of 27.5 g and of 165 mg: it was taken before the amount was rounded.
        ("sat_fat", " 4.3g 28%", "4.3", Trust.REPAIRED),
        ("sat_fat", " 4.39 28%", "4.3", Trust.REPAIRED),
        ("carbohydrate", " 28g 8%", "28", Trust.REPAIRED),
        ("cholesterol", " 20 mg 6%", "20", Trust.REPAIRED),
    ],
)
def test_a_misread_unit_is_repaired(name: str, window: str, value: str, trust: Trust) -> None:
    figure = read(window, BY_NAME[name])
    assert figure is not None
    assert (plain(figure.value), figure.trust) == (value, trust)


@pytest.mark.parametrize(
    ("name", "window"),
    [
        ("carbohydrate", ""),
        ("carbohydrate", " %"),
        ("carbohydrate", " 5%"),
        ("carbohydrate", " 16 9     2%"),
        ("carbohydrate", " 1g 미만 0%"),
        ("carbohydrate", " 1 g Diet 0%"),  # what "less than" may be read as
        ("sat_fat", " 0 g 2%"),
        ("carbohydrate", " 없음"),
        ("protein", " .10(2%)"),
        ("sodium", " 500mg 3%"),
        ("sodium", " 기준치에 대한"),
        # Labels print no such decimals: a digit too many was seen, and the share can't tell which.
        ("carbohydrate", " 36.14g 11%"),
        ("carbohydrate", " 36.14 g"),
        ("sodium", " 12.5mg 1%"),
    ],
)
def test_what_the_percentage_denies_stays_unknown(name: str, window: str) -> None:
    assert read(window, BY_NAME[name]) is None


@given(st.sampled_from([n for n in NUTRIENTS if n.daily]), st.data())
def test_a_cleanly_printed_figure_is_read_as_it_is(nutrient: Nutrient, data: st.DataObject) -> None:
    text = data.draw(WHOLE | TENTHS if nutrient.unit == "g" else WHOLE)
    value = parse(text)
    assert nutrient.daily is not None
    assume(value is not None)
    assert value is not None
    assume(shares(value, nutrient.daily) < 1000)
    figure = read(f" {text}{nutrient.unit} {shares(value, nutrient.daily)}%", nutrient)
    assert figure is not None and figure.value == value and figure.trust is Trust.CONFIRMED


GARBLE = st.text("0123456789gm.,%() qOlI¢음미만", max_size=14)


@given(st.sampled_from([n for n in NUTRIENTS if n.daily]), st.integers(0, 999), GARBLE)
def test_a_repaired_figure_fits_its_percentage(nutrient: Nutrient, share: int, garble: str) -> None:
    assert nutrient.daily is not None
    assume("%" not in garble)
    figure = read(f" {garble} {share}%", nutrient)
    if figure is not None and figure.trust is Trust.REPAIRED:
        # To half a percent, and to half of the coarsest step in which the standard lets an amount be rounded.
        rounded = Decimal(5 if nutrient.unit == "mg" else "0.5") * 100 / nutrient.daily
        assert abs(figure.value * 100 / nutrient.daily - share) <= rounded + Decimal("0.5")


@given(st.sampled_from([n for n in NUTRIENTS if n.unit != "kcal"]), GARBLE)
def test_a_value_has_no_digit_that_is_not_in_the_text(nutrient: Nutrient, garble: str) -> None:
    figure = read(garble, nutrient)
    if figure is not None:
        there = iter(garble.translate(str.maketrans("OlI", "011")))
        digits = plain(figure.value).replace(".", "")
        assert digits == "0" or all(digit in there for digit in digits.lstrip("0"))
        assert figure.value in figure.possible


@pytest.mark.parametrize(
    ("window", "less"),
    [
        (" 0.5 g 미만", True), (" 0.5g미만, ", True), (" 1 g 미만(1%)", True), (" 5 mg 미만 2%", True),
        (" 0.5 용미만", True), (" 0.5¢g 미만", True), (" 18 미만", True), (" 0.5 g 미", True), (" lg 미만", False),
        (" 0 g 0.5 g 미만", False), (" Og 0.5 g 미만", False), (" 2g 8% 1g 미만 2%", False), (" 0.5 g", False),
        (", 현미(국내산)", False), ("", False),
    ],
)  # fmt: skip
def test_less_than_is_no_number(window: str, less: bool) -> None:
    assert less_than(window) is less


LABEL = """영양정보 1회 제공량(30 g)당 150 kcal
나트륨 90 mg 5 %
탄수화물 20 g 6 %
당류 8 g 8 %
지방 7 g 13 %
트랜스지방 0 g
포화지방 3 g 20 %
콜레스테롤 5 mg 2 %
단백질 2 g 4 %
1일 영양성분 기준치에 대한 비율(%)은 2,000 kcal 기준이므로 개인의 필요 열량에 따라 다를 수 있습니다."""
VALUES = {
    "calcium": None, "carbohydrate": "20", "cholesterol": "5", "dietary_fiber": None, "energy": "150", "fat": "7",
    "protein": "2", "sat_fat": "3", "sodium": "90", "sugar": "8", "trans_fat": "0",
}  # fmt: skip


def test_a_whole_label() -> None:
    assert figures([LABEL, LABEL]) == VALUES


def test_names_with_gaps_misread_syllables_and_wide_signs() -> None:
    worn = LABEL.replace("나트륨", "나 트 롬").replace("콜레스테롤", "콜레스데롤").replace("트랜스지방", "트랜스 지방")
    wide = worn.replace("mg", "㎎").replace("%", "％").replace("(30 g)", "（30 g）")
    assert figures([wide, wide]) == VALUES


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        ("150 kcal", "190 kcal", "energy"),  # contradicts 4/4/9
        ("150 kcal", "15O kcal", "energy"),
        ("나트륨 90 mg 5 %", "나트륨 90 mg 50 %", "sodium"),
        ("트랜스지방 0 g", "트랜스지방 8 g", "trans_fat"),  # more than there is fat
        ("단백질 2 g 4 %", "단백질 1 g 미만 1 %", "protein"),
        ("트랜스지방 0 g", "트랜스지방 12 g", "trans_fat"),  # a lost decimal point
        ("150 kcal", "", "energy"),
        ("\n지방 7 g", "\nEMA 지방 7 g", "fat"),  # what was left of another kind of fat
    ],
)
def test_null_rather_than_wrong(before: str, after: str, lost: str) -> None:
    label = LABEL.replace(before, after)
    assert label != LABEL
    assert figures([label, label])[lost] is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("당류 8 g 8 %", "당류 8\ng (8 %)"),
        ("당류 8 g 8 %", "당류\n8 g (8 %)"),
        ("당류 8 g 8 %", "당\n류 8 g 8 %"),
        ("포화지방 3 g 20 %", "포화지\n방 3 g (20 %)"),
        ("트랜스지방 0 g\n", "트랜스지방 0\ng, "),
        ("트랜스지방 0 g\n", "트랜스지방 0 g 0.5 g 미만\n"),  # the other column's
        ("나트륨 90 mg 5 %", "원재료명: 구연산삼\n나트륨, 현미(국내산)\n나트륨 90 mg 5 %"),
        ("150 kcal", "150 kcal / 총 내용량 300 g (1,500 kcal)"),
        ("영양정보", "내용량 300 g (1,500 kcal)\n영양정보"),
        ("150 kcal", "150 kea"),
        ("당류 8 g 8 %", "당류 8 g 8 %\n지방산 5 g\n유지방 38 g 70 %"),
    ],
)
def test_text_as_it_is_broken_and_mixed_on_labels(before: str, after: str) -> None:
    label = LABEL.replace(before, after)
    assert label != LABEL
    assert figures([label, label]) == VALUES


def test_columns_that_are_read_one_after_the_other_are_not_mixed() -> None:
    names = "탄수화물\n당류\n지방\n단백질\n"
    assert figures([names + "20 g 6 %\n8 g 8 %\n7 g 13 %\n2 g 4 %"]) == dict.fromkeys(VALUES)


def test_one_good_reading_is_enough() -> None:
    assert figures([LABEL]) == VALUES


def test_less_than_in_any_reading_is_believed() -> None:
    below = LABEL.replace("트랜스지방 0 g", "트랜스지방 0.5 g 미만")
    assert figures([LABEL, LABEL, below])["trans_fat"] is None


@pytest.mark.parametrize(
    ("energies", "energy"),
    [
        (("150", "150"), "150"),
        (("150", "190"), "150"),  # 4/4/9 decides
        (("175", "175"), "175"),  # sweeteners and fibre: far from 4/4/9, but read twice
        (("175", "170"), None),
        (("1.500", "1.500"), None),
        (("15 0", "15 0"), "150"),
    ],
)
def test_energy_is_checked_by_what_it_comes_from(energies: tuple[str, str], energy: str | None) -> None:
    assert figures([LABEL.replace("150 kcal", f"{number} kcal") for number in energies])["energy"] == energy


def test_readings_that_differ_are_settled_by_the_percentage() -> None:
    other = LABEL.replace("20 g 6 %", "29 g 2 %").replace("90 mg 5 %", "90 79 5 %").replace("0 g\n", "0 0\n")
    assert figures([LABEL, other]) == VALUES


def test_a_figure_without_a_witness_stays_unknown() -> None:
    other = LABEL.replace("트랜스지방 0 g", "트랜스지방 6 g")
    assert figures([LABEL, other])["trans_fat"] is None


@given(st.lists(st.text(max_size=200), max_size=3))
def test_any_text_gives_eleven_plain_decimals_or_nulls(passes: list[str]) -> None:
    found = figures(passes)
    assert tuple(found) == NAMES
    for value in found.values():
        assert value is None or plain(Decimal(value)) == value


SHAPES = st.lists(
    st.sampled_from(
        [
            "나트륨",
            "당류",
            "지방",
            "열량",
            "탄수화물",
            " ",
            "\n",
            "1",
            "9",
            "0",
            ".",
            ",",
            "g",
            "mg",
            "kcal",
            "%",
            "(",
            ")",
        ]
    ),
    max_size=40,
).map("".join)


@given(SHAPES, SHAPES)
def test_text_that_looks_like_a_label_never_breaks_the_shape(one: str, two: str) -> None:
    found = figures([one, two])
    assert set(found) == set(NAMES)
    fat, parts = found["fat"], [found["sat_fat"], found["trans_fat"]]
    if fat is not None:
        assert sum(Decimal(part) for part in parts if part) <= Decimal(fat) + 1
