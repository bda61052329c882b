"""The product's name: what stands after its heading, reduced to letters and digits."""

import re
from collections.abc import Sequence

from decodeat.analysis import text

_HEADING = re.compile(r"(?:제\s*품\s*명|상\s*품\s*명|제\s*품\s*이\s*름)\s*[:;.\-]?\s*(?P<name>.*)")
_NEXT = re.compile(
    r"식품\s*유형|식품의\s*유형|품목\s*보고|내용량|업소명|원재료|유통\s*기한|소비\s*기한|보관\s*방법|제조\s*원|영양\s*정보"
)
_OTHER = re.compile(r"[^가-힣A-Za-z0-9]")
_KOREAN = re.compile(r"[가-힣]")
_LONGEST = 60  # characters


def name(passes: Sequence[str]) -> str | None:
    """The name that the readings agree on, else the one read wholly in Korean; None when there is none to trust."""
    found = [one for text_ in passes if (one := _printed(text_))]
    if not found:
        return None
    fullest = max(found, key=lambda one: len(_KOREAN.findall(one)))
    # A Korean word read as Latin letters is the usual mistake: a name with other signs needs a second witness.
    if found.count(fullest) > 1 or len(passes) == 1 or not _KOREAN.sub("", fullest):
        return fullest
    return None


def _printed(one: str) -> str | None:
    """The name that one reading shows."""
    for line in text.lines(one):
        found = _HEADING.search(line)
        if found and (cleaned := clean(_NEXT.split(found["name"])[0])):
            return cleaned
    return None


def clean(printed: str) -> str | None:
    """Only Korean syllables, Latin letters and digits remain; None when nothing does."""
    return _OTHER.sub("", printed)[:_LONGEST] or None
