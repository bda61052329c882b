"""What happens to a label between the press and the service: the camera, the light, the hand, the encoder."""

import io
import random
from collections.abc import Callable

from PIL import Image, ImageChops, ImageDraw, ImageFilter

_STRIPS = 40  # upright strips that a bent page is put together from
Worn = Callable[[Image.Image, random.Random], Image.Image]


def _clean(image: Image.Image, dice: random.Random) -> Image.Image:
    return image


def _noisy(image: Image.Image, dice: random.Random) -> Image.Image:
    noise = Image.frombytes("L", image.size, dice.randbytes(image.width * image.height))
    return Image.blend(image.filter(ImageFilter.GaussianBlur(0.6)), noise, dice.uniform(0.06, 0.16))


def _blurred(image: Image.Image, dice: random.Random) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(dice.uniform(1.0, 1.9)))


def _rotated(image: Image.Image, dice: random.Random) -> Image.Image:
    angle = dice.choice((-1, 1)) * dice.uniform(0.5, 5)
    return image.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=255)


def _half(image: Image.Image, dice: random.Random) -> Image.Image:
    return image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)


def _squeezed(image: Image.Image, dice: random.Random) -> Image.Image:
    """The artefacts of a JPEG that was made small."""
    output = io.BytesIO()
    image.save(output, "JPEG", quality=dice.randint(15, 40))
    return Image.open(output).convert("L")


def _shaded(image: Image.Image, dice: random.Random) -> Image.Image:
    """Light that falls off to one side, and the shadow of a hand."""
    least = dice.uniform(0.35, 0.65)
    slope = Image.linear_gradient("L").rotate(dice.choice((0, 90, 180, 270)))
    light = slope.point([round(255 * (least + (1 - least) * level / 255)) for level in range(256)])
    hand = Image.new("L", light.size, 255)
    x, y, across, down = dice.uniform(-60, 200), dice.uniform(-60, 200), dice.uniform(80, 200), dice.uniform(80, 200)
    ImageDraw.Draw(hand).ellipse((x, y, x + across, y + down), fill=round(255 * dice.uniform(0.55, 0.85)))
    shadow = ImageChops.multiply(light, hand.filter(ImageFilter.GaussianBlur(dice.uniform(2, 15))))
    return ImageChops.multiply(image, shadow.resize(image.size, Image.Resampling.BICUBIC))


def _bent(image: Image.Image, dice: random.Random) -> Image.Image:
    """Round a can or a bottle: lines sag in the middle, and letters at the sides are narrower."""
    sag, narrower = image.width * dice.choice((-1, 1)) * dice.uniform(0.004, 0.015), dice.uniform(0.03, 0.12)
    width, height = image.size

    def seen(share: float) -> tuple[float, float]:
        """Where a place across the page, -1 to 1, is on the flat label, and how far it has sunk there."""
        return width / 2 * (1 + share * (1 + narrower * (share**2 - 1))), sag * (1 - share**2)

    mesh = []
    for strip in range(_STRIPS):
        (left, sunk), (right, sunk_right) = seen(2 * strip / _STRIPS - 1), seen(2 * (strip + 1) / _STRIPS - 1)
        box = (width * strip // _STRIPS, 0, width * (strip + 1) // _STRIPS, height)
        mesh.append((box, (left, -sunk, left, height - sunk, right, height - sunk_right, right, -sunk_right)))
    return image.transform(image.size, Image.Transform.MESH, mesh, Image.Resampling.BICUBIC, fillcolor=255)


def _photographed(image: Image.Image, dice: random.Random) -> Image.Image:
    """All at once, each milder: held at an angle, seen a little from the side, in poor light, sent as a JPEG."""
    held = image.rotate(dice.uniform(-3, 3), Image.Resampling.BICUBIC, expand=True, fillcolor=235)
    width, height = held.size
    narrow, low = width * dice.uniform(-0.02, 0.02), height * dice.uniform(-0.02, 0.02)
    corners = (-narrow, -low, narrow, height + low, width - narrow, height - low, width + narrow, low)
    seen = held.transform(held.size, Image.Transform.QUAD, corners, Image.Resampling.BICUBIC, fillcolor=235)
    shaded = _shaded(seen, dice).filter(ImageFilter.GaussianBlur(dice.uniform(0.3, 0.9)))
    noise = Image.frombytes("L", shaded.size, dice.randbytes(shaded.width * shaded.height))
    output = io.BytesIO()
    Image.blend(shaded, noise, 0.05).save(output, "JPEG", quality=dice.randint(45, 80))
    return Image.open(output).convert("L")


WEAR: dict[str, Worn] = {
    "clean": _clean,
    "noisy": _noisy,
    "blurred": _blurred,
    "rotated": _rotated,
    "half": _half,
    "squeezed": _squeezed,
    "shaded": _shaded,
    "bent": _bent,
    "photographed": _photographed,
}
