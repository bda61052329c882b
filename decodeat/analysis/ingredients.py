"""Extract the list of ingredients: split outside brackets, without origins and amounts, in the label's order."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import accumulate

from decodeat.analysis import text

_COUNTRIES = (
    "국내|국|외국|수입|원양|미국|중국|호주|캐나다|러시아|러시아연방|우크라이나|브라질|아르헨티나|칠레|페루|멕시코|콜롬비아|에콰도르|"
    "인도|인도네시아|말레이시아|베트남|태국|필리핀|미얀마|스리랑카|파키스탄|일본|대만|싱가포르|뉴질랜드|독일|프랑스|영국|이탈리아|스페인|"
    "포르투갈|네덜란드|벨기에|덴마크|스웨덴|노르웨이|핀란드|폴란드|헝가리|루마니아|불가리아|세르비아|그리스|오스트리아|스위스|아일랜드|"
    "튀르키예|터키|이란|이스라엘|이집트|모로코|튀니지|남아프리카공화국|남아공|가나|코트디부아르|케냐|에티오피아|우간다|"
    "유럽연합|EU|유럽|남미|파라과이|우루과이|볼리비아|코스타리카|과테말라|온두라스"
)
_ORIGIN = re.compile(rf"(?:.*[:/]\s*)?(?:{_COUNTRIES})산(?:\s*(?:등|\d+(?:\.\d+)?%|및))*\s*|.*원산지.*")
_AMOUNT = re.compile(r"[약각총]?\s*(?<!\d)\d+(?:[.,]\d+)?\s*(?:%|mg|g|ml|kg|㎖)(?:\s*(?:이상|이하|미만|함유))?")
_DROPPED = {"", "등", "기타", "정보없음", "정보 없음", "없음"}
_START = re.compile(r"원\s*재\s*료(?:\s*명)?(?:\s*(?:및|/)\s*(?:함량|원산지|원산지명))*\s*[:;]?")
_STOP = re.compile(
    r"영양\s*정보|영양\s*성분|내용량|중량|보관\s*방법|유통\s*기한|소비\s*기한|제조\s*원|판매\s*원|제조\s*일|품목\s*보고|포장\s*재질|반품|"
    r"주의\s*사항|업소명|소재지|고객|소비자|식품\s*유형|제품명|섭취\s*방법|조리\s*방법|알레르기|알러지|부정\s*불량|이\s*제품은|본\s*제품은|"
    r"1회\s*제공량|1일\s*영양|열량\s*\d"
)
_ALLERGENS = re.compile(r".*함\s*유\s*[.)]*")  # a line of its own after the list, which only repeats ingredients
_LATIN = re.compile(r"[A-Za-z]")
_CLEAN = re.compile(r"[가-힣A-Za-z0-9(), ·.%-]+")
# Tesseract misreads these words in the same ways every time; no Korean word is spelled as the patterns are.
_MISREAD = (
    (re.compile("칼[슴습승숨즘]"), "칼슘"),
    (re.compile("나트[롬름롭륭]"), "나트륨"),
    (re.compile("[팡팝]유"), "팜유"),
    (re.compile("고[촛춋곳]가루"), "고춧가루"),
)
_OPEN, _CLOSE = "([{", ")]}"
_LONGEST = 60  # characters; what is longer is a sentence, not an ingredient
_LONGEST_ITEM = 1000  # characters, before origins and amounts are removed
_DEEPEST = 8  # brackets inside each other; labels have three
_MOST = 300  # names; the longest lists have a hundred


def listed(passes: Sequence[str]) -> list[str]:
    """Return a label's ingredients: those of the reading that the others confirm most, corrected where they differ."""
    found = [names for one in passes if (names := split(section_of(one)))]
    if len(found) < 2:
        return found[0] if found else []
    best = max(found, key=lambda names: _confirmed(names, found))
    opposite = [_opposite(best, names) for names in found if names is not best]
    chosen = [_settled([name, *(o[at] for o in opposite if at in o)]) for at, name in enumerate(best)]
    return list(dict.fromkeys(name for name in chosen if name))


def _confirmed(names: list[str], readings: Sequence[list[str]]) -> int:
    """Return the number of names that another reading has too, less that of the others.

    The others are misread names, and lines that are no list.
    """
    elsewhere = {name for reading in readings if reading is not names for name in reading}
    return sum(1 if name in elsewhere else -1 for name in names)


def _opposite(base: list[str], other: list[str]) -> dict[int, str]:
    """Return what another reading has in place of each name, by position, as far as the two lists can be aligned."""
    found: dict[int, str] = {}
    for _, start, end, theirs, their_end in SequenceMatcher(None, base, other, autojunk=False).get_opcodes():
        if end - start == their_end - theirs:
            found |= dict(zip(range(start, end), other[theirs:their_end], strict=True))
    return found


