"""Given the text that readers make of a figure, the label's own percentage picks the number, or it stays unknown."""

import re
from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from decodeat.analysis import nutrition
from decodeat.analysis.figure import Trust, read, shares
from decodeat.analysis.numbers import LARGEST, parse, plain
from decodeat.analysis.nutrients import BY_NAME, NAMES, NUTRIENTS, Nutrient
from decodeat.analysis.window import less_than

WHOLE = st.from_regex(r"\A(0|[1-9][0-9]{0,4})\Z")
TENTHS = st.from_regex(r"\A(0|[1-9][0-9]{0,4})\.[0-9]\Z")


def figures(passes: Sequence[str]) -> dict[str, str | None]:
    return nutrition.figures(nutrition.printed(passes))


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
        ("protein", " 2.1 9      4%", "2.1", Trust.CONFIRMED),
        ("fat", " 369 67%         300 56%", "36", Trust.REPAIRED),
        ("dietary_fiber", " 1.3 g 5 %", "1.3", Trust.CONFIRMED),
        ("carbohydrate", " llg 3%", "11", Trust.REPAIRED),
        ("sat_fat", " l.lg 7%", "1.1", Trust.REPAIRED),
        ("sodium", " l50mg 8%", "150", Trust.REPAIRED),
        ("trans_fat", " O.5g", "0.5", Trust.PLAIN),
        ("trans_fat", " l.5g", "1.5", Trust.GUESSED),
        ("sodium", " 7img 4%", "71", Trust.REPAIRED),
        ("trans_fat", " lg", "1", Trust.GUESSED),
        ("sat_fat", " 3.5¢ 23%", "3.5", Trust.CONFIRMED),
        ("sat_fat", " 3.5¢g 23%", "3.5", Trust.CONFIRMED),
        ("trans_fat", " 0.8¢", "0.8", Trust.PLAIN),
        ("trans_fat", " 08¢", "0.8", Trust.GUESSED),
        ("trans_fat", " 09", "0", Trust.GUESSED),
        ("trans_fat", " 0.8 음", "0.8", Trust.PLAIN),
        ("sugar", " 22g22%", "22", Trust.CONFIRMED),
        ("sugar", " 6.8 음 7%", "6.8", Trust.CONFIRMED),
        ("sugar", " 3309 338", "33", Trust.REPAIRED),  # "33%"
        # The share of 4.25 g, of 27.5 g and of 165 mg: it was taken before the amount was rounded.
        ("sat_fat", " 4.3g 28%", "4.3", Trust.REPAIRED),
        ("sat_fat", " 4.39 28%", "4.3", Trust.REPAIRED),
        ("carbohydrate", " 28g 8%", "28", Trust.REPAIRED),
        ("cholesterol", " 20 mg 6%", "20", Trust.REPAIRED),
        ("protein", " 4.187%", "4.1", Trust.REPAIRED),  # glued: 4.1 g, 7 %
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
        ("protein", " 4.167.8%"),
        ("carbohydrate", " 291%"),  # 2 g and 1 %, or a percentage alone
        ("carbohydrate", " 79g 2%"),  # 7.9 g, or 7 g whose unit was seen twice
        # The first digit may have been made a letter or a mark, and what follows is no number of its own.
        ("trans_fat", " B.5g"),
        ("trans_fat", " (.5g"),
        ("trans_fat", " A5g"),
        ("trans_fat", " l2g"),  # 12 g, or 2 g behind a rule
        ("trans_fat", " I0.8g"),
        ("fat", " B.5g 9%"),
        ("trans_fat", " 24g 44%"),  # labels print no share of it: that is another row
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


@given(
    st.sampled_from([n for n in NUTRIENTS if n.daily]),
    st.integers(0, 150),
    st.sampled_from(["9", "79", "0", "q", "m9", " 9", "l"]),
    st.integers(-1, 1),
)
def test_a_repaired_figure_fits_its_percentage(nutrient: Nutrient, amount: int, unit: str, off: int) -> None:
    """Take an amount whose unit was misread, beside its share or one that is a little off."""
    assert nutrient.daily is not None
    share = max(0, shares(Decimal(amount), nutrient.daily) + off)
    figure = read(f" {amount}{unit} {share}%", nutrient)
    assume(figure is not None and figure.trust is Trust.REPAIRED)
    assert figure is not None
    # To half a percent, and to half of the coarsest step in which the standard lets an amount be rounded.
    rounded = Decimal(5 if nutrient.unit == "mg" else "0.5") * 100 / nutrient.daily
    assert abs(figure.value * 100 / nutrient.daily - share) <= rounded + Decimal("0.500001")


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


