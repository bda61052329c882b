"""Makes the known label that deployments are checked with: `python -m tests.labels.known` writes it anew."""

import io
import json
from pathlib import Path

from PIL import Image

from decodeat_ops.checks import grey
from decodeat_ops.checks.label import CELL, DIGITS, LOT
from tests.labels.draw import Label, label
from tests.labels.paper import FACES, Pen

SEED = 305  # every single reading of it is right in nearly all fields, so that all together are on any machine
HOME = Path(__file__).parents[2] / "decodeat_ops" / "checks"
HEADING = "제조번호: "


def main() -> None:
    drawn = label(SEED, "table", "clean", full=True)
    expected = {
        "decodeStatus": "COMPLETED",
        "product_name": drawn.truth.product.replace(" ", ""),
        "nutrition_info": dict(sorted(drawn.truth.values.items())),
        "ingredients": drawn.truth.ingredient_names,
    }
    picture = Image.open(io.BytesIO(drawn.png)).convert("L")
    (HOME / "known_label.png").write_bytes(_plain(picture))
    (HOME / LOT.name).write_bytes(_plain(_lot(drawn, picture)))
    (HOME / "known_label.json").write_text(json.dumps(expected, ensure_ascii=False, indent=2) + "\n")


def _plain(picture: Image.Image) -> bytes:
    pixels = picture.tobytes()
    return grey.write([pixels[at : at + picture.width] for at in range(0, len(pixels), picture.width)])


def _lot(drawn: Label, picture: Image.Image) -> Image.Image:
    """Return the heading of a lot number and the ten digits, each in a cell of the same width, as on the label."""
    face = next(face for face in FACES if face.plain.endswith(drawn.face))
    pen = Pen(face, drawn.size, picture.width)
    cell = max(round(pen.long(digit)) for digit in DIGITS) + 1
    if cell != CELL:
        raise SystemExit(f"decodeat_ops.checks.label.CELL has to be {cell}.")
    heading = pen.margin + round(pen.long(HEADING))
    pen.y = 0
    pen.text(pen.margin, HEADING)
    for digit in DIGITS:
        pen.text(heading + int(digit) * cell + (cell - pen.long(digit)) / 2, digit)
    pixels = picture.tobytes()
    paper, ink = pixels[0], min(pixels)
    strip = pen.image.crop((0, 0, heading + len(DIGITS) * cell, pen.size * 2 + pen.margin))
    low, high = min(strip.tobytes()), max(strip.tobytes())
    return strip.point([round(ink + (paper - ink) * min(max(v - low, 0) / (high - low), 1)) for v in range(256)])


if __name__ == "__main__":
    main()
