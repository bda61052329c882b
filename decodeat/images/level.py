"""Straighten a page: make its lines level where it was held askew, seen from the side, or bent round a can."""

import math
from collections.abc import Callable, Iterable
from itertools import pairwise

from PIL import Image, ImageOps

from decodeat.images.ink import rows
from decodeat.images.picture import scaled

_WIDEST = 8  # degrees that a page may be held askew
_SIDE = 420  # pixels of the longer side on which slopes are measured
_NARROW = 8  # pixels; with a shorter side nothing can be measured
_SLOPING = 0.3  # degrees that lines slope in a half of the page, from which on it is straightened
_TURNED = 0.5  # the text is turned if the change from row to row is below this share of that from column to column
_STRIPS = 24  # upright strips in which a bent page is flattened

Change = Callable[[Image.Image], Image.Image]
# Parts of a page: the rectangle where each is wanted, and its upper left, lower left, lower right and upper right now.
_Mesh = list[tuple[tuple[int, int, int, int], tuple[float, ...]]]


def upright(page: Image.Image) -> Change:
    """Return a function that turns this page, or another of its size, so that this page's lines become level."""
    angle = _slope(_sketch(page), _WIDEST)

    def turned(one: Image.Image) -> Image.Image:
        return one.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=255) if angle else one

    return turned


def levelled(page: Image.Image, *others: Image.Image) -> tuple[Image.Image, ...]:
    """Return a page with level lines, and others of its size changed in the same way. New margins are white."""
    images = tuple(map(upright(page), (page, *others)))
    # Twice from the side, since the first measurement is not exact where lines slope.
    for find in (_from_the_side, _from_the_side, _bent):
        mesh = find(images[0])
        if mesh:
            images = tuple(
                one.transform(one.size, Image.Transform.MESH, mesh, Image.Resampling.BICUBIC, fillcolor=255)
                for one in images
            )
    return images


def is_turned(page: Image.Image) -> bool:
    """Return whether lines of text seem to run from top to bottom; reliable only for a page of little but text."""
    sketch = _sketch(page)
    if min(sketch.size) < _NARROW:
        return False
    upright, turned = (_steps(rows(one)) / one.height for one in (sketch, sketch.transpose(Image.Transpose.ROTATE_90)))
    return upright < _TURNED * turned


def _from_the_side(page: Image.Image) -> _Mesh:
    """Return how to straighten a page whose lines slope differently above and below; [] if neither half slopes."""
    sketch = _sketch(page)
    middle = sketch.height // 2
    above = _slope(sketch.crop((0, 0, sketch.width, middle)), 3)
    below = _slope(sketch.crop((0, middle, sketch.width, sketch.height)), 3)
    if max(abs(above), abs(below)) < _SLOPING:
        return []
    # The slopes are those in the middle of each half; up to the page's edge each changes by half of their difference.
    apart = (above - below) / 2
    width, height = page.size
    top, bottom = (_rise(slope) * width / 2 for slope in (above + apart, below - apart))
    return [((0, 0, width, height), (0, -top, 0, height - bottom, width, height + bottom, width, top))]


def _bent(page: Image.Image) -> _Mesh:
    """Return how to flatten a page bent round a can; [] unless its lines rise on one side and fall on the other."""
    sketch = _sketch(page)
    middle = sketch.width // 2
    left = _slope(sketch.crop((0, 0, middle, sketch.height)), 4)
    right = _slope(sketch.crop((middle, 0, sketch.width, sketch.height)), 4)
    if min(abs(left), abs(right)) < _SLOPING or left * right > 0:
        return []
    width, height = page.size
    bend = (_rise(right) - _rise(left)) * width  # a parabola's: the slope changes evenly from left to right
    edges = sorted({width * number // _STRIPS for number in range(_STRIPS + 1)})
    sunk = [bend * (edge / width - 0.5) ** 2 for edge in edges]
    return [
        ((x, 0, right_x, height), (x, down, x, height + down, right_x, height + right_down, right_x, right_down))
        for (x, down), (right_x, right_down) in pairwise(zip(edges, sunk, strict=True))
    ]


def _rise(degrees: float) -> float:
    return math.tan(math.radians(degrees))


def _sketch(page: Image.Image) -> Image.Image:
    """Return a small negative of a page, in which ink is bright."""
    factor = min(1.0, _SIDE / max(page.size))
    return ImageOps.invert(page).resize(scaled(page.size, factor), Image.Resampling.BOX)


def _slope(sketch: Image.Image, widest: int) -> float:
    """Return the degrees to turn a sketch counter-clockwise to make its lines level; 0 if it is too small."""
    if min(sketch.size) < _NARROW:
        return 0.0
    best = _sharpest(sketch, range(-widest, widest + 1))
    for step in (1 / 4, 1 / 16):
        best = _sharpest(sketch, [best + step * number for number in range(-3, 4)])
    return best


def _sharpest(sketch: Image.Image, angles: Iterable[float]) -> float:
    """Return the angle at which rows of letters and the gaps between them differ most; of equals, the smallest."""
    return max(sorted(angles, key=abs), key=lambda angle: _steps(rows(sketch.rotate(angle, Image.Resampling.BILINEAR))))


def _steps(levels: bytes) -> int:
    return sum((one - other) ** 2 for one, other in pairwise(levels))
