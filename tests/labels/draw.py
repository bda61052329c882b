"""Draws a label from its truth and a seed: a few layouts in Debian's Nanum fonts, with light wear."""

import io
import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageFont

from tests.labels.truth import KOREAN, UNITS, Column, Truth, invent

FONTS = Path("/usr/share/fonts/truetype/nanum")
FACES = ("NanumGothic", "NanumBarunGothic", "NanumGothic")
LAYOUTS = ("table", "columns", "prose")
WEAR = ("clean", "noisy", "rotated", "half")


@dataclass(frozen=True)
class Label:
    """A picture as PNG bytes, what is printed on it, and how it was made."""

    png: bytes
    truth: Truth
    layout: str
    wear: str


def label(seed: int, layout: str | None = None, wear: str | None = None, *, full: bool = False) -> Label:
    """The same seed always draws the same label."""
    dice = random.Random(seed)
    layout = layout or LAYOUTS[seed % len(LAYOUTS)]
    wear = wear or WEAR[seed // len(LAYOUTS) % len(WEAR)]
    truth = invent(dice, two_columns=layout == "columns", full=full)
    pen = _Pen(dice.choice(FACES), dice.choice((26, 28, 30)))
    {"table": _table, "columns": _columns, "prose": _prose}[layout](pen, truth)
    image = _worn(pen.sheet(), wear, dice)
    output = io.BytesIO()
    image.save(output, "PNG", optimize=True)
    return Label(output.getvalue(), truth, layout, wear)


class _Pen:
    """A sheet of paper that grows downwards."""

    width, margin = 1000, 40

    def __init__(self, face: str, size: int) -> None:
        self.size = size
        self.plain, self.bold = _font(face, size), _font(f"{face}Bold", size)
        self.image = Image.new("L", (self.width, 3000), 255)
        self.draw = ImageDraw.Draw(self.image)
        self.y = self.margin

    def text(self, x: float, text: str, bold: bool = False) -> float:
        """Write on the current line; returns where it ends."""
        font = self.bold if bold else self.plain
        self.draw.text((x, self.y), text, font=font, fill=20)
        return x + self.draw.textlength(text, font=font)

    def right(self, x: float, text: str, bold: bool = False) -> None:
        font = self.bold if bold else self.plain
        self.text(x - self.draw.textlength(text, font=font), text, bold)

    def down(self, lines: float = 1.0) -> None:
        self.y += round(self.size * 1.55 * lines)

    def rule(self, width: int = 2) -> None:
        self.draw.line((self.margin, self.y, self.width - self.margin, self.y), fill=20, width=width)
        self.y += self.size // 3

    def paragraph(self, text: str) -> None:
        """Break where the line is full, between any two letters, as Korean labels do."""
        line = ""
        for letter in text:
            if self.draw.textlength(line + letter, font=self.plain) > self.width - 2 * self.margin:
                self.text(self.margin, line)
                self.down()
                line = letter.strip()
            else:
                line += letter
        self.text(self.margin, line)
        self.down()

    def sheet(self) -> Image.Image:
        return self.image.crop((0, 0, self.width, self.y + self.margin))


@cache
def _font(face: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONTS / f"{face}.ttf", size)


def _head(pen: _Pen, truth: Truth) -> None:
    pen.text(pen.margin, f"제품명: {truth.product}", bold=True)
    pen.down()
    pen.text(pen.margin, "식품유형: 과자   보관방법: 직사광선을 피해 서늘한 곳에 보관")
    pen.down()


def _ingredients(pen: _Pen, truth: Truth) -> None:
    pen.paragraph("원재료명: " + ", ".join(printed for printed, _ in truth.ingredients))
    pen.paragraph("밀, 대두, 우유 함유")


def _title(pen: _Pen, right: str) -> None:
    pen.down(0.3)
    pen.rule(4)
    pen.text(pen.margin, "영양정보", bold=True)
    pen.right(pen.width - pen.margin, right)
    pen.down(1.1)
    pen.rule()


def _table(pen: _Pen, truth: Truth) -> None:
    column = truth.columns[0]
    _head(pen, truth)
    _ingredients(pen, truth)
    _title(pen, f"{column.heading} {column.values['energy']} kcal")
    pen.right(pen.width - pen.margin, "1일 영양성분 기준치에 대한 비율")
    pen.down()
    for name in column.values:
        if name == "energy":
            continue
        pen.text(pen.margin, f"{KOREAN[name]} {column.values[name]} {UNITS[name]}", bold=True)
        if name in column.percent:
            pen.right(pen.width - pen.margin, f"{column.percent[name]} %")
        pen.down()
    pen.rule()
    pen.paragraph(
        "1일 영양성분 기준치에 대한 비율(%)은 2,000 kcal 기준이므로 개인의 필요 열량에 따라 다를 수 있습니다."
    )


def _columns(pen: _Pen, truth: Truth) -> None:
    _head(pen, truth)
    _title(pen, "1일 영양성분 기준치에 대한 비율(%)")
    stops = (pen.width * 0.62, pen.width - pen.margin)
    for stop, column in zip(stops, truth.columns, strict=True):
        pen.right(stop, column.heading)
    pen.down()
    pen.rule()
    for name in truth.columns[0].values:
        pen.text(pen.margin, KOREAN[name], bold=True)
        for stop, column in zip(stops, truth.columns, strict=True):
            pen.right(stop, _cell(column, name))
        pen.down()
    pen.rule()
    _ingredients(pen, truth)


def _cell(column: Column, name: str) -> str:
    share = f"   {column.percent[name]}%" if name in column.percent else ""
    return f"{column.values[name]}{UNITS[name]}{share}"


def _prose(pen: _Pen, truth: Truth) -> None:
    column = truth.columns[0]
    _head(pen, truth)
    _ingredients(pen, truth)
    _title(pen, column.heading)
    facts = [f"{KOREAN[name]} {_prose_fact(column, name)}" for name in column.values]
    line = ""
    for fact in facts:
        if pen.draw.textlength(f"{line}, {fact}", font=pen.plain) > pen.width - 2 * pen.margin:
            pen.text(pen.margin, line + ",")
            pen.down()
            line = fact
        else:
            line = f"{line}, {fact}" if line else fact
    pen.text(pen.margin, line)
    pen.down()
    pen.paragraph("( )안의 수치는 1일 영양성분 기준치에 대한 비율임")


def _prose_fact(column: Column, name: str) -> str:
    share = f"({column.percent[name]}%)" if name in column.percent else ""
    return f"{column.values[name]}{UNITS[name]}{share}"


def _worn(image: Image.Image, wear: str, dice: random.Random) -> Image.Image:
    if wear == "half":
        return image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)
    if wear == "rotated":
        return image.rotate(dice.choice((-1.5, -1, 1, 1.5)), Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    if wear == "noisy":
        noise = Image.frombytes("L", image.size, dice.randbytes(image.width * image.height))
        return Image.blend(image.filter(ImageFilter.GaussianBlur(0.6)), noise, 0.12)
    return image
