"""Make a page look as if it lay in even light, with dark letters on white paper."""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageFilter, ImageMath, ImageOps

_SIDE = 256  # pixels of the longer side on which light is measured
_BAND = 256  # rows that are computed at once, in four bytes a pixel
_CONTRAST = 0.5  # share of the paper's level by which ink is taken to be darker at least: what is lighter may be none


@dataclass(frozen=True)
class Evened:
    """Hold a page in even light, in two ways.

    `page`: shadows of any shape are removed, and dark bars with them. `slow`: only slow changes of light are removed.
    """

    page: Image.Image
    slow: Image.Image


def dark_on_light(grey: Image.Image) -> Image.Image:
    """Return the page, inverted if its letters are light on dark.

    Letters cover less than what surrounds them, so they are the pixels far from the local mean, on one side of it.
    """
    small = grey.reduce(2)
    apart = ImageChops.subtract(small, small.filter(ImageFilter.BoxBlur(12)), scale=2, offset=128)
    leaning = sum(count * (level - 128) ** 3 for level, count in enumerate(apart.histogram()))
    return ImageOps.invert(grey) if leaning > 0 else grey


def evened(grey: Image.Image) -> Evened:
    """Make a page white where it is as light as the paper nearby, and black where it is as dark as the ink nearby."""
    reduced = max(1, round(max(grey.size) / _SIDE))
    small = grey.reduce(reduced).filter(ImageFilter.RankFilter(5, 18))
    near = _most(small, ImageFilter.MaxFilter(3)).filter(ImageFilter.BoxBlur(3))
    far = _most(small, ImageFilter.MaxFilter(9)).filter(ImageFilter.BoxBlur(13))
    # Take the darkest pixels before the page is as small as `small`: thin strokes would be lost in the averages.
    strokes = (
        grey.reduce(max(1, reduced // 2)).filter(ImageFilter.MinFilter(3)).resize(small.size, Image.Resampling.BOX)
    )
    darkest = _most(strokes, ImageFilter.MinFilter(9)).filter(ImageFilter.BoxBlur(13))
    return Evened(_between(grey, near, darkest), _between(grey, far, Image.new("L", far.size, 0)))


def _most(image: Image.Image, of: ImageFilter.Filter) -> Image.Image:
    """Find the brightest or darkest around each pixel. Three small windows take less time than one as wide as all."""
    for _ in range(3):
        image = image.filter(of)
    return image


def _between(grey: Image.Image, light: Image.Image, dark: Image.Image) -> Image.Image:
    """Scale levels so that local `dark` is 0 and local `light` 255; what is hardly darker than `light` stays light."""
    light, dark = (ground.resize(grey.size, Image.Resampling.BILINEAR) for ground in (light, dark))
    least = light.point([round(level * _CONTRAST) + 1 for level in range(256)])
    below, depth = ImageChops.subtract(light, grey), ImageChops.lighter(ImageChops.subtract(light, dark), least)
    even = Image.new("L", grey.size)
    for top in range(0, grey.height, _BAND):
        part = (0, top, grey.width, min(grey.height, top + _BAND))
        even.paste(_share(below.crop(part), depth.crop(part)), part)
    return even


def _share(below: Image.Image, depth: Image.Image) -> Image.Image:
    """Return 255 where a level is not below the light, 0 where it is as far below it as ink."""
    levels: Image.Image = ImageMath.lambda_eval(
        lambda of: of["convert"](of["max"](255 - of["below"] * 255 / of["depth"], 0), "L"), below=below, depth=depth
    )
    return levels


def stretched(page: Image.Image) -> Image.Image:
    """Raise contrast to the full range: most of a label is paper, and becomes white. An empty page stays as it is."""
    levels = page.histogram()
    dark, light = _percentile(levels, 0.01), round(0.95 * _percentile(levels, 0.5))
    if light <= dark:
        return page
    return page.point([min(255, max(0, round((grey - dark) * 255 / (light - dark)))) for grey in range(256)])


def _percentile(levels: Sequence[int], share: float) -> int:
    """Return the grey level that this share of the pixels does not exceed."""
    left = share * sum(levels)
    for level, count in enumerate(levels):
        left -= count
        if left <= 0:
            return level
    return 255
