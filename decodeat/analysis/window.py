"""Find the amount in the text that follows a nutrient's name: where it begins, and which part is one figure."""

import re
from dataclasses import dataclass

_WORD = re.compile(r"[^\s()\[\]{}<>:;/·]+")
_ALIKE = re.compile(r"[\dliIOoS!|.,]+(?=m?[g¢]\b|m?[g¢]$)")  # what looks like digits, before a unit
_DIGITS = str.maketrans("liI!|OoS", "11111005")
# What may stand between a nutrient's name and its amount: the name in English, leaders, the unit of a whole column.
# It has no digits, except English in brackets misread as digits, and no word of three Korean letters.
_BRACKET = re.compile(r"\s*[(\[][^()\[\]%]{5,}[)\]](?=\W*[\d<lIO])")
_BETWEEN = re.compile(
    r"(?:[^\d가-힣<≤〈«]|[가-힣]{1,2}(?![가-힣])){0,40}?"
    r"(?=[\d<≤〈«]|(?<![A-Za-z.,])[OlIS](?:[.,]?[OlIS])?\s?m?g(?![A-Za-z])|(?<![A-Za-z.,])[OolIiS]{1,2}[.,]?\d)"
)
# What may have been a first digit, right before the others: a letter or two, or any sign before a point.
_CUT_OFF = re.compile(r"(?<![A-Za-z가-힣])(?![mg])[A-Za-z]{1,2}$|[^\s.,·…ㆍᆞ\-–—_~=:;가-힣][.,]$")
_LEADERS = re.compile(
    r"\s*(?:(?:[.·…ㆍᆞ\-–—_~=]\s?){2,}[^\d\n]*?|(?:[가-힣]?[아-잏]){3,}[가-힣]?\s?)(?=\d|[OlI]{1,2}\s?m?g)"  # or 아아어
)
# The rest of a partly misread name: it is no number, and a number with its unit follows.
_REMNANT = re.compile(r"\s*(?=\S{0,3}[^\d\s.,])(?![\dOolI.,]+m?[g¢])[^\s%<]{1,4}\s+(?=\d[\d.,]*\s?m?g(?![A-Za-z]))")
_SURE_ENGLISH = re.compile(
    r"[^%g\n]{0,8}?(?:Total|Carb|Sod|Sug|Prot|Chol|Calc|Diet|Fib|Satur|Trans|which|Fat(?![a-z]))[A-Za-z]*\)?(?=\W*[\dA-Z<])"
)
_UNIT_FIRST = re.compile(
    r"\s*(?:[^\s\d]{0,2}[\[({][^\s%]{1,4}[\])}]|[^\s\d]{0,3}\(?m?g[)\]}]|[\[({][^\s\d%]{1,3}(?=\s))\s*(?=[\d<.])"
)
_BARE_SHARE = re.compile(r"\s+(\d{1,3})\s*$")
_FIRST = re.compile(r"\s*[\dlIOo.,]+(?:\s?m?[g¢](?![A-Za-z])|[^\s\d(]{1,2}(?=\s|$)|\s[^\s\d.,]{1,2}(?=\s|$))?")
_LAST = re.compile(r"(?:[<≤〈«({]\s?)?[\dOol][\d.,]*\s?(?:m?[g¢]|[^\s\d]{1,2}|\d{1,2})?(?:\s?미\s?만)?\s*$")
_AMOUNTS = re.compile(r"(?<![\d.,])\d[\d.,]*\s?m?g(?![A-Za-z])")
# An opening bracket before an amount that never closes is a misread "<".
_LESS = re.compile(
    r"\s*[({]\s?\d[\d.,]*\s?[^\s\d)%]{0,2}\s*$|\s*[<≤〈«]\s?\d|\W*미만|[^가-힣\d]*\d[\d.,]*\s?[^\s%]{0,3}?\s?(?:미만|미|만)(?![가-힣])"
)
WIDEST = 5  # words of a window that are looked at


@dataclass(frozen=True)
class Form:
    """Describe the layout of a whole label's figures.

    `side_by_side`: amounts for several quantities share one percentage, which belongs to the last of them.
    `units_first`: the units are beside the names, and amounts and percentages are bare numbers.
    """

    side_by_side: bool = False
    units_first: bool = False


PLAIN_FORM = Form()


def less_than(window: str, form: Form = PLAIN_FORM) -> bool:
    """Return whether "less than 1 g" or the like follows a nutrient's name, which is no number."""
    text = opened(window)
    shown = (last(text),) if form.side_by_side else (window, text)
    return any(_LESS.match(even(one)) for one in shown)


def unit_first(window: str) -> bool:
    """Return whether a unit in brackets comes before the number."""
    return _UNIT_FIRST.match(window) is not None


def share(window: str) -> int | None:
    """Return the first printed percentage that follows a nutrient's name."""
    found = re.search(r"(?<!\d)(\d{1,3})%", even(window))
    return int(found[1]) if found else None


def several(window: str) -> bool:
    """Return whether more than one amount comes before the first percentage."""
    return len(_AMOUNTS.findall(even(window).partition("%")[0])) > 1


def opened(window: str) -> str:
    """Return the text after a name, from the amount on."""
    text = window
    for pattern in (_BRACKET, _LEADERS, _SURE_ENGLISH, _REMNANT, _BETWEEN):
        found = pattern.match(text)
        if found is not None:
            bare = re.search(r"(?:^|\s)\.$", found.group()) is not None  # ".5" is a number
            text = text[found.end() - bare :] if not _CUT_OFF.search(found.group()) else ""
    return text


def with_unit(window: str, unit: str) -> str:
    """Return the window of a table with bare numbers, "(mg) 279 14", in the usual form: "279mg 14%"."""
    text = opened(_UNIT_FIRST.sub("", window, count=1) if unit_first(window) else window)
    found = re.match(r"[\d.,]*\d(?![\d.,]*\s?m?g)", text)
    if found is None or "%" in text or _LESS.match(even(text)):
        return text
    return found.group() + unit + _BARE_SHARE.sub(r" \1%", text[found.end() :])


def last(window: str) -> str:
    """Return the last amount before the percentage, with the percentage."""
    before, percent, _ = even(window).partition("%")
    share = re.search(r"\s\(?\d{1,3}$", before) if percent else None
    found = _LAST.search(before[: share.start()] if share else before)
    return f"{found.group()}{share.group() + percent if share else ''}" if found else ""


def first(window: str) -> str:
    """Return the first amount alone, with its unit."""
    found = _FIRST.match(even(window))
    return found.group() if found else ""


def even(window: str) -> str:
    """Return the text with O as 0 where a unit or decimals follow, "5 %" as one word, and no gaps inside numbers."""
    text = re.sub(r"(?<![A-Za-z\d])[Oo](?=\s?m?g\b|\.\d)", "0", window)
    text = re.sub(r"(?<=[g¢])(?=\d{1,3}\s?%)", " ", re.sub(r"(?<=\d)\s+%", "%", text))
    text = re.sub(r"(?<=[g¢])\.(?=\s)", "", text)
    return re.sub(r"(?<=\d) ?([.,]) (?=\d)|(?<=\d) ([.,])(?=\d)", lambda m: m[1] or m[2], text)


def words_of(window: str) -> list[str]:
    """Return the first words of a window."""
    text = even(window)
    return [word.strip(",") for word in _WORD.findall(text) if word.strip(",.")][:WIDEST]


def with_digits(word: str) -> str:
    """Return a number before a unit, with the digits that some of its letters are."""
    found = _ALIKE.match(word)
    return found.group().translate(_DIGITS) + word[found.end() :] if found else word
