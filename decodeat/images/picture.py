"""Decode a file to a picture that can be read, after checks of its magic bytes and its declared size."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, ImageChops, ImageFilter, ImageOps, ImageStat

from decodeat.images import metadata
from decodeat.images.errors import ImageRefused

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")
MOST_PIXELS = 40_000_000
SMALLEST_SIDE = 50  # pixels
MOST_SCANS = 100  # of a JPEG; a progressive one has about ten
# Why a file is refused, in the words that clients see. A sandbox sends only the reason: a file may control the sandbox.
REFUSALS = {
    "format": "The file is not a JPEG, PNG, WEBP, BMP or GIF image.",
    "scans": "The image is stored in an unusual way.",
    "damaged": "The image is damaged or incomplete.",
    "too_small": f"The image is smaller than {SMALLEST_SIDE}x{SMALLEST_SIDE} pixels.",
    "pixels": f"The image has more than {MOST_PIXELS // 1_000_000} million pixels.",
}
LARGEST_SIDE = 3200  # pixels; beyond this a page takes longer to read and is not read better
BLURRED_BELOW = 18.0  # sharpest edge in grey levels; a page in focus has edges above 100
FLAT_BELOW = 6.0  # standard deviation in grey levels; a page of one colour
_DARK_INK = 0.01  # share of the opaque pixels; with less ink there is no text
_LETTERS_ALONE = 0.5  # largest share of a picture that letters cover; more is a background
_LANCZOS = Image.Resampling.LANCZOS
_JPEG, _SCAN = b"\xff\xd8\xff", b"\xff\xda"
_MAGIC = (_JPEG, b"\x89PNG\r\n\x1a\n", b"BM", b"GIF87a", b"GIF89a")


# Our own limit is lower, and checked first. Set for the whole process, since per call it is not safe between threads.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def decode(data: bytes) -> Image.Image:
    """Return a grey picture, upright, no side longer than `LARGEST_SIDE`. Raises `ImageRefused`.

    May take a second of processor time.
    """
    if not metadata.lacks_end(data):
        return _decoded(data)
    # The end mark is missing, but the pixels may be whole: a missing one would be made of the filler bits, and differ.
    one, other = (_decoded(metadata.ended(data, bits)) for bits in (b"\x00", b"\xaa"))
    if one.tobytes() != other.tobytes():
        raise refusal("damaged")
    return one


def _decoded(data: bytes) -> Image.Image:
    with _opened(data) as image:
        image.draft("L", (LARGEST_SIDE, LARGEST_SIDE))  # decodes a JPEG without its colours, and not at twice the size
        image.load()
        grey = _grey(image)
        largest = max(grey.size)
        if largest > LARGEST_SIDE:
            grey = grey.resize(scaled(grey.size, LARGEST_SIDE / largest), _LANCZOS)
        if metadata.orientation(grey) != 1:
            ImageOps.exif_transpose(grey, in_place=True)  # last, when the fewest pixels are left to turn
        return grey


def bare(data: bytes, most: int) -> bytes | None:
    """Return the picture's own file, upright and without metadata; None where that takes decoding it.

    None, too, for more than `most` bytes. Raises `ImageRefused`. Does not look at pixels, so damage there is not found.
    """
    with _opened(data) as image:
        content = metadata.without(data, image) if max(image.size) <= LARGEST_SIDE else None
        return content if content is not None and len(content) <= most else None


@contextmanager
def _opened(data: bytes) -> Iterator[Image.Image]:
    """Open a picture and check its head. Whatever goes wrong, inside the block too, is raised as `ImageRefused`."""
    if not data.startswith(_MAGIC) and not (data[:4] == b"RIFF" and data[8:12] == b"WEBP"):
        raise refusal("format")
    if data.startswith(_JPEG) and data.count(_SCAN) > MOST_SCANS:
        # A scan of a few bytes may take a pass over the whole picture: ten megabytes of them would take minutes.
        raise refusal("scans")
    try:
        with Image.open(io.BytesIO(metadata.essential(data)), formats=FORMATS) as image:
            _check_size(*image.size)
            yield image
    except ImageRefused:
        raise
    except (Image.DecompressionBombError, MemoryError) as error:
        raise refusal("pixels") from error
    except Exception as error:
        # Pillow's plugins raise almost anything on damaged files: OSError, SyntaxError, struct.error, IndexError ...
        raise refusal("damaged") from error


def refusal(reason: str) -> ImageRefused:
    """Return the error for one of the `REFUSALS`."""
    return ImageRefused(reason, REFUSALS[reason])


def _check_size(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise refusal("pixels")
    if min(width, height) < SMALLEST_SIDE:
        raise refusal("too_small")


def _grey(image: Image.Image) -> Image.Image:
    """Return the picture in grey, with white where it was transparent."""
    if image.mode.startswith("I"):
        return _grey_of_16_bits(image)
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        ink = image if image.mode in {"RGBA", "LA"} else image.convert("RGBA")
        return _on_paper(image, ink.convert("L"), ink.getchannel("A"))
    return image.convert("L")


def _grey_of_16_bits(image: Image.Image) -> Image.Image:
    """Return the upper eight bits of each pixel; a plain conversion would clip everything to white."""
    upper, lower = Image.frombytes("LA", image.size, image.tobytes("raw", "I;16B")).split()
    clear = image.info.get("transparency")
    if not isinstance(clear, int):
        upper.info = image.info
        return upper
    high, low = divmod(clear, 256)
    inked = ImageChops.lighter(
        upper.point(lambda level: 0 if level == high else 255), lower.point(lambda level: 0 if level == low else 255)
    )
    return _on_paper(image, upper, inked)


def _on_paper(image: Image.Image, grey: Image.Image, opaque: Image.Image) -> Image.Image:
    """Put the opaque pixels on white paper. Letters as light as the paper, made for a dark background, become dark."""
    seen = opaque.point(lambda level: 255 if level >= 128 else 0)
    levels = grey.histogram(seen)
    all_light = sum(levels[:128]) < _DARK_INK * sum(levels)
    if all_light and sum(levels) < _LETTERS_ALONE * grey.width * grey.height:
        grey = ImageChops.invert(grey)
    paper = Image.new("L", grey.size, "white")
    paper.paste(grey, mask=opaque)
    paper.info = image.info
    return paper


def is_blurred(image: Image.Image) -> bool:
    """Return whether nothing in a picture is sharp, though there is something to see. Takes as long as decoding."""
    return ImageStat.Stat(image).stddev[0] >= FLAT_BELOW and _sharpness(image) < BLURRED_BELOW


def _sharpness(grey: Image.Image) -> float:
    """Return the grey levels by which neighbouring pixels differ at the page's sharpest edges (99.9th percentile)."""
    smooth = grey.filter(ImageFilter.MedianFilter(3))  # noise is not an edge
    steps = ImageChops.difference(smooth, ImageChops.offset(smooth, 1, 0)).histogram()
    beyond = sum(steps) / 1000
    for level in range(255, -1, -1):
        beyond -= steps[level]
        if beyond <= 0:
            return float(level)
    return 0.0


def scaled(size: tuple[int, int], factor: float) -> tuple[int, int]:
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))
