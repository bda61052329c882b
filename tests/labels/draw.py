"""Draw a label from its truth and a seed: one of the layouts or forms in one of the typefaces, then worn."""

import io
import random
from dataclasses import dataclass

from PIL import Image, ImageOps

from tests.labels.forms import FORMS, drawn
from tests.labels.layouts import LAYOUTS, Habits
from tests.labels.paper import FACES, Face, Pen
from tests.labels.truth import Truth, invent
from tests.labels.wear import WEAR

_DARK = 1 / 12  # of all packages are printed light on dark
KINDS = (*LAYOUTS, *FORMS)
_PAPER, _INK = (200, 255), (0, 90)  # grey levels


@dataclass(frozen=True)
class Label:
    """A picture as PNG bytes, what is printed on it, and how it was made. `size`: of the type, in pixels."""

    seed: int
    png: bytes
    truth: Truth
    layout: str
    wear: str
    face: str
    size: int


def pair(seed: int) -> tuple[str, str]:
    """Return the layout or form and the wear for a seed: consecutive seeds go through all of them, then all wear."""
    return KINDS[seed % len(KINDS)], list(WEAR)[seed // len(KINDS) % len(WEAR)]


def label(seed: int, layout: str | None = None, wear: str | None = None, *, full: bool = False) -> Label:
    """The same seed always draws the same label."""
    dice = random.Random(seed)
    layout, wear = layout or pair(seed)[0], wear or pair(seed)[1]
    columns = LAYOUTS[layout].columns if layout in LAYOUTS else FORMS[layout][1]
    truth = invent(dice, two_columns=columns == 2, full=full)
    face, size = dice.choice(FACES), dice.randint(24, 34)
    sheet = _set(layout, truth, dice, face, size) if layout in LAYOUTS else drawn(layout, truth, dice, face, size)
    ink, paper = dice.randint(*_INK), dice.randint(*_PAPER)
    if dice.random() < _DARK:
        ink, paper = paper, ink
    image = WEAR[wear](ImageOps.colorize(sheet, (ink,) * 3, (paper,) * 3).convert("L"), dice)
    output = io.BytesIO()
    image.save(output, "PNG")
    return Label(seed, output.getvalue(), truth, layout, wear, face.plain.rpartition("/")[2], size)


def _set(layout: str, truth: Truth, dice: random.Random, face: Face, size: int) -> Image.Image:
    form = LAYOUTS[layout]
    pen = Pen(face, size, size * dice.randint(*form.widths))
    form.draw(pen, truth, Habits(dice))
    return pen.sheet()
