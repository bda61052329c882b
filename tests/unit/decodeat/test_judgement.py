"""Given one or two readings, it is told what they are, whether they belong together, and what is answered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decodeat.analysis.label import Kind, Reading, understand
from decodeat.analysis.nutrients import NAMES
from decodeat.engines.embedded import judge
from decodeat.pipeline import Status, decide
from tests.unit.decodeat.test_figures import LABEL, VALUES

INGREDIENTS = "제품명: 초코 쿠키\n원재료명: 밀가루(밀:미국산), 설탕, 물엿, 전분\n"
OTHER = LABEL.replace("90 mg 5 %", "700 mg 35 %").replace("20 g 6 %", "60 g 19 %").replace("8 g 8 %", "30 g 30 %")
POSTER = "대한민국 영화제\n5월 개봉\n티켓 예매 1,000원"
CUT = "영양정보\n나트륨\n탄수화물\n1일 영양성분 기준치"


def reading(text: str, blurred: bool = False) -> Reading:
    return Reading((text, text), blurred)


@pytest.mark.parametrize(
    ("text", "blurred", "kind"),
    [
        (LABEL, False, Kind.LABEL),
        (LABEL, True, Kind.LABEL),
        (INGREDIENTS, False, Kind.LABEL),
        (POSTER, False, Kind.OTHER),
        ("", False, Kind.OTHER),
        ("", True, Kind.UNREADABLE),
        (CUT, False, Kind.UNREADABLE),
    ],
)
def test_what_a_picture_shows(text: str, blurred: bool, kind: Kind) -> None:
    assert understand(reading(text, blurred)).kind is kind


def test_a_list_of_ingredients_alone_is_a_label_whose_figures_are_unknown() -> None:
    found = understand(reading(INGREDIENTS))
    assert found.ingredients == ("밀가루", "설탕", "물엿", "전분")
    assert dict(found.nutrition) == dict.fromkeys(NAMES)
    assert found.product_name == "초코쿠키"


@given(st.lists(st.sampled_from([LABEL, INGREDIENTS, POSTER, CUT, OTHER, ""]), min_size=1, max_size=2), st.booleans())
def test_every_judgement_becomes_an_outcome_of_the_contract(texts: list[str], lost: bool) -> None:
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
    ],
)
def test_outcomes(texts: tuple[str, ...], lost: tuple[str, ...], status: Status) -> None:
    assert decide(judge([reading(text) for text in texts]), lost, "").status is status


def test_two_sides_of_one_product_are_joined() -> None:
    whole = judge([reading(INGREDIENTS), reading(LABEL)]).whole
    assert whole is not None
    assert (dict(whole.nutrition), whole.ingredients, whole.product_name) == (
        VALUES,
        ("밀가루", "설탕", "물엿", "전분"),
        "초코쿠키",
    )
