"""Test that unusual files which other programs accept are read, and pictures with missing pixels are not."""

import struct
import zlib

import pytest
from PIL import Image, ImageDraw

from decodeat.images.errors import ImageRefused
from decodeat.images.picture import bare, decode
from tests.unit.decodeat.conftest import encoded
from tests.unit.decodeat.hostile_images import drawn

MOST = 4 * 1024 * 1024


def chunk(kind: bytes, content: bytes, *, damaged: bool = False) -> bytes:
    check = zlib.crc32(kind + content) ^ damaged
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def with_chunk(png: bytes, added: bytes) -> bytes:
    """Insert a chunk after the first one, the usual place."""
    return png[:33] + added + png[33:]


def is_drawn(page: Image.Image) -> bool:
    return (page.getpixel((33, 33)), page.getpixel((333, 166))) == (0, 255)


LARGE = zlib.compress(b"x" * 3_000_000)
ANCILLARY = {
    "a large text": chunk(b"zTXt", b"Comment\0\0" + LARGE),
    "a large international text": chunk(b"iTXt", b"Comment\0\1\0\0\0" + LARGE),
    "a large profile": chunk(b"iCCP", b"profile\0\0" + LARGE),
    "a text with a wrong checksum": chunk(b"tEXt", b"Comment\0text", damaged=True),
    "a profile that is none": chunk(b"iCCP", b"profile\0\0nothing packed"),
    "resolution cut short": chunk(b"pHYs", b"\0"),
    "gamma cut short": chunk(b"gAMA", b""),
    "transparency with a wrong checksum": chunk(b"tRNS", b"\0\0\0\0\0\0", damaged=True),
    "transparency cut short": chunk(b"tRNS", b"\0"),
    "EXIF with a wrong checksum": chunk(b"eXIf", b"MM\0*", damaged=True),
    "EXIF that is none": chunk(b"eXIf", b"nothing"),
    "a private chunk": chunk(b"prVt", b"x" * 200_000),
    "an animation without frames": chunk(b"acTL", b"\0" * 8),
}


@pytest.mark.parametrize("name", ANCILLARY)
def test_what_a_png_does_not_need_does_not_spoil_it(name: str) -> None:
    png = with_chunk(encoded(drawn()), ANCILLARY[name])
    assert is_drawn(decode(png))
    file = bare(png, MOST)
    assert file is None or is_drawn(decode(file))


@pytest.mark.parametrize("damaged", [b"IHDR", b"IDAT"])
def test_what_a_png_needs_has_to_be_whole(damaged: bytes) -> None:
    png = bytearray(encoded(drawn()))
    png[png.index(damaged) + 10] ^= 0xFF
    with pytest.raises(ImageRefused) as refused:
        decode(bytes(png))
    assert refused.value.reason in {"damaged", "pixels"}


def textured() -> Image.Image:
    """Return a picture with detail everywhere, like a photograph."""
    page = drawn()
    pen = ImageDraw.Draw(page)
    for at in range(0, 400, 7):
        pen.line((at, 200, 399, at // 2), fill=(at % 256, 90, 20))
    return page


@pytest.mark.parametrize("options", [{}, {"quality": 30}, {"restart_marker_blocks": 4}])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_jpeg_without_its_end_mark_is_whole_while_its_pixels_are(options: dict[str, object], mode: str) -> None:
    whole = encoded(textured().convert(mode), "JPEG", **options)
    assert whole.endswith(b"\xff\xd9")
    for left in (whole[:-2], whole[:-1]):
        assert decode(left).tobytes() == decode(whole).tobytes()
    for missing in (20, 100, len(whole) // 3):
        with pytest.raises(ImageRefused) as refused:
            decode(whole[:-missing])
        assert refused.value.reason == "damaged"


def test_a_progressive_jpeg_without_its_end_mark_may_lack_anything() -> None:
    whole = encoded(textured(), "JPEG", progressive=True)
    for missing in range(2, len(whole) - 700, len(whole) // 20):
        with pytest.raises(ImageRefused) as refused:
            decode(whole[:-missing])
        assert refused.value.reason == "damaged"


def sixteen(levels: Image.Image, clear: int | None) -> bytes:
    """Return a grey PNG of 16 bits a pixel (the 8-bit levels times 256), in which the level `clear` is transparent."""
    rows = b"".join(
        b"\0" + b"".join(bytes((level, 0)) for level in levels.crop((0, y, levels.width, y + 1)).tobytes())
        for y in range(levels.height)
    )
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", levels.width, levels.height, 16, 0, 0, 0, 0))
    transparency = b"" if clear is None else chunk(b"tRNS", struct.pack(">H", clear))
    return b"\x89PNG\r\n\x1a\n" + head + transparency + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_grey_of_16_bits_is_read_whatever_level_is_transparent() -> None:
    page = Image.new("L", (300, 200), 200)
    ImageDraw.Draw(page).rectangle((20, 20, 150, 100), fill=10)
    for clear, ink, paper in ((None, 10, 200), (200 * 256, 10, 255), (200 * 256 + 1, 10, 200), (77, 10, 200)):
        read = decode(sixteen(page, clear))
        assert (read.getpixel((33, 33)), read.getpixel((283, 166))) == (ink, paper), clear


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize("colour", [255, 235])
def test_light_letters_on_nothing_become_dark_ones_on_paper(mode: str, colour: int) -> None:
    page = Image.new("LA", (300, 200), (0, 0))
    ImageDraw.Draw(page).rectangle((20, 20, 150, 60), fill=(colour, 255))
    read = decode(encoded(page.convert(mode)))
    assert (read.getpixel((33, 33)), read.getpixel((283, 166))) == (255 - colour, 255)


def test_a_light_label_on_nothing_stays_as_it_is() -> None:
    page = Image.new("RGBA", (300, 200), (0, 0, 0, 0))
    pen = ImageDraw.Draw(page)
    pen.rectangle((20, 20, 280, 180), fill=(250, 250, 250, 255))
    pen.rectangle((40, 40, 120, 50), fill=(0, 0, 0, 255))
    read = decode(encoded(page))
    assert (read.getpixel((45, 45)), read.getpixel((200, 150)), read.getpixel((5, 5))) == (0, 250, 255)