def test_one_reading_is_enough_for_what_the_label_itself_bears_out() -> None:
    """Accept one reading where the label confirms it. Trans fat has no percentage, and nothing else confirms it."""
    assert figures([LABEL]) == VALUES | {"trans_fat": None}


@pytest.mark.parametrize(
    "passes",
    [
        (LABEL, LABEL.replace("트랜스지방 0 g\n", "")),
        (LABEL.replace("트랜스지방 0 g\n", ""), LABEL, LABEL),  # the last two come from one picture
        (LABEL, LABEL.replace("트랜스지방 0 g", "트랜스지방 1 g")),
        (LABEL.replace("트랜스지방 0 g", "트랜스지방 (0.5g"),) * 2,  # "<0.5g"
        (LABEL.replace("트랜스지방 0 g", "트랜스지방 19"),) * 2,  # 1 g or 19: the same mistake twice
    ],
)
def test_what_nothing_bears_out_needs_both_pictures(passes: tuple[str, ...]) -> None:
    assert figures(passes) == VALUES | {"trans_fat": None}


def test_no_fat_at_all_bears_out_that_none_of_it_is_trans_fat() -> None:
    none = LABEL.replace("지방 7 g 13 %", "지방 0 g 0 %").replace("포화지방 3 g 20 %", "포화지방 0 g 0 %")
    none = none.replace("150 kcal", "90 kcal")
    assert figures([none, none.replace("트랜스지방 0 g\n", "")])["trans_fat"] == "0"
    assert figures([none, none.replace("트랜스지방 0 g", "트랜스지방 0.5 g 미만")])["trans_fat"] is None


def test_mistakes_that_differ_bear_each_other_out() -> None:
    one, two = (LABEL.replace("트랜스지방 0 g", f"트랜스지방 {read}") for read in ("0.59", "05g"))
    assert figures([one, two])["trans_fat"] == "0.5"


@pytest.mark.parametrize(("read", "value"), [("0.79", "0.7"), ("09", "0")])
def test_behind_a_tenth_or_a_zero_the_last_sign_can_only_be_the_unit(read: str, value: str) -> None:
    label = LABEL.replace("트랜스지방 0 g", f"트랜스지방 {read}")
    assert figures([label, label])["trans_fat"] == value


def test_a_percentage_that_both_pictures_show_bears_out_what_one_of_them_shows() -> None:
    unread = LABEL.replace("탄수화물 20 g 6 %", "탄수화물 Zg 6 %")
    repaired = LABEL.replace("탄수화물 20 g 6 %", "탄수화물 209 6 %")
    assert figures([unread, repaired])["carbohydrate"] == "20"
    assert figures([unread.replace("Zg 6 %", "2096%"), repaired])["carbohydrate"] == "20"
    assert figures([unread.replace("Zg 6 %", "Zg B %"), repaired])["carbohydrate"] is None


