"""From bytes to a page that can be read: judged by its magic bytes and declared size before anything is decoded."""

import io
import warnings
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageFilter, ImageOps, ImageStat

from decodeat.images.errors import ImageRefused

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")
MOST_PIXELS = 40_000_000
SMALLEST_SIDE = 50  # pixels
LARGEST_SIDE = 3200  # pixels; beyond this a page takes longer to read and is not read better
BLURRED_BELOW = 18.0  # sharpest edge in grey levels; a page in focus has edges above 100
FLAT_BELOW = 6.0  # standard deviation in grey levels; a page of one colour
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"GIF87a", b"GIF89a")


@dataclass(frozen=True)
class Page:
    """A grey picture, upright, no side longer than `LARGEST_SIDE`."""

    image: Image.Image


def decode(data: bytes) -> Page:
    """Decode a picture (seconds of processor time at worst). Raises `ImageRefused`."""
    if not data.startswith(_MAGIC) and not (data[:4] == b"RIFF" and data[8:12] == b"WEBP"):
        raise ImageRefused("format", "The file is not a JPEG, PNG, WEBP, BMP or GIF image.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own bound is lower
            image: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
            _check_size(*image.size)
            image.draft("L", (LARGEST_SIDE, LARGEST_SIDE))  # a JPEG need not unpack its colours, nor twice the size
            image.load()
            image = ImageOps.exif_transpose(image)
            grey = _grey(image)
    except ImageRefused:
        raise
    except Image.DecompressionBombError as error:
        raise _too_many_pixels() from error
    except MemoryError as error:
        raise _too_many_pixels() from error
    except Exception as error:
        # Pillow's plugins raise almost anything on damaged files: OSError, SyntaxError, struct.error, IndexError ...
        raise ImageRefused("damaged", "The image is damaged or incomplete.") from error
    return _page(grey)


def _check_size(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise _too_many_pixels()
    if min(width, height) < SMALLEST_SIDE:
        raise ImageRefused("too_small", f"The image is smaller than {SMALLEST_SIDE}x{SMALLEST_SIDE} pixels.")


def _too_many_pixels() -> ImageRefused:
    return ImageRefused("pixels", f"The image has more than {MOST_PIXELS // 1_000_000} million pixels.")


def _grey(image: Image.Image) -> Image.Image:
    """Grey, with white where it was transparent."""
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        ink = image.convert("RGBA")
        paper = Image.new("RGBA", ink.size, "white")
        return Image.alpha_composite(paper, ink).convert("L")
    if image.mode.startswith("I"):
        # 16 bits a pixel: scaled down, where a plain conversion would clip everything to white.
        return image.convert("I").point(lambda level: level / 256).convert("L")
    return image.convert("L")


def _page(grey: Image.Image) -> Page:
    largest = max(grey.size)
    if largest > LARGEST_SIDE:
        grey = grey.resize(scaled(grey.size, LARGEST_SIDE / largest), Image.Resampling.LANCZOS)
    return Page(grey)


def is_blurred(image: Image.Image) -> bool:
    """Nothing in it is sharp, though there is something to see. Takes as long as decoding."""
    return ImageStat.Stat(image).stddev[0] >= FLAT_BELOW and _sharpness(image) < BLURRED_BELOW


def _sharpness(grey: Image.Image) -> float:
    """The grey levels by which neighbouring pixels differ at the page's sharpest edges (99.9th percentile)."""
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
