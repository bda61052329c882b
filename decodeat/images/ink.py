"""Ink on paper as a mask, 255 where there is ink, and what lies in unbroken runs along a row or a column of pixels."""

from collections.abc import Callable

from PIL import Image, ImageChops, ImageOps

Direction = tuple[int, int]
ACROSS, DOWN = (1, 0), (0, 1)
Combination = Callable[[Image.Image, Image.Image], Image.Image]


def ink(page: Image.Image, darker: int) -> Image.Image:
    """Where a page is at least that many grey levels darker than white."""
    return page.point(lambda grey: 255 if grey < 255 - darker else 0)


def lightest(page: Image.Image, within: int) -> Image.Image:
    """Return the lightest level in that many pixels around each."""
    for along in (ACROSS, DOWN):
        for sign in (1, -1):
            page = swept(page, within, along, sign, ImageChops.lighter)
    return page


def rows(image: Image.Image) -> bytes:
    """The mean level of each row."""
    return image.resize((1, image.height), Image.Resampling.BOX).tobytes()


def runs(mask: Image.Image, length: int, along: Direction) -> Image.Image:
    """What is part of an unbroken run of that length in that direction."""
    return swept(swept(mask, length, along, 1, ImageChops.darker), length, along, -1, ImageChops.lighter)


def closed(mask: Image.Image, gap: int, along: Direction) -> Image.Image:
    """With gaps shorter than that filled."""
    return ImageOps.invert(runs(ImageOps.invert(mask), gap, along))


def thickened(mask: Image.Image, along: Direction) -> Image.Image:
    """A pixel thicker on both sides of that direction: lines that are not quite level stay unbroken."""
    x, y = along[1], along[0]
    return ImageChops.lighter(mask, ImageChops.lighter(ImageChops.offset(mask, x, y), ImageChops.offset(mask, -x, -y)))


def swept(mask: Image.Image, length: int, along: Direction, sign: int, combined: Combination) -> Image.Image:
    """Each pixel combined with those up to that length before it (behind it, if the sign is negative)."""
    done = 1
    while done < length:
        step = min(done, length - done)
        mask = combined(mask, ImageChops.offset(mask, sign * step * along[0], sign * step * along[1]))
        done += step
    return mask
