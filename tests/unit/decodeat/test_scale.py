"""Test that understanding a costly text of the greatest length takes linear time and no deep recursion.

Time is processor time of this thread, compared with that of an ordinary label of the same length on the same machine.
Code whose time grew with the square of the length took more than thirty times as long; now each case takes at most
2.2 times as long.
"""

import base64
import json
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers

from decodeat import credentials, values
from decodeat.analysis import extraction, ingredients, layout, numbers, product, text
from decodeat.analysis.label import Kind, Reading, understand
from decodeat.api.identity import Credentials
from decodeat.engines import numerals, prompt, signs
from decodeat.engines.embedded import judge
from decodeat.engines.fallback import _analysis, _reading
from decodeat.observability import without_query

LENGTH = text.MOST // 2  # characters: one page
TIMES = 6  # as long as an ordinary label may a costly text take
ORDINARY = """영양정보 총 내용량 100 g 당 350 kcal
나트륨 120 mg 6 % 탄수화물 30 g 9 %
원재료명: 밀가루(밀:미국산), 설탕, 정제소금, 혼합제제(유화제, 산도조절제)
"""
COSTLY = {
    "open brackets": "가(",
    "closed brackets": "가(나)",
    "brackets the wrong way round": ")(",
    "origins": "밀가루(밀:미국산),",
    "the same name": "밀가루,",
    "digits": "1",
    "digits and commas": "1,",
    "digits and points": "1.",
    "amounts": "약 1",
    "percentages": "1 %",
    "names and figures": "나트륨 120mg 6% ",
    "energies": "열량 120kcal ",
    "colons and slashes": ":/",
    "origin": "원산",
    "allergens": "함유 ",
    "headings": "원 재 료",
    "headings in lines": "원재료명: 가\n",
    "names in lines": "밀가루,\n",
    "Latin letters in lines": "a\n",
    "half words in lines": "탄수\n",
    "empty lines": "\n",
    "spaces": " ",
    "tabs": "\t",
    "and others": "가 등 ",
    "calcium": "칼",
    "fat": "지방",
    "less than": "1 미만 ",
    "marks over a letter": "\u0301\u0316",
    "a letter that stands for eighteen": "\ufdfa",
    "bare letters of syllables": "\u1100\u1161",
    "letters like digits": "l|",
    "closing brackets before an energy": ")12kcal",
    "gaps": "가 ",
}
HEADS = ("", "원재료명: ", "원재료명:\n가\n", "나트륨 ", "제품명: ", "열량 ")


