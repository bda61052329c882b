"""Find ink on a page, as a mask with 255 where there is ink, and unbroken runs of it along rows or columns."""

from collections.abc import Callable

from PIL import Image, ImageChops, ImageOps

Direction = tuple[int, int]
ACROSS, DOWN = (1, 0), (0, 1)
Combination = Callable[[Image.Image, Image.Image], Image.Image]


def ink(page: Image.Image, darker: int) -> Image.Image:
    """Return the mask of where a page is more than `darker` grey levels darker than white."""
    return page.point(lambda grey: 255 if grey < 255 - darker else 0)


def lightest(page: Image.Image, within: int) -> Image.Image:
    """Replace each pixel by the lightest one that is less than `within` pixels away, across and down."""
    for along in (ACROSS, DOWN):
        for sign in (1, -1):
            page = swept(page, within, along, sign, ImageChops.lighter)
    return page


def rows(image: Image.Image) -> bytes:
    """Return the mean level of each row of pixels."""
    return image.resize((1, image.height), Image.Resampling.BOX).tobytes()


def runs(mask: Image.Image, length: int, along: Direction) -> Image.Image:
    """Return what is part of an unbroken run of at least `length` pixels in that direction."""
    return swept(swept(mask, length, along, 1, ImageChops.darker), length, along, -1, ImageChops.lighter)


def closed(mask: Image.Image, gap: int, along: Direction) -> Image.Image:
    """Fill the gaps that are shorter than `gap` pixels in that direction."""
    return ImageOps.invert(runs(ImageOps.invert(mask), gap, along))


def thickened(mask: Image.Image, along: Direction) -> Image.Image:
    """Make lines in that direction a pixel thicker on both sides, so that those not quite level stay unbroken."""
    x, y = along[1], along[0]
    return ImageChops.lighter(mask, ImageChops.lighter(ImageChops.offset(mask, x, y), ImageChops.offset(mask, -x, -y)))


def swept(mask: Image.Image, length: int, along: Direction, sign: int, combined: Combination) -> Image.Image:
    """Combine each pixel with those before it (after it, if `sign` is negative), `length` pixels together."""
    done = 1
    while done < length:
        step = min(done, length - done)
        mask = combined(mask, ImageChops.offset(mask, sign * step * along[0], sign * step * along[1]))
        done += step
    return mask
