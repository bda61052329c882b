"""Find the product's name: the text after its heading, reduced to letters and digits."""

import re
from collections.abc import Sequence

from decodeat.analysis import text

_HEADING = re.compile(r"(?:제\s*품\s*명|상\s*품\s*명|제\s*품\s*이\s*름)\s*[:;.\-]?\s*(?P<name>.*)")
_NEXT = re.compile(
    r"식품\s*유형|식품의\s*유형|품목\s*보고|내용량|업소명|원재료|유통\s*기한|소비\s*기한|보관\s*방법|제조\s*원|영양\s*정보"
)
_OTHER = re.compile(r"[^가-힣A-Za-z0-9]")
_GARBLED = re.compile(r"\d{4}")  # what a reader that knows only Korean letters makes of Latin ones
_LONGEST = 60  # characters


def name(passes: Sequence[str]) -> str | None:
    """Return the name with the most Korean letters; with other signs in it, only if another reading confirms it.

    None when there is no name to trust. That of a single pass is always trusted.
    """
    found = [one for reading in passes if (one := _printed(reading))]
    if not found:
        return None
    fullest = max(found, key=lambda one: len(text.KOREAN.findall(one)))
    # A Korean word read as Latin letters is the usual mistake: a name with other signs needs a second witness.
    if len(passes) == 1 or not text.KOREAN.sub("", fullest):
        return fullest
    full = [one for one in found if len(text.KOREAN.findall(one)) >= len(text.KOREAN.findall(fullest)) - 1]
    likely = [one for one in full if not _GARBLED.search(one)] or full
    return next((one for one in likely if found.count(one) > 1 or _confirmed(one, found)), None)


def _confirmed(name: str, readings: Sequence[str]) -> bool:
    """Return whether one other name has the same Korean letters, and one ends with its other signs or is garbled."""
    others = [one for one in readings if one is not name]
    same_korean = any(text.KOREAN.findall(one) == text.KOREAN.findall(name) for one in others)
    rest = text.KOREAN.sub("", name)
    return same_korean and any(text.KOREAN.sub("", one).endswith(rest) or _GARBLED.search(one) for one in others)


def _printed(one: str) -> str | None:
    """Return the name that one reading shows, None without one."""
    for line in text.lines(one):
        found = _HEADING.search(line)
        if found and (cleaned := clean(_NEXT.split(found["name"])[0])):
            return cleaned
    return None


def clean(printed: str) -> str | None:
    """Keep only Korean syllables, Latin letters and digits, 60 at most; None when nothing is left."""
    return _OTHER.sub("", printed)[:_LONGEST] or None
