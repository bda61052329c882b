"""Given an ingredients list as printed or as misread, its names come in order, without origins and amounts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decodeat.analysis import ingredients, product


@pytest.mark.parametrize(
    ("printed", "names"),
    [
        ("밀가루(밀:미국산), 설탕", ["밀가루", "설탕"]),
        ("밀가루(밀:미국산,호주산), 설탕", ["밀가루", "설탕"]),
        ("밀가루(밀/미국산, 캐나다산 등)", ["밀가루"]),
        ("정제소금(국산 100%)、물엿，전분", ["정제소금", "물엿", "전분"]),
        ("비타민C(산화방지제), L-글루탐산나트륨(향미증진제)", ["비타민C(산화방지제)", "L-글루탐산나트륨(향미증진제)"]),
        ("구연산, 젖산, 유기산(구연산)", ["구연산", "젖산", "유기산(구연산)"]),
        ("고추장(소맥분(밀:미국산), 물엿), 마늘(중국산)", ["고추장(소맥분, 물엿)", "마늘"]),
        ("{혼합제제[전분(태국산), 덱스트린]}, 소금", ["(혼합제제(전분, 덱스트린))", "소금"]),
        ("돼지고기 85.2%(국산), 정제수 10 %", ["돼지고기", "정제수"]),
        ("설탕, 향료 등", ["설탕", "향료"]),
        ("설탕, 등, 기타, 정보없음, 정보 없음", ["설탕"]),
        ("설탕, 설탕, 소금", ["설탕", "소금"]),
        ("정 제 소 금, 코코아 분말", ["정제소금", "코코아분말"]),
        ("설탕,, ,소금.", ["설탕", "소금"]),
        ("설탕(국산, 소금, 물엿", ["설탕", "소금", "물엿"]),
        ("국산, 미국산", []),
        ("", []),
        ("123, 45%", []),
    ],
)
def test_split(printed: str, names: list[str]) -> None:
    assert ingredients.split(printed) == names


@given(st.text("가나다라마바사 ABC,，、()[]{}%123:.산미국등", max_size=80))
def test_names_are_clean_in_order_and_stable(printed: str) -> None:
    names = ingredients.split(printed)
    assert len(set(names)) == len(names)
    for name in names:
        assert name == name.strip() and name
        assert name.count("(") == name.count(")")
        assert ingredients.split(name) == [name]


@given(st.lists(st.sampled_from(["설탕", "물엿", "전분", "소금", "버터", "감자"]), unique=True, min_size=1))
def test_a_plain_list_comes_back_as_it_is(names: list[str]) -> None:
    assert ingredients.split(", ".join(names)) == names
    assert ingredients.listed(["원재료명: " + ", ".join(f"{name}(국산)" for name in names) + "\n영양정보"]) == names


LABEL = """제품명: 초코 쿠키
원재료명 및 함량: 밀가루(밀:미국산), 설탕, 식물성유
지(말레이시아산), 코코아분말
밀, 대두, 우유 함유
보관방법: 서늘한 곳
영양정보 탄산칼슘 10 mg"""


def test_a_list_ends_where_something_else_begins() -> None:
    assert ingredients.listed([LABEL]) == ["밀가루", "설탕", "식물성유지", "코코아분말"]


def test_no_heading_no_list() -> None:
    assert ingredients.listed(["영양정보\n나트륨 90 mg, 당류 8 g"]) == []


def test_readings_settle_what_one_misread() -> None:
    latin = LABEL.replace("설탕", "AS")
    assert ingredients.listed([latin, latin, LABEL])[1] == "설탕"
    assert ingredients.listed([LABEL.replace("설탕", "A5"), latin, LABEL.replace("설탕", "Q")]) == [
        "밀가루",
        "식물성유지",
        "코코아분말",
    ]


@pytest.mark.parametrize(
    ("printed", "name"),
    [
        ("제품명: 초코 쿠키", "초코쿠키"),
        ("제 품 명 : 초코 쿠키(1+1)™ Gold", "초코쿠키11Gold"),
        ("상품명 초코쿠키   식품유형: 과자", "초코쿠키"),
        ("제품명: ***", None),
        ("초코쿠키", None),
        ("", None),
    ],
)
def test_product_name(printed: str, name: str | None) -> None:
    assert product.name([printed]) == name


def test_a_name_needs_a_witness_unless_it_is_korean() -> None:
    assert product.name(["제품명: et약과", "제품명: et약과", "제품명: 찹쌀약과"]) == "찹쌀약과"
    assert product.name(["제품명: AtOriginal", "제품명: AtOriginal", "제품명: 쌀과자091021"]) is None
    assert product.name(["제품명: 견과 바 5", "제품명: 견과 바 5", "제품명: 견과 바 s"]) == "견과바5"


@given(st.text(max_size=100))
def test_only_letters_and_digits_remain(printed: str) -> None:
    cleaned = product.clean(printed)
    assert cleaned is None or all((c.isascii() and c.isalnum()) or "가" <= c <= "힣" for c in cleaned)
    if cleaned:
        assert product.clean(cleaned) == cleaned
