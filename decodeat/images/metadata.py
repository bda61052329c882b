"""Remove from a picture's file what cameras and programs wrote into it: places, names and thumbnails are private.

They are cut out of the container without decoding the picture: that is exact, and takes a hundredth of the time.
"""

import struct
import zlib

from PIL import Image

_ORIENTATION = 0x0112  # EXIF's tag
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# What a PNG needs, and what says how its colours are meant; all else is text, time or private.
_CHUNKS = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"pHYs"})
_ESSENTIAL = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"eXIf"})  # chunks that grey pixels need
_SOI, _EOI, _SOS = b"\xff\xd8", b"\xff\xd9", 0xDA
_SEQUENTIAL = (b"\xff\xc0", b"\xff\xc1")  # markers of the frame of a JPEG that isn't progressive
_COLOUR_KIND = 25  # offset of a PNG's colour type: grey (0), colours (2), palette (3)
_CLEAR_LEVELS = {0: 2, 2: 6, 3: 1}  # least bytes that state the transparent level or colour, by colour type
_STAND_IN = 64  # bytes that take the place of missing data
_ADOBE = 0xEE  # APP14 says how colours are packed; the other application segments and comments go
_DROPPED = frozenset({*range(0xE1, 0xF0), 0xFE}) - {_ADOBE}


def without(data: bytes, image: Image.Image) -> bytes | None:
    """Return the same picture in a file without metadata; None where that takes decoding it.

    That is so for other formats than PNG and JPEG, for damaged files, and for pictures that may have to be turned.
    `image` is what Pillow made of the head of the same `data`.
    """
    try:
        if image.format == "PNG":
            return _png(data)
        # Of JPEGs only: in a PNG the orientation may come after the pixels, and Pillow would decode all of them first.
        if image.format == "JPEG" and orientation(image) == 1:
            return _jpeg(data)
    except (struct.error, IndexError):
        pass  # cut off, or not built as it should be
    return None


def orientation(image: Image.Image) -> int:
    """Return the orientation as in EXIF; 1 (upright) where EXIF can't be read, since the pixels may be whole."""
    try:
        found = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # as with pictures, Pillow raises almost anything on damaged metadata
        return 1
    return found if isinstance(found, int) else 1


def essential(data: bytes) -> bytes:
    """Return a PNG without chunks that its pixels don't need, which may be large or damaged; other data unchanged."""
    if not data.startswith(_SIGNATURE):
        return data
    kept, at = [_SIGNATURE], len(_SIGNATURE)
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        # The fifth bit of the first letter marks a chunk without which a picture can be shown.
        if kind in _ESSENTIAL and (not kind[0] & 0x20 or _is_intact(data, at, end)):
            kept.append(data[at:end])
        if kind == b"IEND":
            break
        at = end
    return b"".join(kept)


def _is_intact(data: bytes, start: int, end: int) -> bool:
    """Return whether an ancillary chunk is undamaged, and long enough for its type."""
    shortest = _CLEAR_LEVELS.get(data[_COLOUR_KIND], 0) if data[start + 4 : start + 8] == b"tRNS" else 0
    return end - start - 12 >= shortest and zlib.crc32(data[start + 4 : end - 4]) == int.from_bytes(data[end - 4 : end])


def lacks_end(data: bytes) -> bool:
    """Return whether a JPEG stops inside its only scan: no end mark follows the start of that scan.

    One of several scans has too few colours, or not all 64 frequencies. Then the answer is False, since it is unknown
    which scans are missing. The end mark of a thumbnail before the scan does not count.
    """
    scan = data.rfind(bytes((0xFF, _SOS)))
    frame = max(data.rfind(kind, 0, max(scan, 0)) for kind in _SEQUENTIAL)
    if not data.startswith(_SOI) or frame < 0 or len(data) < scan + 16 or data.find(_EOI, scan) >= 0:
        return False
    colours = data[scan + 4]
    return colours == data[frame + 9] and data[scan + 5 + 2 * colours : scan + 7 + 2 * colours] == b"\0\x3f"


def ended(data: bytes, bits: bytes) -> bytes:
    """Return the data with an end mark, and with filler bits before it in place of data that may be missing."""
    return data.rstrip(b"\xff") + bits * _STAND_IN + _EOI


def _png(data: bytes) -> bytes | None:
    kept, at = [_SIGNATURE], len(_SIGNATURE)
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            return None
        if kind == b"eXIf":
            return None  # it may say how the picture is to be turned
        if kind in _CHUNKS and (not kind[0] & 0x20 or _is_intact(data, at, end)):
            kept.append(data[at:end])
        if kind == b"IEND":
            return b"".join(kept)  # what follows it is no picture
        at = end
    return None


def _jpeg(data: bytes) -> bytes | None:
    kept, at = [_SOI], len(_SOI)
    while data[at] == 0xFF:
        marker, length = data[at + 1], struct.unpack_from(">H", data, at + 2)[0]
        end = at + 2 + length
        if marker == _SOS:
            # Inside a scan 0xFF is always followed by a zero or a restart mark, so this is the picture's end.
            last = data.find(_EOI, end)
            return b"".join((*kept, data[at : last + 2])) if last > 0 else None
        if marker not in _DROPPED:
            kept.append(data[at:end])
        at = end
    return None
