"""Text as it comes from a reader, made even: one form of every sign, and no gaps inside Korean words."""

import re
import unicodedata

KOREAN = re.compile("[가-힣]")
_GAP = re.compile(r"(?<=[가-힣])[ \t]+(?=[가-힣])")
# What Unicode's compatibility form leaves alone, or would turn into letters.
_SIGNS = str.maketrans(
    {"㎎": "mg", "㎉": "kcal"} | dict(zip("，、：（）％", ",,:()%", strict=True)) | dict.fromkeys("™®©", "")
)


def lines(text: str) -> list[str]:
    """The lines that hold something, in Unicode's composed form."""
    even = unicodedata.normalize("NFKC", text.translate(_SIGNS))
    found = (re.sub(r"[ \t\u00a0|_]+", " ", line).strip() for line in even.splitlines())
    return [line for line in found if line]


def closed(line: str) -> str:
    """Without gaps between Korean syllables: readers see them where letters are set wide."""
    return _GAP.sub("", line)
