"""Read and write grey PNG pictures (8 bits, no filters): just enough to put a number under the known label."""

import struct
import zlib
from collections.abc import Sequence

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY = struct.pack(">5B", 8, 0, 0, 0, 0)  # bits a pixel; grey; the only compression and filter methods; not interlaced


def read(png: bytes) -> list[bytes]:
    """Return rows of one byte a pixel. Raises ValueError for a PNG that is not plain grey or has filtered rows."""
    at, packed, width = len(_SIGNATURE), b"", 0
    while at < len(png):
        (length,), kind = struct.unpack(">I", png[at : at + 4]), png[at + 4 : at + 8]
        content = png[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width = struct.unpack(">I", content[:4])[0]
            if content[8:] != _GREY:
                raise ValueError("not a plain grey picture")
        elif kind == b"IDAT":
            packed += content
        at += length + 12
    lines = zlib.decompress(packed)
    rows = [lines[start : start + width + 1] for start in range(0, len(lines), width + 1)]
    if any(row[0] for row in rows):
        raise ValueError("its rows are filtered")
    return [row[1:] for row in rows]


def write(rows: Sequence[bytes]) -> bytes:
    """Return a PNG file of rows of equal length, one byte a pixel."""
    size = struct.pack(">II", len(rows[0]), len(rows))
    packed = zlib.compress(b"".join(b"\0" + row for row in rows))
    return _SIGNATURE + _chunk(b"IHDR", size + _GREY) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
