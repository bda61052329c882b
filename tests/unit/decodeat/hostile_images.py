"""Files that pretend to be pictures, or are pictures made to do harm."""

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable

from PIL import Image, ImageDraw

from tests.unit.decodeat.conftest import encoded


def drawn(mode: str = "RGB", size: tuple[int, int] = (400, 200)) -> Image.Image:
    image = Image.new("RGB", size, "white")
    ImageDraw.Draw(image).rectangle((20, 20, size[0] // 2, size[1] // 2), fill="black")
    return image.convert(mode)


PNG, JPEG, GIF = encoded(drawn()), encoded(drawn(), "JPEG"), encoded(drawn(), "GIF")
MOST = 40_000_000  # pixels that are let in; 6324 x 6324 are just below
SIDE = 6324


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, body: bytes = b"", *, depth: int = 8, kind: int = 0, before: bytes = b"") -> bytes:
    """`kind` is PNG's colour type, `before` what stands between its head and its body."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + before + chunk(b"IDAT", body or zlib.compress(b"")) + chunk(b"IEND", b"")


def packed_zeros(count: int) -> bytes:
    packer, piece = zlib.compressobj(9), b"\0" * 2**20
    packed = b"".join(packer.compress(piece) for _ in range(count >> 20))
    return packed + packer.compress(b"\0" * (count & (2**20 - 1))) + packer.flush()


def with_chunk(kind: bytes, data: bytes, times: int = 1) -> bytes:
    """A PNG with so many more chunks right after its head."""
    return PNG[:33] + chunk(kind, data) * times + PNG[33:]


def segment(marker: int, data: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data


def with_segments(segments: bytes) -> bytes:
    """A JPEG with more segments right after its first two bytes."""
    return JPEG[:2] + segments + JPEG[2:]


def exif(total: int, entries: int) -> bytes:
    """EXIF data whose every entry claims all of it."""
    table = b"".join(struct.pack("<HHII", 0x9000 + n, 7, total - 200, 8) for n in range(entries))
    return (b"II*\0" + struct.pack("<IH", 8, entries) + table).ljust(total, b"A")


def scans(count: int, side: int = SIDE) -> bytes:
    """A progressive JPEG whose scans hold nothing: each a walk over the whole picture for some fifty bytes."""
    blocks = ((side + 7) // 8) ** 2
    runs = ("0" + "1" * 14) * ((blocks + 32766) // 32767)
    bits = runs + "1" * (-len(runs) % 8)
    body = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)).replace(b"\xff", b"\xff\0")
    head = segment(0xDB, b"\0" + b"\1" * 64)
    head += segment(0xC2, struct.pack(">BHHB", 8, side, side, 3) + bytes((1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0)))
    head += segment(0xC4, b"\x00\1" + b"\0" * 15 + b"\0") + segment(0xC4, b"\x10\1" + b"\0" * 15 + b"\xe0")
    first = segment(0xDA, bytes((3, 1, 0, 2, 0, 3, 0, 0, 0, 0))) + b"\0" * ((blocks * 3 + 7) // 8)
    more = b"".join(segment(0xDA, bytes((1, 1 + n % 3, 0, 1, 63, 0))) + body for n in range(count))
    return b"\xff\xd8" + head + first + more + b"\xff\xd9"


def bmp(width: int, height: int, *, bits: int = 24, packing: int = 0, body: bytes = b"", palette: int = 0) -> bytes:
    start = 54 + palette
    head = struct.pack("<IHHI", start + len(body), 0, 0, start)
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, packing, len(body), 0, 0, palette // 4, 0)
    return b"BM" + head + info + b"\0" * palette + body


def gif(width: int, height: int, frame: tuple[int, int] | None = None) -> bytes:
    screen = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    return screen + b"," + struct.pack("<HHHHBB", 0, 0, *(frame or (width, height)), 0, 2) + b"\2\x4c\1\0;"


def gif_comments(total: int) -> bytes:
    at = GIF.index(b",")
    return GIF[:at] + b"!\xfe" + (b"\xff" + b"x" * 255) * (total // 256) + b"\0" + GIF[at:]


def frames(form: str, count: int, side: int = 100) -> bytes:
    noise = random.Random(5)
    more = [Image.frombytes("L", (side, side), noise.randbytes(side * side)) for _ in range(count - 1)]
    return encoded(Image.new("RGB", (side, side)), form, save_all=True, append_images=more, duration=20)


def zipped(first: bytes) -> bytes:
    """A file that is also a ZIP archive."""
    output = io.BytesIO(first)
    output.seek(0, io.SEEK_END)
    with zipfile.ZipFile(output, "a") as archive:
        archive.writestr("evil.sh", "rm -rf /")
    return output.getvalue()


def _webp_of(width: int, height: int) -> bytes:
    """A WebP that declares a canvas; what it holds is too small for it."""
    small = encoded(drawn("RGBA"), "WEBP", lossless=True)
    canvas = struct.pack("<I", 0x10) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"VP8X" + struct.pack("<I", 10) + canvas + small[12:]
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


JS = b"/*" + b"A" * 20 + b"*/=1;alert(document.domain)//"
# What is no picture, or must not be unpacked: the file, and the reason it is refused for.
REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    # Wrong types
    "text": (lambda: b"<html>not found</html>", "format"),
    "svg": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "format"),
    "pdf": (lambda: b"%PDF-1.7\n%\xe2\xe3", "format"),
    "pdf that ends as a jpeg": (lambda: b"%PDF-1.7\nstream\n" + JPEG, "format"),
    "zip": (lambda: zipped(b""), "format"),
    "elf": (lambda: b"\x7fELF\2\1\1" + b"\0" * 99, "format"),
    "tiff": (lambda: encoded(drawn(), "TIFF"), "format"),
    "ico": (lambda: encoded(drawn(), "ICO"), "format"),
    "ppm": (lambda: encoded(drawn(), "PPM"), "format"),
    "jpeg 2000": (lambda: b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0" * 99, "format"),
    "avif": (lambda: b"\0\0\0\x1cftypavif\0\0\0\0" + b"\0" * 99, "format"),
    "eps": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n", "format"),
    "psd": (lambda: b"8BPS\0\1" + b"\0" * 50, "format"),
    "sound": (lambda: b"RIFF\x24\0\0\0WAVEfmt ", "format"),
    "a picture after a blank": (lambda: b" " + PNG, "format"),
    "a zero byte": (lambda: b"\0", "format"),
    # Cut off, damaged, or not what the first bytes say
    "png magic alone": (lambda: b"\x89PNG\r\n\x1a\n", "damaged"),
    "jpeg magic alone": (lambda: b"\xff\xd8\xff\xe0", "damaged"),
    "gif magic alone": (lambda: b"GIF89a", "damaged"),
    "gif that is javascript": (lambda: b"GIF89a" + JS, "damaged"),
    "bmp that is javascript": (lambda: b"BM" + JS, "damaged"),
    "jpeg that is html": (lambda: b"\xff\xd8\xff<html><script>alert(1)</script>", "damaged"),
    "webp magic alone": (lambda: b"RIFF\xff\xff\xff\xffWEBP", "damaged"),
    "cut png": (lambda: PNG[: len(PNG) // 2], "damaged"),
    "cut jpeg": (lambda: JPEG[: len(JPEG) // 2], "damaged"),
    "cut gif": (lambda: GIF[: len(GIF) // 2], "damaged"),
    "cut webp": (lambda: encoded(drawn(), "WEBP")[:60], "damaged"),
    "cut bmp": (lambda: encoded(drawn(), "BMP")[:5000], "damaged"),
    "png with a wrong checksum": (lambda: PNG[:20] + b"\xff" + PNG[21:], "damaged"),
    "png of nothing": (lambda: png(400, 400), "damaged"),
    "png without a body": (lambda: PNG[:33] + chunk(b"IEND", b""), "damaged"),
    "gif without a frame": (lambda: b"GIF89a" + struct.pack("<HHBBB", 100, 100, 0, 0, 0) + b";", "damaged"),
    "webp with a canvas of air": (lambda: _webp_of(5000, 5000), "damaged"),
    # More pixels than are let in, declared or hidden
    "png bomb": (lambda: png(20_000, 20_000, packed_zeros(20_001 * 20_000)), "pixels"),
    "png that claims 2^31": (lambda: png(2**31 - 1, 2**31 - 1), "pixels"),
    "png just above the bound": (lambda: png(6325, 6325), "pixels"),
    "jpeg that claims 65535": (lambda: JPEG.replace(b"\0\xc8\1\x90", b"\xff\xff\xff\xff", 1), "pixels"),
    "webp that claims 16384": (lambda: _webp_of(16_384, 16_384), "pixels"),
    "bmp bomb": (lambda: bmp(30_000, 30_000), "pixels"),
    "bmp of negative width": (lambda: bmp(-5, 100), "pixels"),
    "bmp that claims 2^31": (lambda: bmp(2**31 - 1, 2**31 - 1), "pixels"),
    "gif bomb": (lambda: gif(65_000, 65_000), "pixels"),
    "gif with a frame larger than itself": (lambda: gif(100, 100, (13_000, 13_000)), "pixels"),
    "too small": (lambda: encoded(drawn(size=(49, 400))), "too_small"),
    "one pixel": (lambda: encoded(Image.new("L", (1, 1))), "too_small"),
    "no pixel": (lambda: png(0, 100), "damaged"),
    # Little that unfolds into much
    "bmp of runs that end nowhere": (
        lambda: bmp(SIDE, SIDE, bits=8, packing=1, body=b"\1\0" * 400_000, palette=1024),
        "damaged",
    ),
    "jpeg of a thousand scans": (lambda: scans(1000), "scans"),
    "jpeg of more scans than anybody has seen": (lambda: scans(100_000, 64), "scans"),
}
# Pictures that take all that they may, or carry something else: read as what they are, within bounds.
HEAVY: dict[str, Callable[[], bytes]] = {
    "png of 40 million pixels in colour": lambda: png(
        SIDE, SIDE, packed_zeros((SIDE * 8 + 1) * SIDE), depth=16, kind=6
    ),
    "png of 40 million pixels in grey": lambda: png(SIDE, SIDE, packed_zeros((SIDE * 2 + 1) * SIDE), depth=16),
    "jpeg of 40 million pixels": lambda: encoded(
        Image.new("RGB", (SIDE, SIDE)), "JPEG", progressive=True, subsampling=0
    ),
    "jpeg in print colours": lambda: encoded(Image.new("CMYK", (SIDE, SIDE)), "JPEG", progressive=True),
    "webp of 40 million pixels": lambda: encoded(Image.new("RGBA", (SIDE, SIDE)), "WEBP", lossless=True, method=0),
    "gif of 40 million pixels": lambda: encoded(Image.new("P", (SIDE, SIDE)), "GIF"),
    "bmp of 40 million pixels": lambda: encoded(Image.new("1", (SIDE, SIDE)), "BMP"),
    "bmp of jumps": lambda: bmp(800_000, 50, bits=8, packing=1, body=b"\0\2\xff\xff" * 9, palette=1024),
    "a thread": lambda: png(800_000, 50, packed_zeros(800_001 * 50)),
    "gif of two thousand frames": lambda: frames("GIF", 2000, 50),
    "webp of a hundred frames": lambda: frames("WEBP", 100),
    "gif of comments": lambda: gif_comments(5_000_000),
    "png of empty chunks": lambda: with_chunk(b"tEXt", b"a\0b", 200_000),
    "jpeg of empty segments": lambda: with_segments(b"\xff\xfe\0\2" * 1_000_000),
    "jpeg of filling": lambda: with_segments(b"\xff" * 4_000_000),
    "jpeg with an exif bomb": lambda: with_segments(segment(0xE1, b"Exif\0\0" + exif(60_000, 4900))),
    # Never unpacked: it contains no pixel.
    "png with a text bomb": lambda: with_chunk(b"zTXt", b"a\0\0" + packed_zeros(80_000_000)),
    "png with many text bombs": lambda: with_chunk(b"zTXt", b"a\0\0" + packed_zeros(1_000_000), 100),
    "png with an xmp bomb": lambda: with_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + packed_zeros(80_000_000)),
    "png with a profile bomb": lambda: with_chunk(b"iCCP", b"a\0\0" + packed_zeros(500_000_000)),
    "png with an exif bomb": lambda: with_chunk(b"eXIf", exif(1_000_000, 20_000)),
    "jpeg of a hundred scans": lambda: scans(99),
    "jpeg that is also a zip": lambda: zipped(JPEG),
    "png with a page behind it": lambda: PNG + b"<script>alert(1)</script>",
    "gif with a script behind it": lambda: GIF + JS,
}
