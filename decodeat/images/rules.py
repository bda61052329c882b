"""Remove what is printed around a table's letters: rules, leaders, and dark bars with light letters on them."""

from PIL import Image, ImageChops, ImageFilter, ImageOps

from decodeat.images.ink import ACROSS, DOWN, Direction, closed, ink, lightest, runs, swept, thickened

_TWO_ROWS = 2.6  # heights of a letter; a rule down a table is at least as long, and hardly any letter is
_APART = 1.7  # heights of a letter; the dots and dashes of a leader are no further apart


def without_bars(page: Image.Image, slow: Image.Image, height: float) -> Image.Image:
    """Turn dark bars with light letters into dark letters on light ground.

    `slow` is the page with its bars in even light; `height` is that of a line of letters in pixels.
    """
    dark = ink(slow, 115)
    reduced = max(1, round(height / 5))
    reach = round(height / reduced)
    dense = dark.reduce(reduced).filter(ImageFilter.BoxBlur(reach)).point(lambda level: 255 if level > 135 else 0)
    if not dense.getbbox():
        return page
    # A bar is mostly dark, and lies between unbroken dark lines no further apart than a line of letters is high.
    dense = dense.filter(ImageFilter.MaxFilter(2 * reach + 1)).resize(dark.size)
    lines = runs(thickened(dark, ACROSS), round(2.5 * height), ACROSS)
    bar = ImageChops.darker(closed(lines, round(1.4 * height), DOWN), dense)
    if not bar.getbbox():
        return page
    turned = ImageOps.autocontrast(ImageOps.invert(slow), mask=bar, cutoff=(2, 40))
    return Image.composite(turned, page, bar)


def without_rules(page: Image.Image, height: float) -> Image.Image:
    """Erase the lines of tables; in noise, hairlines too if they are long enough to be sure."""
    dark, short, gap = ink(page, 100), round(4 * height), max(2, round(height / 8))
    found = [
        (along, length, runs(thickened(inked, along), length, along))
        for along, length, inked in (
            (ACROSS, max(short, round(0.35 * page.width)), ink(_smeared(page, height), 45)),
            (ACROSS, short, closed(dark, gap, ACROSS)),
            (DOWN, round(_TWO_ROWS * height), closed(dark, gap, DOWN)),
        )
    ]
    # What crosses a rule, or runs along it, may be another rule: so all are found before any is erased.
    beside = dark
    for _, _, line in found:
        beside = ImageChops.subtract(beside, line)
    page = page.copy()
    for along, length, line in found:
        if line.getbbox():
            rule = thickened(_free(line, beside, height, min(length, short), along), along)
            page.paste(255, (0, 0), rule.filter(ImageFilter.MaxFilter(3)))
    return page


def without_leaders(page: Image.Image, height: float) -> Image.Image:
    """Erase dots or dashes that lead from a name to its amount: thin, far apart, and with nothing beside them."""
    paper, least = lightest(page, _thick(height)), round(3 * height)
    dark = ink(ImageChops.add(page, ImageChops.invert(paper)), 60)  # darker than what is around it, in a shadow too
    lines = runs(closed(thickened(thickened(dark, ACROSS), ACROSS), round(_APART * height), ACROSS), least, ACROSS)
    leaders = runs(_alone(_thin(lines, _thick(height) + 4, ACROSS), dark, height, ACROSS), least, ACROSS)
    beside = round(0.2 * height)  # nothing is erased at a name's end or an amount's beginning
    for way in (beside, -beside):
        leaders = ImageChops.darker(leaders, ImageChops.offset(leaders, way, 0))
    return Image.composite(paper, page, thickened(thickened(leaders, ACROSS), ACROSS))


def _free(line: Image.Image, dark: Image.Image, height: float, length: int, along: Direction) -> Image.Image:
    """Return the parts of a line that are a rule: thin, and with nothing beside them but a few words that come near."""
    line = _thin(line, 2 * _thick(height), along)  # of a double rule, both together
    free = _alone(line, dark, height, along)
    return runs(ImageChops.darker(line, closed(free, round(8 * height), along)), length, along)


def _thin(line: Image.Image, thick: int, along: Direction) -> Image.Image:
    return ImageChops.subtract(line, runs(line, thick, (along[1], along[0])))


def _alone(line: Image.Image, dark: Image.Image, height: float, along: Direction) -> Image.Image:
    """Return the parts of a line that have nothing dark beside them."""
    aside, across = ImageChops.subtract(dark, line), (along[1], along[0])
    near = ImageChops.lighter(*(swept(aside, _thick(height), across, sign, ImageChops.lighter) for sign in (1, -1)))
    return runs(ImageChops.subtract(line, near), round(2 * height), along)


def _thick(height: float) -> int:
    """Return a thickness in pixels that no rule reaches."""
    return max(5, round(0.35 * height))


def _smeared(page: Image.Image, height: float) -> Image.Image:
    """Average the page along its rows over a quarter of a letter's height: noise vanishes, and a hairline stays."""
    small = page.resize((max(1, page.width // max(2, round(height / 4))), page.height), Image.Resampling.BOX)
    return small.resize(page.size, Image.Resampling.BILINEAR)
