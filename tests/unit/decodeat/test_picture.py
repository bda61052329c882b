"""Given the bytes of a picture, it becomes a page, or is refused before it can do harm."""

import asyncio
import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from decodeat.images.decoding import Picture
from decodeat.images.errors import ImageRefused
from decodeat.images.picture import bare, decode, is_blurred
from tests.support.examples import examples
from tests.unit.decodeat.conftest import InProcess, encoded
from tests.unit.decodeat.hostile_images import GIF, JPEG, JS, PNG, REFUSED, drawn, zipped


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP", "GIF"])
def test_each_format_becomes_a_grey_page(form: str) -> None:
    page = decode(encoded(drawn(), form))
    assert page.mode == "L"
    assert page.size == (400, 200)
    assert (page.getpixel((33, 33)), page.getpixel((333, 166))) == (0, 255)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "LA", "I;16", "CMYK", "RGB"])
def test_each_mode_becomes_a_grey_page(mode: str) -> None:
    image = drawn("L").convert("I").point(lambda grey: grey * 257).convert(mode) if mode == "I;16" else drawn(mode)
    page = decode(encoded(image, "JPEG" if mode == "CMYK" else "PNG"))
    assert (page.getpixel((33, 33)), page.getpixel((333, 166))) == (0, 255)


def test_what_is_transparent_is_paper() -> None:
    image = Image.new("RGBA", (300, 200), (0, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((20, 20, 150, 100), fill=(0, 0, 0, 255))
    page = decode(encoded(image))
    assert (page.getpixel((33, 33)), page.getpixel((283, 166))) == (0, 255)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_the_camera_s_orientation_is_applied(form: str, mode: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = drawn("RGB" if form == "JPEG" else mode)
    page = decode(encoded(image, form, exif=exif))
    assert page.size == (200, 400)
    assert (page.getpixel((150, 100)), page.getpixel((16, 383))) == (0, 255), "a quarter turn to the right"


def test_the_first_frame_of_an_animation_is_read() -> None:
    frames = [drawn(), Image.new("RGB", (400, 200), "black")]
    for form in ("GIF", "WEBP"):
        data = encoded(frames[0], form, save_all=True, append_images=frames[1:], duration=50)
        assert decode(data).getpixel((333, 166)) == 255


def test_a_large_page_is_made_smaller() -> None:
    assert max(decode(encoded(drawn(size=(5000, 1000)))).size) == 3200


@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_file_is_refused(name: str) -> None:
    made, reason = REFUSED[name]
    with pytest.raises(ImageRefused) as caught:
        decode(made())
    assert caught.value.reason == reason
    assert not caught.value.transient


@pytest.mark.parametrize("name", [name for name, (_, reason) in REFUSED.items() if reason in {"format", "scans"}])
def test_nor_is_it_handed_on(name: str) -> None:
    with pytest.raises(ImageRefused):
        bare(REFUSED[name][0](), 10**7)


def test_what_hides_behind_a_picture_is_not_handed_on() -> None:
    for data in (zipped(JPEG), PNG + b"<script>alert(1)</script>"):
        found = bare(data, 10**6)
        assert found is not None and b"evil.sh" not in found and b"script" not in found
    assert bare(GIF + JS, 10**6) is None


@settings(max_examples=examples(60))
@given(st.integers(0, len(JPEG) - 1), st.binary(min_size=1, max_size=20))
def test_damage_anywhere_is_refused_or_read(position: int, damage: bytes) -> None:
    try:
        page = decode(JPEG[:position] + damage + JPEG[position + len(damage) :])
    except ImageRefused as error:
        assert error.text
    else:
        assert page.mode == "L"


def test_blur_is_told_from_sharpness_and_from_emptiness(label_png: bytes, blurred_png: bytes) -> None:
    assert not is_blurred(decode(label_png))
    assert is_blurred(decode(blurred_png))
    assert not is_blurred(decode(encoded(Image.new("RGB", (300, 300), "white"))))


def with_camera_data(form: str, orientation: int = 1) -> bytes:
    """A picture as a camera and a few programs leave it."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = orientation, "SECRET-CAMERA"
    options: dict[str, object] = {"exif": exif}
    if form == "PNG":
        info = PngInfo()
        info.add_text("Author", "SECRET-NAME")
        options = {"pnginfo": info} if orientation == 1 else options
    else:
        options |= {"comment": "SECRET-WORDS", "icc_profile": b"SECRET-PROFILE" * 9, "quality": 90}
    return encoded(drawn(), form, **options) + b"SECRET-TRAILER\xff\xd9"


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_bare_file_holds_the_same_picture_and_nothing_else(form: str, progressive: bool) -> None:
    data = with_camera_data(form)
    if progressive and form == "JPEG":
        data = encoded(Image.open(io.BytesIO(data)), form, progressive=True, comment="SECRET-WORDS")
    found = bare(data, 10**6)
    assert found is not None and b"SECRET" in data and b"SECRET" not in found
    with Image.open(io.BytesIO(found)) as after, Image.open(io.BytesIO(data)) as before:
        assert after.format == form and not after.getexif()
        assert after.tobytes() == before.tobytes()


@pytest.mark.parametrize(
    "data",
    [
        with_camera_data("JPEG", orientation=6), with_camera_data("PNG", orientation=3), encoded(drawn(), "WEBP"),
        encoded(drawn(), "GIF"), encoded(drawn(), "BMP"), encoded(drawn(size=(4000, 60)), "JPEG"),
        encoded(drawn(), "PNG")[:-12],
    ],
    ids=["on its side", "upside down", "webp", "gif", "bmp", "large", "cut"],
)  # fmt: skip
def test_what_takes_unpacking_has_no_bare_file(data: bytes) -> None:
    assert bare(data, 10**6) is None


def test_a_file_that_is_too_long_is_packed_anew() -> None:
    assert bare(encoded(drawn()), 100) is None


JPEG_END = b"\xff\xd9SECRET-TRAILER"


@settings(max_examples=examples(80))
@example("JPEG", with_camera_data("JPEG").index(JPEG_END), b"\0")
@given(st.sampled_from(["JPEG", "PNG"]), st.integers(0, 5000), st.binary(min_size=1, max_size=20))
def test_damage_never_lets_anything_through_that_is_no_picture(form: str, position: int, damage: bytes) -> None:
    """Either it is refused, or packed anew, or what is left is a prefix of segments that the file itself declares."""
    data = with_camera_data(form)
    position %= len(data)
    damaged = data[:position] + damage + data[position + len(damage) :]
    try:
        found = bare(damaged, 10**6)
    except ImageRefused:
        return
    ends = form == "PNG" or JPEG_END in damaged  # without its end mark a scan goes on to the next one, in the trailer
    assert found is None or (found[:2] == data[:2] and not (ends and b"SECRET-TRAILER" in found))


def test_others_get_a_file_that_is_upright_and_bare() -> None:
    async def file(data: bytes) -> Image.Image:
        return Image.open(io.BytesIO(await Picture(data, InProcess()).file()))

    turned = asyncio.run(file(with_camera_data("JPEG", orientation=6)))
    assert (turned.format, turned.size, dict(turned.getexif())) == ("JPEG", (200, 400), {})
    assert asyncio.run(file(encoded(drawn(size=(6000, 300)), "PNG"))).size == (3200, 160)