@pytest.mark.parametrize(
    ("name", "printed", "first", "second", "third", "value"),
    [
        ("trans_fat", "0 g", "0 g", "", "Og", "0"),
        ("trans_fat", "0 g", "", "0.8 g", "0.89", "0.8"),
        ("trans_fat", "0 g", "0 g", "", "0.8 g", None),
        ("trans_fat", "0 g", "0.7 g", "0.8 g", "0.7 g", None),  # two that may err alike, and one as sure
        ("trans_fat", "0 g", "0.8 g", "109", "0.8 g", "0.8"),
        ("trans_fat", "0 g", "0 g", "", "0.5 g 미만", None),
        ("protein", "2 g 4 %", "4.19 7 %", "49 7 %", "4 g 7 %", None),
        ("cholesterol", "5 mg 2 %", "66 mg (22 %)", "6579(22 %)", "66 mg (22 %)", None),
        ("protein", "2 g 4 %", "", "", "4 g 7 %", "4"),
        ("protein", "2 g 4 %", "17 g", "1 g 2 %", "17 g", None),
        ("sat_fat", "3 g 20 %", "17 g", "1 g 7 %", "17 g", "1"),  # "1 7" of a table with bare numbers
        ("sat_fat", "3 g 20 %", "7 g", "1 g 7 %", "7 g", "1"),
        ("cholesterol", "5 mg 2 %", "20", "20 mg 7 %", "20", "20"),
    ],
)
def test_what_three_pictures_show(
    name: str, printed: str, first: str, second: str, third: str, value: str | None
) -> None:
    row = f"{BY_NAME[name].korean} {printed}"
    one, two, three = (LABEL.replace(row, f"{BY_NAME[name].korean} {read}") for read in (first, second, third))
    assert figures([one, two, two, three])[name] == value


@pytest.mark.parametrize(
    ("energies", "energy"),
    [
        (("150 kcal", "kcal", "150 kcal"), "150"),
        (("158 kcal", "150 kcal", "158 kcal"), None),  # both fit, and the first and the third may err alike
        (("158 kcal", "kcal", "150 kcal"), None),
        (("kcal", "kcal", "150 kcal"), "150"),
    ],
)
def test_energies_of_three_pictures(energies: tuple[str, str, str], energy: str | None) -> None:
    one, two, three = (LABEL.replace("150 kcal", read) for read in energies)
    assert figures([one, two, two, three])["energy"] == energy


def test_the_energy_of_the_package_is_not_that_of_the_figures() -> None:
    """Both are printed and nearly the same; one picture shows no unit behind that of the figures."""
    label = f"내용량 30 g (152 kcal)\n{LABEL.replace('당 150 kcal', '당 열량 150 kcal')}"
    assert figures([label, label])["energy"] == "150"
    assert figures([label, label.replace("150 kcal", "150!<03|")])["energy"] is None


@pytest.mark.parametrize(
    ("label", "missing_some"),
    [
        (LABEL, False),
        (LABEL.replace("트랜스지방 0 g", "트랜스지방 0.5 g 미만"), False),
        (LABEL.replace("트랜스지방 0 g", "트랜스지방"), True),
        (LABEL.replace("트랜스지방 0 g\n", ""), True),  # every label states it
        (LABEL + "\n칼슘 [", True),  # named, though not every label states it
        ("고객상담실 080-123-4567", False),
    ],
)
def test_a_label_is_read_again_for_what_it_seems_to_print(label: str, missing_some: bool) -> None:
    assert nutrition.missing(nutrition.printed([label, label])) is missing_some


def test_a_percentage_that_speaks_for_every_digit_bears_out_what_one_picture_shows() -> None:
    """Accept an amount that alone fits its percentage: 8 % is 8 g of sugars, 6 % is 18 to 21 g of carbohydrate."""
    repaired = LABEL.replace("당류 8 g 8 %", "당류 89 8 %").replace("탄수화물 20 g 6 %", "탄수화물 209 6 %")
    unread = LABEL.replace("당류 8 g 8 %", "").replace("탄수화물 20 g 6 %", "")
    found = figures([unread, repaired])
    assert (found["sugar"], found["carbohydrate"]) == ("8", None)


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        # A percentage joined to the amount, and units read as digits.
        ("carbohydrate", "탄수화물 20 g 6 %", "탄수화물 3201"),
        ("carbohydrate", "탄수화물 20 g 6 %", "탄수화물 3201 0%"),
        ("protein", "단백질 2 g 4 %", "단백질 12900"),
        ("sugar", "당류 8 g 8 %", "당류 2824"),
        # More than there is in 100 g, though its percentage agrees.
        ("carbohydrate", "탄수화물 20 g 6 %", "탄수화물 320 g 99 %"),
        ("sodium", "나트륨 90 mg 5 %", "나트륨 90000 mg 4500 %"),
        ("cholesterol", "콜레스테롤 5 mg 2 %", "콜레스테롤 7500 mg 2500 %"),
        # The digits before a unit that is missing.
        ("sodium", "나트륨 90 mg 5 %", "나트륨 90"),
    ],
)
def test_what_no_label_can_say_is_null(name: str, before: str, after: str) -> None:
    label = LABEL.replace(before, after)
    assert label != LABEL
    found = figures([label, label])
    assert found[name] is None
    assert {n: v for n, v in found.items() if v != VALUES[n]}.keys() <= {name, "energy"}


