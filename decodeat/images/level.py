"""A page pulled straight: held askew, seen from the side or round a can, its lines become level."""

import math
from collections.abc import Callable, Iterable
from itertools import pairwise

from PIL import Image, ImageOps

from decodeat.images.ink import rows
from decodeat.images.picture import scaled

_WIDEST = 8  # degrees that a page may be held askew
_SIDE = 420  # pixels of the longer side on which slopes are measured
_NARROW = 8  # pixels on which nothing can be measured
_SLOPING = 0.3  # degrees that lines still slope in a half of the page, from which it is pulled straight
_TURNED = 0.5  # the text is turned if the change from row to row is below this share of that from column to column
_STRIPS = 24  # upright strips in which a bent page is flattened

Change = Callable[[Image.Image], Image.Image]
# Parts of a page: where they are wanted, and their upper left, lower left, lower right and upper right corner now.
_Mesh = list[tuple[tuple[int, int, int, int], tuple[float, ...]]]


def upright(page: Image.Image) -> Change:
    """What turns a page, or another of its size, until its lines are level."""
    angle = _slope(_sketch(page), _WIDEST)

    def turned(one: Image.Image) -> Image.Image:
        return one.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=255) if angle else one

    return turned


def levelled(page: Image.Image, *others: Image.Image) -> tuple[Image.Image, ...]:
    """A page and others of its size, all changed alike. Around them it is white."""
    images = tuple(map(upright(page), (page, *others)))
    # Once more from the side: between sloping lines the first measurement is not exact.
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
    """How to pull a page straight whose lines above slope otherwise than those below; nothing if they don't."""
    sketch = _sketch(page)
    middle = sketch.height // 2
    above = _slope(sketch.crop((0, 0, sketch.width, middle)), 3)
    below = _slope(sketch.crop((0, middle, sketch.width, sketch.height)), 3)
    if max(abs(above), abs(below)) < _SLOPING:
        return []
    # Measured in the middle of each half; half as much again at the page's edges.
    apart = (above - below) / 2
    width, height = page.size
    top, bottom = (_rise(slope) * width / 2 for slope in (above + apart, below - apart))
    return [((0, 0, width, height), (0, -top, 0, height - bottom, width, height + bottom, width, top))]


def _bent(page: Image.Image) -> _Mesh:
    """How to flatten a page that was round a can, whose lines rise on one side and fall on the other."""
    sketch = _sketch(page)
    middle = sketch.width // 2
    left = _slope(sketch.crop((0, 0, middle, sketch.height)), 4)
    right = _slope(sketch.crop((middle, 0, sketch.width, sketch.height)), 4)
    if min(abs(left), abs(right)) < _SLOPING or left * right > 0:
        return []
    width, height = page.size
    bend = (_rise(right) - _rise(left)) * width  # of a parabola: the slope changes evenly from left to right
    edges = sorted({width * number // _STRIPS for number in range(_STRIPS + 1)})
    sunk = [bend * (edge / width - 0.5) ** 2 for edge in edges]
    return [
        ((x, 0, right_x, height), (x, down, x, height + down, right_x, height + right_down, right_x, right_down))
        for (x, down), (right_x, right_down) in pairwise(zip(edges, sunk, strict=True))
    ]


def _rise(degrees: float) -> float:
    return math.tan(math.radians(degrees))


def _sketch(page: Image.Image) -> Image.Image:
    """Small, ink bright."""
    factor = min(1.0, _SIDE / max(page.size))
    return ImageOps.invert(page).resize(scaled(page.size, factor), Image.Resampling.BOX)


def _slope(sketch: Image.Image, widest: int) -> float:
    """Degrees to turn a sketch against the clock until its lines are level; none where there is no room for two."""
    if min(sketch.size) < _NARROW:
        return 0.0
    best = _sharpest(sketch, range(-widest, widest + 1))
    for step in (1 / 4, 1 / 16):
        best = _sharpest(sketch, [best + step * number for number in range(-3, 4)])
    return best


def _sharpest(sketch: Image.Image, angles: Iterable[float]) -> float:
    """The angle at which rows of letters and the gaps between them differ most; the least where none does."""
    return max(sorted(angles, key=abs), key=lambda angle: _steps(rows(sketch.rotate(angle, Image.Resampling.BILINEAR))))


def _steps(levels: bytes) -> int:
    return sum((one - other) ** 2 for one, other in pairwise(levels))
