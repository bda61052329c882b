"""Parse printed numbers, with thousands separators or a bare decimal point, and write plain decimals."""

import re
from decimal import Decimal

_GROUPED = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?")
_PLAIN = re.compile(r"(0|[1-9]\d*)?\.\d+|0|[1-9]\d*")
LARGEST = Decimal(100_000)  # nothing on a food label is larger


def parse(text: str) -> Decimal | None:
    """Return the printed number: "1,790" is 1790 and ".5" is 0.5; None for no number, or one too large for a label."""
    if _GROUPED.fullmatch(text):
        text = text.replace(",", "")
    if not text.isascii() or not _PLAIN.fullmatch(text):
        return None
    number = Decimal(text)
    return number if number < LARGEST else None


def plain(number: Decimal) -> str:
    """Return a plain decimal without exponent or trailing zeros: "1790", "0.5", "0"."""
    text = f"{number:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"