def test_when_sources_add_up_to_more_than_there_is_none_of_them_is_believed() -> None:
    heavy = LABEL.replace("탄수화물 20 g 6 %", "탄수화물 60 g 19 %").replace("단백질 2 g 4 %", "단백질 41 g 75 %")
    assert figures([heavy, heavy]) == VALUES | dict.fromkeys(("carbohydrate", "protein", "fat", "energy"))


def test_an_energy_that_its_sources_exceed_takes_those_with_it_that_nothing_bears_out() -> None:
    """Drop the unconfirmed sources too: which of the figures is wrong is unknown."""
    bare = LABEL.replace("탄수화물 20 g 6 %", "탄수화물 80 g")
    assert figures([bare, bare]) == VALUES | dict.fromkeys(("carbohydrate", "energy"))


def test_energies_that_fit_and_differ_are_not_told_apart() -> None:
    assert figures([LABEL.replace("150 kcal", "155 kcal"), LABEL])["energy"] is None


BARE = """1일 영양성분 기준치 {unit}
나트륨{mg} 90 5
탄수화물{g} 20 6
당류{g} 8 8
지방{g} 7 13
트랜스지방{g} 0
포화지방{g} 3 20
콜레스테롤{mg} 5 2
단백질{g} 2 4
"""
TURNED = """나트륨 탄수화물 당류 지방
90 mg(5 %) 20 g(6 %) 8 g(8 %) 7 g(13 %)
트랜스지방 포화지방 콜레스테롤 단백질
0 g 3 g(20 %) 5 mg(2 %) 2 g(4 %)
"""
SHARES_BELOW = """나트륨 탄수화물 당류 지방 트랜스지방
90 mg 20 g 8 g 7 g 0 g
5 % 6 % 8 % 13 %
포화지방 콜레스테롤 단백질
3 g 5 mg 2 g
20 % 2 % 4 %
"""
TWO = """나트륨 Sodium 300 mg 90 mg 5 %
탄수화물 Carbohydrate 67 g 20 g 6 %
당류 of which sugars 27 g 8 g 8 %
지방 Fat 23 g 7 g 13 %
트랜스지방 Trans Fat 0 g 0 g
포화지방 Saturates 10 g 3 g 20 %
콜레스테롤 Cholesterol 17 mg 5 mg 2 %
단백질 Protein 7 g 2 g 4 %
"""
ENERGY = "열량 Energy 2,092 kJ / 500 kcal 628 kJ / 150 kcal\n"


def _each(form: str) -> str:
    """Return the label's rows, with `form` between name and amount."""
    return re.sub(r"^([가-힣]{2,6})(?= \d+ m?g)", form, LABEL, flags=re.MULTILINE)


@pytest.mark.parametrize(
    "label",
    [
        _each(r"\1 Total Carbohydrate"), _each(r"\1(Trans Fat)"), _each(r"\1 / Protein"), _each(r"\1 of which sugars"),
        LABEL.replace("\n지방", "\nTotal Fat 지방"),
        _each(r"\1 ......"), _each(r"\1 · · · ·"), _each(r"\1 -----"), _each(r"\1 - - -"),
        _each(r"\1 ……"), _each(r"\1 ____"), _each(r"- \1 :"), _each(r"· \1 .... 아아어에"),
        "150 kcal\n" + BARE.format(unit="", mg="(mg)", g="(g)"),
        "150 kcal\n" + BARE.format(unit="", mg=" [079]", g=" [9]"),
        "100 g당 150 kcal\n" + TURNED, "100 g당 150 kcal\n" + SHARES_BELOW, ENERGY + TWO,
        LABEL.replace("90 mg 5 %", "90\nmg 5 %"), LABEL.replace("90 mg 5 %", "90\nmg5%"),
        LABEL.replace("90 mg 5 %", "90 mg\n5 %"),
        LABEL.replace("8 g 8 %", "8 g (8\n%)"), LABEL.replace("20 g 6 %", "20 g(\n6 %)"),
        LABEL.replace("150 kcal", "150\nkcal"),
    ],
)  # fmt: skip
def test_forms_of_the_standard_and_of_importers(label: str) -> None:
    assert figures([label, label]) == VALUES


