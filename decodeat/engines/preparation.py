"""Prepare a photographed page for tesseract: even light, level lines, dark letters of one size, no rules."""

import statistics

from PIL import Image

from decodeat.analysis.label import Flaw
from decodeat.images import level, light, rules
from decodeat.images.ink import ink, rows
from decodeat.images.picture import LARGEST_SIDE, is_blurred, scaled

LETTERS = 34  # pixels that a line of Korean letters is high when tesseract sees it; it reads best between 30 and 40
_MOST, _LEAST = 3.5, 0.6  # limits of the scale; what is large on a page may be pictures, so not much smaller
_SMALL = 2.0  # factor of enlargement from which on a page's letters may have been too small to read
_LARGE = 1800  # pixels of the longer side from which it pays to make a page smaller first of all
_COARSE = 1000  # pixels of the longer side of the copy on which its letters are measured for that
_PIECES = 8  # upright strips in which the height of lines is measured, so that columns of different rows don't mix


def prepared(grey: Image.Image) -> Image.Image:
    """Return the page with level lines, scaled (within limits) until its letters are `LETTERS` pixels high.

    Light letters on dark ground become dark letters on light ground, on the whole page and in single bars.
    """
    even = light.evened(_not_too_large(light.dark_on_light(grey)))
    page, slow = level.levelled(even.page, even.slow)
    page = light.stretched(page)
    height = letters(page) or LETTERS
    page = rules.without_leaders(rules.without_rules(rules.without_bars(page, slow, height), height), height)
    factor = min(_MOST, max(_LEAST, LETTERS / height), LARGEST_SIDE / max(page.size))
    return page.resize(scaled(page.size, factor), Image.Resampling.LANCZOS)


def flaw(grey: Image.Image, page: Image.Image) -> Flaw | None:
    """Return what makes a picture hard to read, or None. `page` was prepared from it."""
    if is_blurred(grey):
        return Flaw.BLURRED
    if level.is_turned(page):
        return Flaw.TURNED
    return Flaw.SMALL if max(page.size) >= _SMALL * max(grey.size) else None


def _not_too_large(grey: Image.Image) -> Image.Image:
    """Make a large page with large letters smaller: the time that all later steps take depends on its pixels."""
    if max(grey.size) <= _LARGE:
        return grey
    factor = _COARSE / max(grey.size)
    coarse = light.evened(grey.resize(scaled(grey.size, factor), Image.Resampling.BOX)).page
    height = letters(light.stretched(level.upright(coarse)(coarse)))
    wanted = max(1.2 * LETTERS / height, 1.0) * factor if height else 1.0
    return grey.resize(scaled(grey.size, wanted), Image.Resampling.BOX) if wanted < 1 else grey


def letters(page: Image.Image) -> float | None:
    """Return the height of a line of letters in pixels; None when no line is found."""
    heights = []
    dark = ink(page, 90)
    for number in range(_PIECES):
        piece = dark.crop((dark.width * number // _PIECES, 0, dark.width * (number + 1) // _PIECES, dark.height))
        height = 0
        for inked in (*rows(piece), 0):
            if inked > 6:
                height += 1
            else:
                heights += [height] if height >= 6 else []
                height = 0
    return statistics.median(heights) if heights else None
