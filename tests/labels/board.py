"""Draw labels in a second way: stacked tables as wide as their content, in type that is set close and made narrow.

Only the typefaces come from `paper.py`: a reader that does well on one kind alone is fitted too closely to it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from tests.labels.paper import BLACK, WHITE, Face, font

_LEADING = 1.5  # of the type's size, from one line to the next
_FIELD = 0.4  # of the type's size, between a field's edge and its content
_PIECES = re.compile(r"[\d.,]+%?\)?|[A-Za-z]+[).,]*|\s|[^\dA-Za-z\s][),.:%]*")  # a line may end after each


@dataclass(frozen=True)
class Cell:
    """Hold the content of a table's field. `scale` is relative to the type's size."""

    text: str
    right: bool = False
    bold: bool = False
    scale: float = 1.0


@dataclass(frozen=True)
class Type:
    """Describe the type; `tracking` are additional pixels between letters, negative to set them closer."""

    face: Face
    size: int
    tracking: float = 0.0

    def long(self, text: str, *, bold: bool = False, scale: float = 1.0) -> float:
        face = self._font(bold, scale)
        return sum(face.getlength(sign) + self.tracking * scale for sign in text)

    def write(
        self,
        draw: ImageDraw.ImageDraw,
        at: tuple[float, float],
        text: str,
        *,
        bold: bool = False,
        scale: float = 1.0,
        ink: int = BLACK,
    ) -> None:
        face, (x, y) = self._font(bold, scale), at
        for sign in text:
            draw.text((x, y), sign, font=face, fill=ink)
            x += face.getlength(sign) + self.tracking * scale

    def _font(self, bold: bool, scale: float) -> ImageFont.FreeTypeFont:
        return font(self.face.bold if bold else self.face.plain, round(self.size * scale), self.face.index)


class Board:
    """Stack the blocks of a label. Lengths are pixels."""

    def __init__(self, type_: Type, width: int) -> None:
        self.type, self.width, self.margin = type_, width, type_.size
        self.across = width - 2 * self.margin
        self._image = Image.new("L", (width, type_.size * 160), WHITE)
        self._draw = ImageDraw.Draw(self._image)
        self._y = float(self.margin)

    def space(self, lines: float = 0.5) -> None:
        self._y += self.type.size * _LEADING * lines

    def paragraph(self, text: str, *, scale: float = 1.0) -> None:
        """Add a paragraph, broken wherever the line is full, even between a number and its unit."""
        line = ""
        for piece in _PIECES.findall(text):
            if line and self.type.long(line + piece, scale=scale) > self.across:
                self._line(line, scale)
                line = piece.strip()
            else:
                line += piece
        self._line(line, scale)

    def _line(self, text: str, scale: float) -> None:
        self.type.write(self._draw, (self.margin, self._y), text, scale=scale)
        self._y += self.type.size * _LEADING * scale

    def banner(self, title: str, *lines: str, dark: bool) -> None:
        """Add a title in large letters on the left, with lines on its right."""
        scale = min([1.0, *(0.62 * self.across / self.type.long(line) for line in lines)])
        top, step = self._y, self.type.size * _LEADING * scale
        height = max(1.6 * self.type.size, step * len(lines)) + self.type.size * 0.6
        paper, ink = (BLACK, WHITE) if dark else (WHITE, BLACK)
        box = (self.margin, top, self.margin + self.across, top + height)
        self._draw.rectangle(box, fill=paper, outline=BLACK, width=2)
        large = min(1.3, 0.34 * self.across / self.type.long(title, bold=True))
        middle = top + (height - large * self.type.size * 1.2) / 2
        self.type.write(self._draw, (self.margin * 1.4, middle), title, bold=True, scale=large, ink=ink)
        y = top + self.type.size * 0.3
        for line in lines:
            x = self.margin * 0.6 + self.across - self.type.long(line, scale=scale)
            self.type.write(self._draw, (x, y), line, scale=scale, ink=ink)
            y += step
        self._y = top + height

    def table(self, rows: Sequence[Sequence[Cell]], *, across: int = 0, down: int = 0) -> None:
        """Add a table. Columns are as wide as their widest cell and share the rest; too wide a table gets smaller type.

        `across` and `down` are the widths of its rules, 0 for none.
        """
        columns = max(map(len, rows))
        natural = [max((self._wide(row[n]) for row in rows if n < len(row)), default=0.0) for n in range(columns)]
        shrunk = min(1.0, self.across / sum(natural))
        spare = (self.across - shrunk * sum(natural)) / columns
        widths = [shrunk * width + spare for width in natural]
        top, height = self._y, self.type.size * (_LEADING * shrunk + 0.15)
        for row in rows:
            if across:
                self._draw.line((self.margin, self._y, self.margin + self.across, self._y), fill=BLACK, width=across)
            left = float(self.margin)
            for cell, width in zip(row, widths, strict=False):
                self._cell(cell, left, width, shrunk)
                left += width
            self._y += height
        if across:
            self._draw.line((self.margin, self._y, self.margin + self.across, self._y), fill=BLACK, width=across)
        for number in range(columns + 1) if down else ():
            x = self.margin + sum(widths[:number])
            self._draw.line((x, top, x, self._y), fill=BLACK, width=down)
        self._y += self.type.size * 0.2

    def _wide(self, cell: Cell) -> float:
        return self.type.long(cell.text, bold=cell.bold, scale=cell.scale) + 2 * _FIELD * self.type.size

    def _cell(self, cell: Cell, left: float, width: float, shrunk: float) -> None:
        scale, field = cell.scale * shrunk, _FIELD * self.type.size * shrunk
        long = self.type.long(cell.text, bold=cell.bold, scale=scale)
        x = left + width - field - long if cell.right else left + field
        y = self._y + self.type.size * (0.15 + (1 - cell.scale) / 2) * shrunk
        self.type.write(self._draw, (x, y), cell.text, bold=cell.bold, scale=scale)

    def sheet(self, narrow: float = 1.0) -> Image.Image:
        """Return the whole label, its width multiplied by `narrow`: makers squeeze type to save space."""
        whole = self._image.crop((0, 0, self.width, round(self._y) + self.margin))
        return whole.resize((round(narrow * whole.width), whole.height), Image.Resampling.LANCZOS)