def tesseracts(whole: str) -> list[signs.Line]:
    row = "5\t1\t1\t1\t{line}\t{word}\t{left}\t10\t20\t20\t90\t{text}"
    return signs.lines(
        "\n".join(
            row.format(line=number // 50, word=number, left=30 * number % 9999, text=word)
            for number, word in enumerate(whole.split(" "))
        )
    )


def models(whole: str) -> object:
    """Check a model's answer of the largest size, made from the text, against that text."""
    items = tuple(whole[at : at + 300] for at in range(0, 90_000, 300))
    said = extraction.Extraction((Kind.LABEL,), True, whole[:300], {"sodium": extraction.Amount("120", "mg", 6)}, items)
    return extraction.labels(said, [Reading((whole,))])


def models_json(whole: str) -> object:
    try:
        return prompt.answer(whole, 1)
    except ValueError:
        return None


UNDERSTOOD: dict[str, Callable[[str], object]] = {
    "one reading": lambda whole: understand(Reading((whole,))),
    "three readings": lambda whole: understand(Reading((whole, whole.replace("가", "각"), whole[1:]))),
    "two pictures": lambda whole: judge([Reading((whole[: LENGTH // 2],)), Reading((whole[LENGTH // 2 :],))]),
    "a model's answer": models,
    "a model's JSON": models_json,
    "what a model is asked": lambda whole: prompt.question([Reading((whole,))]),
    "one list": ingredients.split,
    "a name": lambda whole: product.name([whole, whole[1:]]),
    "a number": numbers.parse,
    "rows": lambda whole: layout.rows(
        [layout.Word(word, 10 * at, at % 7, 10 * at + 8, at % 7, 10, True) for at, word in enumerate(whole.split(" "))]
    ),
    "figures to be read again": lambda whole: numerals.stretches(tesseracts(whole)),
}


def spent(understood: Callable[[str], object], whole: str) -> float:
    began = time.thread_time()
    understood(whole)
    return time.thread_time() - began


def ordinary() -> float:
    return spent(UNDERSTOOD["three readings"], (ORDINARY * LENGTH)[:LENGTH])


known = cache(ordinary)


def is_in_time(understood: Callable[[str], object], whole: str) -> bool:
    """A processor is slower while its other half works, too: what seems to take too long is compared anew."""
    return spent(understood, whole) < TIMES * known() or spent(understood, whole) < TIMES * ordinary()


@pytest.mark.share
@pytest.mark.parametrize("costly", COSTLY)
@pytest.mark.parametrize("how", ["three readings", "a model's answer", "one list"])
def test_a_costly_text_is_understood_in_linear_time(how: str, costly: str) -> None:
    for head in ("원재료명:\n가\n", "나트륨 "):
        whole = (head + COSTLY[costly] * LENGTH)[:LENGTH]
        assert is_in_time(UNDERSTOOD[how], whole), head


@pytest.mark.parametrize("how", UNDERSTOOD)
@given(
    head=st.sampled_from(HEADS),
    pieces=st.lists(
        st.sampled_from([*COSTLY.values(), "(", ")", "x", "%", "[", "{", '"', ","]), min_size=1, max_size=4
    ),
)
@settings(max_examples=4)
def test_any_pattern_is_understood_in_linear_time(how: str, head: str, pieces: list[str]) -> None:
    assert is_in_time(UNDERSTOOD[how], (head + "".join(pieces) * LENGTH)[:LENGTH])


def test_different_names_without_end_are_laid_beside_each_other_in_time() -> None:
    whole = "원재료명: " + ",".join(f"가나{number}다" for number in range(LENGTH // 6))
    assert is_in_time(UNDERSTOOD["three readings"], whole)


def test_amounts_that_stand_between_amounts_are_taken_out_in_time() -> None:
    assert is_in_time(UNDERSTOOD["one list"], "가" + "1 " * (LENGTH // 4) + "% " * (LENGTH // 4))


def test_nothing_of_a_text_is_read_beyond_its_bound() -> None:
    late = "x" * text.MOST + "\n원재료명: 설탕, 소금"
    assert understand(Reading((late,))).ingredients == ()
    assert understand(Reading(("x" * (text.MOST - 100) + "\n원재료명: 설탕, 소금",))).ingredients == ("설탕", "소금")


@pytest.mark.parametrize("opening", ['{"images":', "[", '{"a":[', '{"nutrition":[{"name":'])
def test_a_models_answer_nested_without_end_is_no_answer(opening: str) -> None:
    with pytest.raises(ValueError, match="validation error"):
        prompt.answer(opening * 20_000, 1)


def test_a_models_answer_of_the_largest_size_is_checked_in_time() -> None:
    items = [f"{number:04d}" * 75 for number in range(300)]
    said = json.dumps({"images": [{"kind": "label"}], "same_product": True, "nutrition": [], "ingredients": items})
    page = Reading(("".join(chr(0xAC00 + number % 11_000) for number in range(LENGTH)),))
    assert is_in_time(lambda answer: extraction.labels(prompt.answer(answer, 1), [page]), said)


NESTED = "[" * 100_000


def test_json_nested_without_end_is_wrong_wherever_it_comes_from(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must be a list"):
        values.listed(NESTED)
    file = tmp_path / "credentials.json"
    file.write_text(NESTED)
    with pytest.raises(ValueError, match="not JSON"):
        values.credentials_file(str(file))
    with pytest.raises(ValueError, match="not JSON"):
        credentials.content(NESTED)
    for remembered in (_reading, _analysis):
        with pytest.raises(ValueError, match=r"no (reading|analysis)"):
            remembered(NESTED.encode())


def test_a_token_nested_without_end_proves_nothing() -> None:
    accepted = Credentials(secrets=("s" * 32,), issuer="i", audience="a")
    token = base64.urlsafe_b64encode(b'{"alg":' + b"[" * 5990).decode().rstrip("=") + ".e30.e30"
    assert accepted.holder(Headers({"Authorization": f"Bearer {token}"})) == ""


@pytest.mark.parametrize("pattern", ["http://", "http://a@", "https://a?", "https://a'", "http://a/", "#http://"])
def test_what_is_logged_is_freed_of_secrets_in_linear_time(pattern: str) -> None:
    assert is_in_time(without_query, pattern * LENGTH)


def test_an_address_without_a_query_loses_its_password_too() -> None:
    said = without_query("from http://user:hunter2@a.kr/x, https://b.kr/y?sig=1 and https://c.kr")
    assert said == "from http://a.kr/x, https://b.kr/y?… and https://c.kr"