@pytest.mark.parametrize("amount", ["<0.5 g", "< 5 mg 1 %", "0.5 g\n미만", "0.5 g미만", "20 mg <5 mg 1 %"])
def test_less_than_in_every_form_is_no_number(amount: str) -> None:
    named = "콜레스테롤 5 mg 2 %" if "mg" in amount else "트랜스지방 0 g"
    name = "cholesterol" if "mg" in amount else "trans_fat"
    rest = LABEL if " <" not in amount else ENERGY + TWO
    named = named if rest is LABEL else "콜레스테롤 Cholesterol 17 mg 5 mg 2 %"
    label = rest.replace(named, f"{named.split()[0]} {amount}")
    assert label != rest and figures([label, label])[name] is None


def test_names_above_amounts_that_do_not_match_them_are_left_alone() -> None:
    odd = TURNED.replace("8 g(8 %) ", "")
    assert figures([odd, odd]) == dict.fromkeys(VALUES) | {
        name: VALUES[name] for name in ("trans_fat", "sat_fat", "cholesterol", "protein")
    }


@pytest.mark.parametrize(
    ("name", "amounts"), [("sodium", "35\nmg2%"), ("sodium", "35 mg\n2%"), ("sodium", "35 (\n2%)")]
)
def test_an_amount_that_the_end_of_a_line_cuts_keeps_its_digits(name: str, amounts: str) -> None:
    label = LABEL.replace("90 mg 5 %", amounts)
    assert figures([label, label])[name] in {"35", None}
    if "mg" in amounts:
        assert figures([label, label])[name] == "35"


def test_a_number_at_the_end_of_a_line_may_lack_its_unit_or_its_last_digits() -> None:
    """ "0.5 g" whose point is lost is no 0 g: behind other figures, its unit may stand in the next line."""
    label = LABEL.replace("지방 7 g 13 %\n트랜스지방 0 g", "지방 7 g 13 %, 트랜스지방08\n@포화지방 3 g")
    assert "08" in label and figures([label, label])["trans_fat"] is None
    in_a_table = LABEL.replace("트랜스지방 0 g", "트랜스지방 05")
    assert figures([in_a_table, in_a_table])["trans_fat"] is None


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


SIGNS = ["나트륨", "당류", "지방", "열량", "탄수화물", *" \n190.,%()", "g", "mg", "kcal"]
ROWS = ["지방 9 g 17 %\n", "지방 1g 2%", "포화지방 2 g 13 %\n", "포화지방 19g", "트랜스지방 0 g\n", "트랜스지방 5g "]
SHAPES = st.lists(st.sampled_from(SIGNS), max_size=40).map("".join)


@given(SHAPES, SHAPES)
def test_text_that_looks_like_a_label_never_breaks_the_shape(one: str, two: str) -> None:
    assert set(figures([one, two])) == set(NAMES)


@given(st.lists(st.sampled_from([*ROWS, *SIGNS]), max_size=8).map("".join), st.sampled_from(ROWS[:2]))
def test_the_kinds_of_fat_are_never_more_than_the_fat(around: str, fat: str) -> None:
    found = figures([fat + around])
    assume(found["fat"] is not None)
    assert found["fat"] is not None
    parts = [found["sat_fat"], found["trans_fat"]]
    assert sum(Decimal(part) for part in parts if part) <= Decimal(found["fat"]) + 1


@pytest.mark.parametrize(
    ("window", "grams"),
    [
        (" 414 06 77%", "41.4"),  # 41 would be 76 %
        (" 414 76%", "41"),
        (" 414 8%", "4.1"),
        (" 414 7%", None),
    ],
)
def test_a_lost_point_is_told_from_a_unit_that_was_read_as_a_digit(window: str, grams: str | None) -> None:
    found = read(window, BY_NAME["fat"])
    assert (None if found is None else plain(found.value)) == grams
