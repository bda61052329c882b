"""Pictures that carry a number as black and white bars, the label that each stands for, and what is right about it.

A reader for tests finds the number again in whatever the service made of the picture, so that every answer can be told
from every other one: an answer that was meant for somebody else is a wrong one.
"""

import io
import re
from typing import Any

from PIL import Image, ImageDraw

from tests.servers import vision as ocr

BITS = 16
_BAR, _HEIGHT = 24, 80  # pixels


def picture(number: int) -> bytes:
    image = Image.new("L", ((BITS + 2) * _BAR, _HEIGHT), 255)
    pen = ImageDraw.Draw(image)
    for bit in range(BITS):
        if number >> bit & 1:
            pen.rectangle(((bit + 1) * _BAR, 0, (bit + 2) * _BAR - 1, _HEIGHT), fill=0)
    output = io.BytesIO()
    image.save(output, "PNG")
    return output.getvalue()


def number_in(content: bytes) -> int:
    with Image.open(io.BytesIO(content)) as image:
        grey = image.convert("L")
        middles = [grey.getpixel(((bit + 1) * _BAR + _BAR // 2, _HEIGHT // 2)) for bit in range(BITS)]
    return sum(1 << bit for bit, level in enumerate(middles) if isinstance(level, int) and level < 128)


def sodium(number: int) -> int:
    """mg; each number has one of its own."""
    return 5 + number


def text(number: int) -> str:
    share = int(sodium(number) / 20 + 0.5)
    return f"영양정보 100 g당\n나트륨 {sodium(number)} mg {share} %\n당류 0 g 0 %\n제품명: 시험 {number}"


def answer(texts: list[str]) -> dict[str, Any]:
    """What a model makes of such texts."""
    found = re.search(r"나트륨 (\d+) mg (\d+) ?%", texts[0])
    name = re.search(r"제품명: (.*)", texts[0])
    assert found and name
    figures = [
        {"name": "sodium", "number": found[1], "unit": "mg", "percent": int(found[2])},
        {"name": "sugar", "number": "0", "unit": "g", "percent": 0},
    ]
    return {
        "images": [{"kind": "label"}] * len(texts),
        "same_product": True,
        "product_name": name[1],
        "nutrition": figures,
        "ingredients": [],
    }


def is_right(number: int, body: dict[str, Any]) -> bool:
    """An answer for this number and no other, whole."""
    nutrition = body["nutrition_info"]
    return (
        body["decodeStatus"] == "COMPLETED"
        and body["product_name"] == f"시험{number}"
        and nutrition["sodium"] == str(sodium(number))
        and nutrition["sugar"] == "0"
        and all(value is None for name, value in nutrition.items() if name not in {"sodium", "sugar"})
    )


def reads_numbers() -> ocr.Call:
    """Vision's answer to such pictures."""

    def call(request: ocr.Request, context: Any) -> ocr.Response:
        texts = [text(number_in(one.image.content)) for one in request.requests]
        return ocr.reads(*texts)(request, context)

    return call
