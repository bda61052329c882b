"""Read what BuildKit tells of a build: messages in protocol buffers, of which a few fields matter here.

The fields are those of `StatusResponse` in BuildKit's api/services/control/control.proto. Unknown ones are passed over.
"""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, field

Field = tuple[int, bytes | int]
_VERTICES, _LOGS = 1, 3  # of a status
_DIGEST, _NAME, _COMPLETED, _ERROR = 1, 3, 6, 7  # of a vertex
_MESSAGE = 4  # of a log


@dataclass
class Trace:
    """Collect from messages which steps there are by digest, which are done, and what they print."""

    names: dict[str, str] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    latest: str = ""

    def read(self, message: str) -> tuple[str, ...]:
        """Take one message, in base64, and return the lines that steps printed. Raises `ValueError` for other forms."""
        try:
            data = base64.b64decode(message, validate=True)
        except binascii.Error as error:
            raise ValueError(f"no base64: {error}") from error
        lines: list[str] = []
        for number, value in fields(data):
            if number == _VERTICES and isinstance(value, bytes):
                lines += self._vertex(value)
            elif number == _LOGS and isinstance(value, bytes):
                text = dict(fields(value)).get(_MESSAGE, b"")
                lines += text.decode(errors="replace").splitlines() if isinstance(text, bytes) else []
        return tuple(lines)

    def _vertex(self, data: bytes) -> list[str]:
        found = {number: value for number, value in fields(data) if isinstance(value, bytes)}
        digest, name, error = (found.get(number, b"").decode(errors="replace") for number in (_DIGEST, _NAME, _ERROR))
        if name.startswith("[internal]"):
            return []
        if digest not in self.names:
            self.names[digest] = self.latest = name
        if _COMPLETED in found:
            self.done.add(digest)
        return [f"{name}: {error}"] if error else []


def fields(data: bytes) -> Iterator[Field]:
    """Yield number and value of each field of a message. Raises `ValueError` when it is cut off or of another form."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, place = _varint(data, place)
            yield number, value
            continue
        if kind == 2:
            length, place = _varint(data, place)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise ValueError(f"unknown kind {kind} of field")
        if place + length > len(data):
            raise ValueError("a message is cut off")
        yield number, data[place : place + length]
        place += length


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """Return the number that begins at a place, seven bits a byte, and the place after it."""
    number = shift = 0
    while place < len(data) and shift < 64:
        byte = data[place]
        number |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return number, place
    raise ValueError("a number is cut off")
