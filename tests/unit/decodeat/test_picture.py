"""Given the bytes of a picture, it becomes a page, or is refused before it can do harm."""

import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from decodeat.images.errors import ImageRefused
from decodeat.images.picture import decode
from tests.unit.decodeat.conftest import encoded


def drawn(mode: str = "RGB", size: tuple[int, int] = (400, 200)) -> Image.Image:
    image = Image.new("RGB", size, "white")
    ImageDraw.Draw(image).rectangle((20, 20, size[0] // 2, size[1] // 2), fill="black")
    return image.convert(mode)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP", "GIF"])
def test_each_format_becomes_a_grey_page(form: str) -> None:
    page = decode(encoded(drawn(), form)).image
    assert page.mode == "L"
    assert page.size == (400, 200)
    assert (page.getpixel((33, 33)), page.getpixel((333, 166))) == (0, 255)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "LA", "I;16", "CMYK", "RGB"])
def test_each_mode_becomes_a_grey_page(mode: str) -> None:
    image = drawn("L").convert("I").point(lambda grey: grey * 257).convert(mode) if mode == "I;16" else drawn(mode)
    page = decode(encoded(image, "JPEG" if mode == "CMYK" else "PNG")).image
    assert (page.getpixel((33, 33)), page.getpixel((333, 166))) == (0, 255)


def test_what_is_transparent_is_paper() -> None:
    image = Image.new("RGBA", (300, 200), (0, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((20, 20, 150, 100), fill=(0, 0, 0, 255))
    page = decode(encoded(image)).image
    assert (page.getpixel((33, 33)), page.getpixel((283, 166))) == (0, 255)


def test_the_camera_s_orientation_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decode(encoded(drawn(), "JPEG", exif=exif)).image.size == (200, 400)


def test_the_first_frame_of_an_animation_is_read() -> None:
    frames = [drawn(), Image.new("RGB", (400, 200), "black")]
    for form in ("GIF", "WEBP"):
        data = encoded(frames[0], form, save_all=True, append_images=frames[1:], duration=50)
        assert decode(data).image.getpixel((333, 166)) == 255


def test_a_large_page_is_made_smaller() -> None:
    assert max(decode(encoded(drawn(size=(5000, 1000)))).image.size) == 3200


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width: int, height: int, body: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", body or zlib.compress(b""))
        + _chunk(b"IEND", b"")
    )


def _bmp(width: int, height: int) -> bytes:
    return b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)


def _gif(width: int, height: int) -> bytes:
    return (
        b"GIF89a"
        + struct.pack("<HHBBB", width, height, 0, 0, 0)
        + b","
        + struct.pack("<HHHHBB", 0, 0, width, height, 0, 8)
        + b"\1\0\0;"
    )


PNG, JPEG = encoded(drawn()), encoded(drawn(), "JPEG")
HOSTILE = {
    "empty": (b"", "format"),
    "text": (b"<html>not found</html>", "format"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "format"),
    "pdf": (b"%PDF-1.7", "format"),
    "tiff": (encoded(drawn(), "TIFF"), "format"),
    "ico": (encoded(drawn(), "ICO"), "format"),
    "eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n", "format"),
    "psd": (b"8BPS\0\1" + b"\0" * 50, "format"),
    "riff that is sound": (b"RIFF\x24\0\0\0WAVEfmt ", "format"),
    "magic bytes alone": (b"\x89PNG\r\n\x1a\n", "damaged"),
    "jpeg magic alone": (b"\xff\xd8\xff\xe0", "damaged"),
    "cut png": (PNG[: len(PNG) // 2], "damaged"),
    "cut jpeg": (JPEG[: len(JPEG) // 2], "damaged"),
    "cut webp": (encoded(drawn(), "WEBP")[:60], "damaged"),
    "png with a wrong checksum": (PNG[:20] + b"\xff" + PNG[21:], "damaged"),
    "png of nothing": (_png(400, 400), "damaged"),
    "png bomb": (_png(20_000, 20_000, zlib.compress(b"\0" * 1_000_000)), "pixels"),
    "png that claims 2^31": (_png(2**31 - 1, 2**31 - 1), "pixels"),
    "png just above the bound": (_png(6325, 6325), "pixels"),
    "png with a text bomb": (
        PNG[:33] + _chunk(b"zTXt", b"a\0\0" + zlib.compress(b"x" * 80_000_000)) + PNG[33:],
        "damaged",
    ),
    "bmp bomb": (_bmp(30_000, 30_000), "pixels"),
    "bmp of negative width": (_bmp(-5, 100), "pixels"),
    "gif bomb": (_gif(65_000, 65_000), "pixels"),
    "gif without a frame": (b"GIF89a" + struct.pack("<HHBBB", 100, 100, 0, 0, 0) + b";", "damaged"),
    "too small": (encoded(drawn(size=(49, 400))), "too_small"),
    "one pixel": (encoded(Image.new("L", (1, 1))), "too_small"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused(name: str) -> None:
    data, reason = HOSTILE[name]
    with pytest.raises(ImageRefused) as caught:
        decode(data)
    assert caught.value.reason == reason
    assert not caught.value.transient


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(JPEG) - 1), st.binary(min_size=1, max_size=20))
def test_damage_anywhere_is_refused_or_read(position: int, damage: bytes) -> None:
    try:
        page = decode(JPEG[:position] + damage + JPEG[position + len(damage) :])
    except ImageRefused as error:
        assert error.text
    else:
        assert page.image.mode == "L"


def test_blur_is_told_from_sharpness_and_from_emptiness(label_png: bytes, blurred_png: bytes) -> None:
    assert not decode(label_png).blurred
    assert decode(blurred_png).blurred
    assert not decode(encoded(Image.new("RGB", (300, 300), "white"))).blurred
