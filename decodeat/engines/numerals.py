"""Read figures apart from the Korean words around them, among which Tesseract takes "79 g" for "799".

The stretches between the Korean words of a line are cut out of the page, to be read alone. They are also looked up, by
place, in the text read on a larger copy of the page. Both are put back between the words, so that each figure is read
by two engines from two different pictures.
"""

import re
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from PIL import Image

from decodeat.engines.signs import Line

_FIGURE = re.compile(r"[^\W_가-힣ㆍᆞ]|[%&¢<]")  # not the dot before a name, which is a letter in Unicode
_WORD_BEFORE = re.compile(r"(?:[^\d가-힣]*[가-힣]+\s*)+")  # the stretch overlaps its end
_LETTER_GAP = 0.14  # of the distance between Korean letters; a wider gap follows a word
_COLUMN_GAP = 1.2  # of the same; wider gaps are made this narrow
_MOST = 200  # stretches; a label has some forty


@dataclass(frozen=True)
class Stretch:
    """Hold signs `start` to `end` of a line, between Korean words, and where on the page they are.

    `follows`: a word comes before it, and the left edge cuts through its last letter, which is still to be cut off.
    `precedes`: a word comes after it.
    """

    line: int
    start: int
    end: int
    box: tuple[int, int, int, int]
    follows: bool
    precedes: bool


def stretches(lines: Sequence[Line]) -> list[Stretch]:
    """Return the stretches whose figures are to be read again."""
    pitch = _pitch(lines)
    return [stretch for number, line in enumerate(lines) for stretch in _of_line(number, line, pitch)]


def _of_line(number: int, line: Line, pitch: float) -> Iterator[Stretch]:
    words = list(_korean(line))
    edges = [(0, 0), *words, (len(line.signs), len(line.signs))]
    for (first, start), (end, _) in pairwise(edges):
        if not _FIGURE.search("".join(sign.text for sign in line.signs[start:end])):
            continue
        left = line.signs[start].left - pitch * 0.2
        if start:
            # A word's place is sure at its beginning only: its last letters' boxes may reach over what follows.
            middle = line.signs[first].left + (start - first - 0.5) * pitch
            left = min(line.signs[start - 1].right, middle, line.signs[start - 1].left + 0.6 * pitch)
        last = end == len(line.signs)
        right = max(sign.right for sign in line.signs) + pitch * 0.3 if last else line.signs[end].left
        if right - left > max(2.0, 0.3 * pitch):
            yield Stretch(
                number, start, end, (round(left), line.top - 2, round(right), line.bottom + 2), start > 0, not last
            )


def _korean(line: Line) -> Iterator[tuple[int, int]]:
    """Return where Korean words begin and end. A letter inside a number, or alone behind one, is its unit."""
    signs = "".join(sign.text for sign in line.signs)
    for found in re.finditer("[가-힣]+", signs):
        start, end = found.span()
        if start and _FIGURE.match(signs[start - 1]):
            start += end - start == 1 or not line.signs[start].opens_word
        if start < end:
            yield start, end


def _pitch(lines: Sequence[Line]) -> float:
    """Return the distance from one Korean letter to the next, in pixels."""
    steps = [
        two.left - one.left
        for line in lines
        for one, two in pairwise(line.signs)
        if one.korean and two.korean and two.left > one.left
    ]
    return statistics.median(steps) if steps else 36.0


def cut_out(page: Image.Image, lines: Sequence[Line]) -> dict[Stretch, Image.Image]:
    """Return the stretches of a page, each with its picture; at most `_MOST`, since noise may look like many."""
    pitch = _pitch(lines)
    return {stretch: _cut(page, stretch, pitch) for stretch in stretches(lines)[:_MOST]}


def _cut(page: Image.Image, stretch: Stretch, pitch: float) -> Image.Image:
    """Return a stretch's picture, without what is left of the words beside it and without wide gaps."""
    left, top, right, bottom = stretch.box
    piece = Image.new("L", (right - left, bottom - top), 255)
    piece.paste(page, (-left, -top))
    inked = _inked(piece)
    if stretch.follows and inked and inked[0][0] < _LETTER_GAP * pitch:
        gaps = (number for number, (one, two) in enumerate(pairwise(inked)) if two[0] - one[1] >= _LETTER_GAP * pitch)
        inked = inked[next(gaps, len(inked)) + 1 :]
    if stretch.precedes and inked and inked[-1][1] >= piece.width - 1:
        inked = inked[:-1]
    parts: list[tuple[int, int]] = []
    for start, end in inked:
        if parts and start - parts[-1][1] < _COLUMN_GAP * pitch:
            parts[-1] = (parts[-1][0], end)
        else:
            parts.append((start, end))
    gap = round(_COLUMN_GAP * pitch)
    width = sum(end - start for start, end in parts) + gap * max(0, len(parts) - 1)
    figures, x = Image.new("L", (max(1, width), piece.height), 255), 0
    for start, end in parts:
        figures.paste(piece.crop((start, 0, end, piece.height)), (x, 0))
        x += end - start + gap
    return figures


def _inked(piece: Image.Image) -> list[tuple[int, int]]:
    """Return the ranges of pixel columns with ink, each as its start and the column after its end."""
    columns = piece.point(lambda grey: 255 if grey < 175 else 0).resize((piece.width, 1), Image.Resampling.BOX)
    found, start = [], None
    for x, level in enumerate((*columns.tobytes(), 0)):
        if level and start is None:
            start = x
        elif not level and start is not None:
            found.append((start, x))
            start = None
    return found


def in_place(wanted: Sequence[Stretch], read: Sequence[Line], larger: float) -> list[str]:
    """Return the text read at the stretches' places on a copy of the page that is `larger` times as large."""
    found = [" ".join(_words_at(stretch, read, larger)) for stretch in wanted]
    return [_WORD_BEFORE.sub("", text, count=1) if _WORD_BEFORE.match(text) else text for text in found]


def _words_at(stretch: Stretch, read: Sequence[Line], larger: float) -> Iterator[str]:
    left, top, right, bottom = (larger * edge for edge in stretch.box)
    for line in read:
        if not top < (line.top + line.bottom) / 2 < bottom:
            continue
        for word in line.words():
            text = "".join(sign.text for sign in word)
            if left < (word[0].left + word[-1].right) / 2 < right:
                yield text


def composed(lines: Sequence[Line], wanted: Sequence[Stretch], figures: Sequence[str]) -> str:
    """Return the page's text with these figures in place of its stretches."""
    written = [""] * len(lines)
    done = [0] * len(lines)
    for stretch, found in zip(wanted, figures, strict=True):
        line = lines[stretch.line]
        before, after = (" " * line.spaced(place) for place in (stretch.start, stretch.end))
        written[stretch.line] += f"{line.text(done[stretch.line], stretch.start)}{before}{found}{after}"
        done[stretch.line] = stretch.end
    return "\n".join(f"{start}{line.text(end)}" for start, line, end in zip(written, lines, done, strict=True))
