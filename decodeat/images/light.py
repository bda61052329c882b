"""A page as if it lay in even light, dark letters on white paper."""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageFilter, ImageMath, ImageOps

_SIDE = 256  # pixels of the longer side on which light is measured
_BAND = 256  # rows that are computed at once, in four bytes a pixel
_CONTRAST = 0.5  # of the paper's level; where ink is no darker than that below it, there may be none


@dataclass(frozen=True)
class Evened:
    """`page`: shadows of any shape gone, and dark bars with them. `slow`: slow changes gone, and bars kept."""

    page: Image.Image
    slow: Image.Image


def dark_on_light(grey: Image.Image) -> Image.Image:
    """The page, turned over if its letters are light on dark.

    Letters are fewer than what surrounds them, so they are what lies far from the local mean, on one side of it.
    """
    small = grey.reduce(2)
    apart = ImageChops.subtract(small, small.filter(ImageFilter.BoxBlur(12)), scale=2, offset=128)
    leaning = sum(count * (level - 128) ** 3 for level, count in enumerate(apart.histogram()))
    return ImageOps.invert(grey) if leaning > 0 else grey


def evened(grey: Image.Image) -> Evened:
    """White where a page is as light as paper is thereabouts, black where it is as dark as ink is thereabouts."""
    reduced = max(1, round(max(grey.size) / _SIDE))
    small = grey.reduce(reduced).filter(ImageFilter.RankFilter(5, 18))
    near = _most(small, ImageFilter.MaxFilter(3)).filter(ImageFilter.BoxBlur(3))
    far = _most(small, ImageFilter.MaxFilter(9)).filter(ImageFilter.BoxBlur(13))
    # Of strokes that are thinner than what is averaged, something of the ink is left only if it is taken before.
    strokes = (
        grey.reduce(max(1, reduced // 2)).filter(ImageFilter.MinFilter(3)).resize(small.size, Image.Resampling.BOX)
    )
    darkest = _most(strokes, ImageFilter.MinFilter(9)).filter(ImageFilter.BoxBlur(13))
    return Evened(_between(grey, near, darkest), _between(grey, far, Image.new("L", far.size, 0)))


def _most(image: Image.Image, of: ImageFilter.Filter) -> Image.Image:
    """The brightest or darkest around each pixel. Three small windows take less time than one as wide as all."""
    for _ in range(3):
        image = image.filter(of)
    return image


def _between(grey: Image.Image, light: Image.Image, dark: Image.Image) -> Image.Image:
    """Levels from dark to light, each of which changes over the page; what is hardly darker than light stays so."""
    light, dark = (ground.resize(grey.size, Image.Resampling.BILINEAR) for ground in (light, dark))
    least = light.point([round(level * _CONTRAST) + 1 for level in range(256)])
    below, depth = ImageChops.subtract(light, grey), ImageChops.lighter(ImageChops.subtract(light, dark), least)
    even = Image.new("L", grey.size)
    for top in range(0, grey.height, _BAND):
        part = (0, top, grey.width, min(grey.height, top + _BAND))
        even.paste(_share(below.crop(part), depth.crop(part)), part)
    return even


def _share(below: Image.Image, depth: Image.Image) -> Image.Image:
    """255 where a level is not below the light, 0 where it is as deep below as ink."""
    levels: Image.Image = ImageMath.lambda_eval(
        lambda of: of["convert"](of["max"](255 - of["below"] * 255 / of["depth"], 0), "L"), below=below, depth=depth
    )
    return levels


def stretched(page: Image.Image) -> Image.Image:
    """Full contrast: most of a label is paper, and all of that becomes white. An empty page stays as it is."""
    levels = page.histogram()
    dark, light = _percentile(levels, 0.01), round(0.95 * _percentile(levels, 0.5))
    if light <= dark:
        return page
    return page.point([min(255, max(0, round((grey - dark) * 255 / (light - dark)))) for grey in range(256)])


def _percentile(levels: Sequence[int], share: float) -> int:
    """The grey level up to which that share of the pixels is."""
    left = share * sum(levels)
    for level, count in enumerate(levels):
        left -= count
        if left <= 0:
            return level
    return 255