def _settled(variants: list[str]) -> str:
    """Choose one name from its readings. A Korean word read as Latin letters is the usual mistake, so Korean wins.

    "" when there are only unconfirmed names with Latin letters: no ingredient rather than a wrong one.
    """
    clean = [variant for variant in variants if _CLEAN.fullmatch(variant)]
    partly = [variant for variant in clean if text.KOREAN.search(variant)]
    for choice in (partly, [variant for variant in partly if not _LATIN.search(variant)], clean):
        often = max(choice, key=choice.count, default="")
        if choice.count(often) > 1 or (often and not _LATIN.search(often)):
            return often
    return ""


def section_of(one: str) -> str:
    """Return the text between the list's heading and what follows the list; "" without a heading."""
    lines = text.lines(one)
    for number, line in enumerate(lines):
        start = _START.search(line)
        if start is None:
            continue
        parts = [line[start.end() :], *lines[number + 1 :]]
        kept: list[str] = []
        for part in parts:
            stop = _STOP.search(part)
            kept.append(part[: stop.start()] if stop else part)
            if stop:
                break
            if len(kept) > 1 and (_ALLERGENS.fullmatch(part) or _garbled(part)):
                kept.pop()
                break
        return _joined(kept)
    return ""


def without_section(one: str) -> str:
    """Remove the lines that have the list's heading: a name such as 탄산칼슘 in them is no figure."""
    section_lines = {line for line in text.lines(one) if _START.search(line)}
    return "\n".join(line for line in text.lines(one) if line not in section_lines)


def split(section: str) -> list[str]:
    """Return names in order, each once, at most `_MOST`. Commas inside brackets do not separate."""
    items = [item for item in _items(section) if _is_possible(item)]
    names = [name for item in items if (name := _name(item)) not in _DROPPED and len(name) <= _LONGEST]
    return list(dict.fromkeys(names))[:_MOST]


def _is_possible(item: str) -> bool:
    """Return whether length and nesting can be one ingredient's. This limits the time spent on each item."""
    deepest = max(accumulate((sign in _OPEN) - (sign in _CLOSE) for sign in item), default=0)
    return len(item) <= _LONGEST_ITEM and deepest <= _DEEPEST


def _items(section: str) -> list[str]:
    items: list[list[str]] = [[]]
    depth = 0
    for sign in section.translate(str.maketrans("，、", ",,")):
        if sign in _CLOSE and not depth:
            continue  # it closes nothing: a misread letter
        depth += (sign in _OPEN) - (sign in _CLOSE)
        if sign == "," and not depth:
            items.append([])
        else:
            items[-1].append(sign)
    *whole, last = ("".join(item) for item in items)
    # A bracket that never closes would swallow the rest of the list: its commas separate after all.
    return [*whole, *(last.split(",") if depth else [last])]


def _name(item: str) -> str:
    """Return one ingredient without origins and amounts; other brackets stay. Calls itself for what is in them."""
    named = ""
    while True:
        whole = re.sub(r"(?<=\S)\s+등[\s.]*$", "", re.sub(r"\s+", " ", item))  # "and others", before gaps are closed
        plain = text.closed(whole).strip(" .·:;*-_'\"|~")
        opening = next((i for i, sign in enumerate(plain) if sign in _OPEN), -1)
        if opening < 0:
            return (named + _bare(plain)).strip()
        inner, item = _bracket(plain[opening:])
        kept = [part for one in _items(inner) if (part := _name(one)) not in _DROPPED and not _ORIGIN.fullmatch(part)]
        named += _bare(plain[:opening]) + (f"({', '.join(kept)})" if kept else "")


def _bracket(text_: str) -> tuple[str, str]:
    """Return the inside of the bracket that the text begins with, and what follows the bracket."""
    depth = 0
    for position, sign in enumerate(text_):
        depth += (sign in _OPEN) - (sign in _CLOSE)
        if not depth:
            return text_[1:position], text_[position + 1 :]
    return text_[1:], ""


def _bare(name: str) -> str:
    """Remove amounts and brackets from a name, and correct known misreadings; "" when no name is left, or an origin."""
    name = re.sub(r"[()\[\]{}]", "", name)
    while (fewer := " ".join(_AMOUNT.sub("", name).split())) != name:
        name = fewer  # what was on both sides of an amount may make another one
    name = text.closed(name).strip(" .·:;*-_'\"|~")
    for misread, meant in _MISREAD:
        name = misread.sub(meant, name)
    return "" if _ORIGIN.fullmatch(name) or not re.search(r"[가-힣A-Za-z]", name) else name


def _joined(parts: Sequence[str]) -> str:
    """Join lines: with a space only between Latin letters, since Korean labels break lines inside words."""
    joined: list[str] = []
    for part in filter(None, parts):
        gap = " " if joined and _LATIN.fullmatch(joined[-1][-1]) and _LATIN.match(part) else ""
        joined.append(gap + part)
    return "".join(joined)


def _garbled(line: str) -> bool:
    """Return whether a line was not readable: longer than 6 characters, without a comma and without a Korean word."""
    return "," not in line and len(re.findall(r"[가-힣]{2,}", line)) == 0 and len(line) > 6
