"""The sheet that a label is written on, and the faces it is written in, all from Debian's packages."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

_SYSTEM = Path("/usr/share/fonts")
FONTS = _SYSTEM / "truetype/nanum"


@dataclass(frozen=True)
class Face:
    """A family in two weights; files below /usr/share/fonts. `index` picks the Korean face of a collection."""

    plain: str
    bold: str
    index: int = 0


FACES = (
    Face("truetype/nanum/NanumGothic.ttf", "truetype/nanum/NanumGothicBold.ttf"),
    Face("truetype/nanum/NanumBarunGothic.ttf", "truetype/nanum/NanumBarunGothicBold.ttf"),
    Face("truetype/nanum/NanumSquareR.ttf", "truetype/nanum/NanumSquareB.ttf"),
    Face("truetype/nanum/NanumMyeongjo.ttf", "truetype/nanum/NanumMyeongjoBold.ttf"),
    Face("opentype/noto/NotoSansCJK-Regular.ttc", "opentype/noto/NotoSansCJK-Bold.ttc", 1),
    Face("opentype/noto/NotoSerifCJK-Regular.ttc", "opentype/noto/NotoSerifCJK-Bold.ttc", 1),
    Face("truetype/unfonts-core/UnDotum.ttf", "truetype/unfonts-core/UnDotumBold.ttf"),
    Face("truetype/unfonts-core/UnBatang.ttf", "truetype/unfonts-core/UnBatangBold.ttf"),
    Face("truetype/baekmuk/dotum.ttf", "truetype/baekmuk/dotum.ttf"),
    Face("truetype/baekmuk/gulim.ttf", "truetype/baekmuk/gulim.ttf"),
)
WHITE, BLACK = 255, 20
_PIECES = re.compile(r"[!-~]+|[^!-~][),.:%]*")  # no line breaks inside a number or a Latin word


class Pen:
    """A sheet of paper that grows downwards. Lengths are pixels."""

    def __init__(self, face: Face, size: int, width: int) -> None:
        self.size, self.width, self.margin = size, width, round(size * 1.4)
        self._plain, self._bold = font(face.plain, size, face.index), font(face.bold, size, face.index)
        self.image = Image.new("L", (width, size * 150), WHITE)
        self.draw = ImageDraw.Draw(self.image)
        self.y = self.margin
        self.left, self.end = self.margin, width - self.margin

    def long(self, text: str, bold: bool = False) -> float:
        return self.draw.textlength(text, font=self._bold if bold else self._plain)

    def text(self, x: float, text: str, *, bold: bool = False, ink: int = BLACK) -> None:
        self.draw.text((x, self.y), text, font=self._bold if bold else self._plain, fill=ink)

    def right(self, x: float, text: str, *, bold: bool = False, ink: int = BLACK) -> None:
        self.text(x - self.long(text, bold), text, bold=bold, ink=ink)

    def down(self, lines: float = 1.0) -> None:
        self.y += round(self.size * 1.55 * lines)

    def rule(self, width: int = 2, ink: int = BLACK) -> None:
        self.draw.line((self.left, self.y, self.end, self.y), fill=ink, width=width)
        self.y += self.size // 3

    def bar(self, lines: float) -> None:
        """Black from margin to margin, for `lines` that follow; the pen stands inside."""
        height = round(self.size * 1.55 * lines) + self.size // 2
        self.draw.rectangle((self.left, self.y, self.end, self.y + height), fill=BLACK)
        self.y += self.size // 3

    def paragraph(self, text: str, *, words: bool = False) -> None:
        """Break where the line is full: between any two syllables, as most Korean labels do, or between words."""
        line = ""
        for piece in text.split(" ") if words else _PIECES.findall(text):
            longer = f"{line} {piece}" if words and line else line + piece
            if line and self.long(longer) > self.end - self.left:
                self.text(self.left, line)
                self.down()
                line = piece.strip()
            else:
                line = longer
        self.text(self.left, line)
        self.down()

    def sheet(self) -> Image.Image:
        return self.image.crop((0, 0, self.width, self.y + self.margin))


@cache
def font(path: str, size: int, index: int) -> ImageFont.FreeTypeFont:
    """Load a typeface from its file below /usr/share/fonts; `size` is in pixels."""
    return ImageFont.truetype(_SYSTEM / path, size, index=index)
