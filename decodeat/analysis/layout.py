"""Put words with their places on a page into printed rows: a table's name and its figures belong together."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Word:
    """Hold a word, and the middle of its left and right edge in pixels; y grows downwards.

    `height`: of its letters, in pixels. `spaced`: the reader saw a gap after it.
    """

    text: str
    left: float
    left_y: float
    right: float
    right_y: float
    height: float
    spaced: bool

    @property
    def slope(self) -> float:
        return (self.right_y - self.left_y) / (self.right - self.left) if self.right > self.left else 0.0


_APART = 0.6  # of the letters' height: a wider distance is a gap, whatever the reader saw
_SAME_ROW = 0.5  # of the letters' height by which the middles of a row's words may differ


def rows(words: Sequence[Word]) -> str:
    """Return the page's text, a line for each printed row, also when the page is tilted."""
    wide = [word for word in words if word.right - word.left > 2 * word.height]
    tilt = statistics.median(word.slope for word in wide) if wide else 0.0
    levelled = sorted(words, key=lambda word: _level(word, tilt))
    lines: list[list[Word]] = []
    for word in levelled:
        if lines and _level(word, tilt) - _level(lines[-1][-1], tilt) <= _SAME_ROW * word.height:
            lines[-1].append(word)
        else:
            lines.append([word])
    return "\n".join(_line(line) for line in lines)


def _level(word: Word, tilt: float) -> float:
    """Return how many pixels down the page a word is, once the tilt is removed."""
    return (word.left_y + word.right_y) / 2 - tilt * (word.left + word.right) / 2


def _line(words: Sequence[Word]) -> str:
    line = ""
    before: Word | None = None
    for word in sorted(words, key=lambda word: word.left):
        gap = before is not None and (before.spaced or word.left - before.right > _APART * word.height)
        line += f" {word.text}" if gap else word.text
        before = word
    return line
