"""Normalise the text of a reader: one form of every sign, and no gaps inside Korean words."""

import re
import unicodedata

MOST = 40_000  # characters that are read, of one page or two; a label has two thousand
KOREAN = re.compile("[가-힣]")
_LONGEST_LINE = 500  # characters: the time for Unicode's composed form grows with the square of the marks in a line
_GAP = re.compile(r"(?<=[가-힣])[ \t]+(?=[가-힣])")
# What Unicode's compatibility form leaves alone, or would turn into letters.
_SIGNS = str.maketrans(
    {"㎎": "mg", "㎉": "kcal"} | dict(zip("，、：（）％", ",,:()%", strict=True)) | dict.fromkeys("™®©", "")
)


def lines(text: str) -> list[str]:
    """Return the lines that are not empty, in Unicode's compatibility form (NFKC)."""
    found = (re.sub(r"[ \t\u00a0|_]+", " ", line).strip() for line in even(text.translate(_SIGNS)).splitlines())
    return [line for line in found if line]


def even(text: str) -> str:
    """Return a text's first `MOST` characters in Unicode's compatibility form (NFKC); this package never reads more."""
    parts = (line[at : at + _LONGEST_LINE] for line in text[:MOST].splitlines(keepends=True) for at in _starts(line))
    return "".join(unicodedata.normalize("NFKC", part) for part in parts)[:MOST]


def _starts(line: str) -> range:
    return range(0, len(line), _LONGEST_LINE)


def closed(line: str) -> str:
    """Remove gaps between Korean syllables: readers see them where letters are set wide."""
    return _GAP.sub("", line)
