"""Parse tesseract's TSV output into lines of signs, each with its place on the page."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

KOREAN = re.compile("[가-힣]")
_WORD_LEVEL = "5"
_PLACE = re.compile(r"[0-9]{1,5}")
_GAP = 0.22  # of a line's height: a wider gap between Korean letters is a space


@dataclass(frozen=True)
class Sign:
    """Hold one letter, digit or mark. Places are pixels; inside a word of several signs they are estimates."""

    text: str
    left: float
    right: float
    opens_word: bool

    @property
    def korean(self) -> bool:
        return KOREAN.match(self.text) is not None


@dataclass(frozen=True)
class Line:
    """Hold signs from left to right as tesseract ordered them. `top` and `bottom` in pixels."""

    signs: tuple[Sign, ...]
    top: int
    bottom: int

    def words(self) -> list[tuple[Sign, ...]]:
        """Return the signs of each word, with words as tesseract separated them."""
        starts = [place for place, sign in enumerate(self.signs) if sign.opens_word]
        return [self.signs[start:end] for start, end in pairwise([*starts, len(self.signs)])]

    def text(self, start: int = 0, end: int | None = None) -> str:
        """Return the signs from `start` to `end`, with spaces between words."""
        places = range(len(self.signs))[start:end]
        return "".join(" " * (place > start and self.spaced(place)) + self.signs[place].text for place in places)

    def spaced(self, place: int) -> bool:
        """Return whether there is a space before a sign.

        Tesseract takes each Korean letter for a word, so only a wide gap beside a Korean letter is a space.
        """
        if place == 0 or place == len(self.signs) or not self.signs[place].opens_word:
            return False
        before, sign = self.signs[place - 1], self.signs[place]
        wide = sign.left - before.right >= _GAP * (self.bottom - self.top)
        return wide or not (sign.korean or before.korean)


def lines(tsv: str) -> list[Line]:
    """Return the lines of one page, from the top. Rows that are no words, or that make no sense, are skipped."""
    found: dict[tuple[str, ...], list[tuple[list[int], str]]] = {}
    for row in tsv.splitlines():
        cells = row.split("\t")
        if len(cells) != 12 or cells[0] != _WORD_LEVEL or not cells[11].strip():
            continue
        if all(_PLACE.fullmatch(cell) for cell in cells[6:10]):
            found.setdefault(tuple(cells[1:5]), []).append(([int(cell) for cell in cells[6:10]], cells[11].strip()))
    return [_line(words) for words in found.values()]


def _line(words: Sequence[tuple[list[int], str]]) -> Line:
    signs = [sign for (left, _, width, _), text in words for sign in _signs(text, left, width)]
    tops, bottoms = zip(*((top, top + height) for (_, top, _, height), _ in words), strict=True)
    return Line(tuple(signs), min(tops), max(bottoms))


def _signs(word: str, left: float, width: float) -> list[Sign]:
    """Place a word's signs side by side: a Korean letter is about twice as wide as any other sign."""
    shares = [2 if KOREAN.match(sign) else 1 for sign in word]
    unit, signs = width / sum(shares), []
    for number, (sign, share) in enumerate(zip(word, shares, strict=True)):
        signs.append(Sign(sign, left, left + unit * share, number == 0))
        left += unit * share
    return signs
