"""Given one or two readings, it is told what they are, whether they belong together, and what is answered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decodeat.analysis.label import Flaw, Kind, Reading, understand
from decodeat.analysis.nutrients import NAMES
from decodeat.engines.embedded import judge
from decodeat.pipeline import Status, decide
from tests.unit.decodeat.test_figures import LABEL, VALUES

INGREDIENTS = "제품명: 초코 쿠키\n원재료명: 밀가루(밀:미국산), 설탕, 물엿, 전분\n"
OTHER = LABEL.replace("90 mg 5 %", "700 mg 35 %").replace("20 g 6 %", "60 g 19 %").replace("8 g 8 %", "30 g 30 %")
POSTER = "대한민국 영화제\n5월 개봉\n티켓 예매 1,000원"
CUT = "영양정보\n나트륨\n탄수화물\n1일 영양성분 기준치"


def reading(text: str, flaw: Flaw | None = None) -> Reading:
    return Reading((text, text), flaw)


@pytest.mark.parametrize(
    ("text", "flaw", "kind", "said"),
    [
        (LABEL, None, Kind.LABEL, None),
        (LABEL, Flaw.BLURRED, Kind.LABEL, None),
        (INGREDIENTS, None, Kind.LABEL, None),
        (POSTER, None, Kind.OTHER, None),
        (POSTER, Flaw.SMALL, Kind.OTHER, None),
        # A picture without text may show a label.
        ("", None, Kind.UNREADABLE, Flaw.EMPTY),
        ("", Flaw.BLURRED, Kind.UNREADABLE, Flaw.BLURRED),
        (CUT, None, Kind.UNREADABLE, Flaw.UNCLEAR),
        (CUT, Flaw.TURNED, Kind.UNREADABLE, Flaw.TURNED),
        # Too few words to be sure of.
        ("우유", None, Kind.UNREADABLE, Flaw.UNCLEAR),
    ],
)
def test_what_a_picture_shows(text: str, flaw: Flaw | None, kind: Kind, said: Flaw | None) -> None:
    found = understand(reading(text, flaw))
    assert (found.kind, found.flaw) == (kind, said)


@pytest.mark.parametrize(
    "heading",
    [
        "원재료명", "소비기한", "유통기한", "업소명 및 소재지", "보관방법", "식품의 유형", "품목보고번호", "포장재질",
        "내용량", "반품 및 교환처", "고객상담실", "주의사항", "수입판매원", "보관빙법",
        "Nutrition Facts", "INGREDIENTS",
    ],
)  # fmt: skip
def test_a_single_heading_of_labels_is_enough_not_to_be_called_something_else(heading: str) -> None:
    assert understand(reading(f"{POSTER}\n{heading}: 가")).kind is Kind.UNREADABLE


def test_what_different_pictures_show_differently_is_not_sure_enough_to_be_called_something_else() -> None:
    """Read a label in small type, of which each picture gives different nonsense."""
    assert understand(Reading(("을카누 대로진 서우마 이하가", "물커루 데르질 시무미 아허기"))).kind is Kind.UNREADABLE
    assert understand(Reading((f"{POSTER}\n을카누 대로진 서우마 이하가 차라소 지무", POSTER))).kind is Kind.UNREADABLE
    assert understand(Reading((POSTER.replace("개봉", "개몽"), POSTER))).kind is Kind.OTHER


def test_a_list_of_ingredients_alone_is_a_label_whose_figures_are_unknown() -> None:
    found = understand(reading(INGREDIENTS))
    assert found.ingredients == ("밀가루", "설탕", "물엿", "전분")
    assert dict(found.nutrition) == dict.fromkeys(NAMES)
    assert found.product_name == "초코쿠키"


@given(st.lists(st.sampled_from([LABEL, INGREDIENTS, POSTER, CUT, OTHER, ""]), min_size=1, max_size=2), st.booleans())
def test_every_analysis_becomes_an_outcome_of_the_contract(texts: list[str], lost: bool) -> None:
    outcome = decide(judge([reading(text) for text in texts]), ["The image is empty."] if lost else [], "note")
    assert outcome.message
    assert (outcome.nutrition is not None) == (outcome.status is Status.COMPLETED)
    if outcome.nutrition is None:
        assert outcome.product_name is None and outcome.ingredients == ()
    else:
        assert set(outcome.nutrition) == set(NAMES)


@pytest.mark.parametrize(
    ("texts", "lost", "status"),
    [
        ((LABEL,), (), Status.COMPLETED),
        ((INGREDIENTS,), (), Status.COMPLETED),
        ((LABEL, INGREDIENTS), (), Status.COMPLETED),
        ((LABEL, POSTER), (), Status.COMPLETED),
        ((LABEL, CUT), (), Status.COMPLETED),
        ((LABEL,), ("gone",), Status.COMPLETED),
        ((LABEL, OTHER), (), Status.CANCELLED),
        ((POSTER,), (), Status.CANCELLED),
        ((POSTER, POSTER), (), Status.CANCELLED),
        ((POSTER,), ("gone",), Status.FAILED),
        ((CUT,), (), Status.FAILED),
        ((POSTER, CUT), (), Status.FAILED),
        (("", ""), (), Status.FAILED),
        (("",), (), Status.FAILED),
    ],
)
def test_outcomes(texts: tuple[str, ...], lost: tuple[str, ...], status: Status) -> None:
    assert decide(judge([reading(text) for text in texts]), lost, "").status is status


def test_two_sides_of_one_product_are_joined() -> None:
    merged = judge([reading(INGREDIENTS), reading(LABEL)]).merged
    assert merged is not None
    assert (dict(merged.nutrition), merged.ingredients, merged.product_name) == (
        VALUES,
        ("밀가루", "설탕", "물엿", "전분"),
        "초코쿠키",
    )


def test_a_photograph_that_was_read_once_more_joins_one_that_was_not() -> None:
    front = Reading(("원재료명: 밀가루, 설탕",) * 3)
    back = Reading((LABEL.replace("트랜스지방 0 g", "트랜스지방"), LABEL, LABEL, LABEL))
    assert understand(back.joined(front)).nutrition == understand(front.joined(back)).nutrition == VALUES


def test_a_third_picture_does_not_make_it_surer_that_there_is_no_label() -> None:
    words = "오늘의 추천 메뉴는 김치찌개와 된장찌개 그리고 비빔밥 입니다 어서오세요"
    assert understand(Reading((words, words, words))).kind is Kind.OTHER
    assert understand(Reading((words, "", "", words))).kind is Kind.UNREADABLE
