"""Given a page as it was photographed, it comes out level, evenly lit, without rules, with letters of one size."""

import io
import random

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageStat

from decodeat.engines.preparation import LETTERS, letters, prepared
from decodeat.images import level, light, rules
from decodeat.images.ink import ACROSS, DOWN, closed, ink, runs
from decodeat.images.picture import LARGEST_SIDE
from tests.labels.board import Board, Cell, Type
from tests.labels.draw import label
from tests.labels.paper import FACES, Pen

TEXT = "나트륨 탄수화물 당류 지방 트랜스지방 포화지방 콜레스테롤 단백질 "


def page(lines: int = 24, size: int = 28, *, ruled: bool = False) -> Image.Image:
    """Lines of Korean from edge to edge, further apart and with a rule between them if they are ruled."""
    pen = Pen(FACES[0], size, 1000)
    for number in range(lines):
        pen.text(pen.left, (TEXT[number:] + TEXT)[: round(920 / size * 1.1)])
        pen.down()
        pen.rule(1 + number % 4 if ruled else 0)
    return pen.sheet()


def slopes(one: Image.Image) -> list[float]:
    """Degrees that the lines of each quarter of a page slope."""
    across, down = one.width // 2, one.height // 2
    corners = ((0, 0), (across, 0), (0, down), (across, down))
    return [level._slope(level._sketch(one.crop((x, y, x + across, y + down))), 8) for x, y in corners]


@pytest.mark.parametrize("degrees", [-6.5, -2, -0.6, 0, 1.3, 4, 7])
def test_a_page_held_askew_is_turned(degrees: float) -> None:
    askew = page().rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    (straight,) = level.levelled(askew)
    assert slopes(straight) == pytest.approx([0] * 4, abs=0.3)


def test_a_page_seen_from_the_side_is_pulled_straight() -> None:
    flat = page()
    width, height = flat.size
    corners = (-20, -25, 20, height + 25, width - 20, height - 25, width + 20, 25)
    seen = flat.transform(flat.size, Image.Transform.QUAD, corners, Image.Resampling.BICUBIC, fillcolor=255)
    assert max(abs(slope) for slope in slopes(seen)) > 0.5
    (straight,) = level.levelled(seen)
    assert slopes(straight) == pytest.approx([0] * 4, abs=0.4)


@pytest.mark.parametrize(("seed", "layout"), [(9001, "bar"), (9003, "split")])  # one is lower in the middle, one higher
def test_a_page_round_a_can_is_flattened(seed: int, layout: str) -> None:
    bent = light.evened(Image.open(io.BytesIO(label(seed, layout, "bent").png)).convert("L")).page
    left, right, *_ = slopes(bent)
    assert left * right < 0 and min(abs(left), abs(right)) > 0.5
    (flat,) = level.levelled(bent)
    assert slopes(flat) == pytest.approx([0] * 4, abs=0.3)


def test_all_images_of_a_page_are_changed_alike() -> None:
    askew = page().rotate(3, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    one, other = level.levelled(askew, askew.point(lambda grey: grey // 2 + 128))
    assert one.size == other.size
    assert ImageStat.Stat(ImageChops.difference(one.point(lambda grey: grey // 2 + 128), other)).mean[0] < 1


def test_light_letters_on_dark_paper_are_turned_over() -> None:
    dark = ImageChops.invert(page())
    assert ImageStat.Stat(light.dark_on_light(dark)).mean[0] > 200
    assert light.dark_on_light(page()) == page()


def test_a_dark_photograph_of_a_white_label_is_not_turned_over() -> None:
    dark = page().point(lambda grey: grey // 4)
    assert light.dark_on_light(dark) == dark


def test_shadows_vanish_and_letters_stay() -> None:
    shadow = Image.linear_gradient("L").resize(page().size).point(lambda level: 70 + level // 2)
    even = light.stretched(light.evened(ImageChops.multiply(page(), shadow)).page)
    apart = ImageChops.difference(even.point(lambda grey: 255 * (grey > 127)), page())
    assert ImageStat.Stat(apart).mean[0] < 8


def test_rules_vanish_and_letters_stay() -> None:
    bare, ruled = page(), page(ruled=True)
    height = letters(bare) or 0
    ImageDraw.Draw(ruled).line((22, 30, 22, ruled.height - 40), fill=20, width=2)
    before, after = (
        ImageStat.Stat(ImageChops.difference(one, bare)).sum[0] for one in (ruled, rules.without_rules(ruled, height))
    )
    assert after < 0.05 * before
    assert rules.without_rules(bare, height) == bare


def stacked(rules_width: int) -> Image.Image:
    """Two tables of two rows under each other, as small packages have them."""
    board = Board(Type(FACES[0], 28), 1000)
    for names, amounts in (
        (("나트륨", "당류"), ("397 mg", "0 g")),
        (("포화지방", "칼슘", "단백질"), ("0.5 g", "47 mg", "2 g")),
    ):
        rows = [[Cell(text) for text in texts] for texts in (names, amounts)]
        board.table(rows, across=rules_width, down=rules_width)
    return board.sheet()


def test_rules_of_small_tables_vanish_and_so_do_two_that_are_side_by_side() -> None:
    bare, ruled, height = stacked(0), stacked(2), 28.0
    before, after = (apart(one, bare) for one in (ruled, rules.without_rules(ruled, height)))
    assert after < 0.01 * before
    assert rules.without_rules(bare, height) == bare


def apart(one: Image.Image, other: Image.Image) -> float:
    """How much of one page differs clearly from the other."""
    return ImageStat.Stat(ImageChops.difference(one, other).point(lambda levels: 255 * (levels > 60))).sum[0]


def led(leader: str, degrees: float = 0.0) -> Image.Image:
    """Amounts with `leader` between them and their names, photographed askew by that much, in a shadow."""
    pen = Pen(FACES[0], 28, 1000)
    for name in TEXT.split():
        pen.text(pen.left, name)
        pen.text(pen.end - 90, "0.5 g")
        start = pen.left + pen.long(name) + pen.size / 2
        pen.text(start, leader * int((pen.end - 110 - start) / pen.long(leader)))
        pen.down()
    sheet = pen.sheet().rotate(degrees, Image.Resampling.BICUBIC, fillcolor=255)
    shadow = Image.new("L", sheet.size, 255)
    ImageDraw.Draw(shadow).ellipse((350, 20, 700, 300), outline=160, width=60)
    return ImageChops.multiply(sheet, shadow.filter(ImageFilter.GaussianBlur(12)))


@pytest.mark.parametrize("leader", [".", "·", "-", " .", "…", "_", " -", " - "])
@pytest.mark.parametrize("degrees", [0.0, 0.25])
def test_leaders_vanish_and_points_stay(leader: str, degrees: float) -> None:
    bare, leading = led(" ", degrees), led(leader, degrees)
    height = letters(bare) or 0
    before, after = (apart(one, bare) for one in (leading, rules.without_leaders(leading, height)))
    assert after < 0.05 * before
    assert rules.without_leaders(bare, height) == bare


def test_a_bar_becomes_dark_on_light() -> None:
    flat = page(lines=12)
    barred = flat.copy()
    box = (20, 160, 980, 250)
    barred.paste(ImageChops.invert(flat.crop(box)), box[:2])
    even = light.evened(barred)
    turned = rules.without_bars(light.stretched(even.page), even.slow, letters(flat) or 0)
    inside = (30, 175, 970, 235)
    assert ImageStat.Stat(ImageChops.difference(turned.crop(inside), flat.crop(inside))).mean[0] < 15


@pytest.mark.parametrize("size", [12, 20, 28, 44, 70])
def test_letters_come_out_at_one_height(size: int) -> None:
    assert letters(prepared(page(lines=14, size=size))) == pytest.approx(LETTERS, rel=0.2)


def test_a_large_page_is_made_smaller_before_the_work() -> None:
    large = page().resize((3100, 3100 * page().height // 1000))
    assert max(prepared(large).size) < 2000


@pytest.mark.parametrize("size", [(50, 50), (50, 3200), (3200, 50), (51, 333), (900, 700)])
@pytest.mark.parametrize("kind", ["white", "black", "grey", "noise", "half"])
def test_any_page_comes_out(size: tuple[int, int], kind: str) -> None:
    if kind == "noise":
        given = Image.frombytes("L", size, random.Random(1).randbytes(size[0] * size[1]))
    else:
        given = Image.new("L", size, {"white": 255, "black": 0, "grey": 90, "half": 255}[kind])
    if kind == "half":
        given.paste(0, (0, 0, size[0] // 2, size[1] // 2))
    ready = prepared(given)
    assert ready.mode == "L"
    assert min(ready.size) >= 1 and max(ready.size) <= LARGEST_SIDE


def test_runs_and_gaps() -> None:
    mask = Image.frombytes("L", (8, 1), bytes((255, 255, 0, 255, 255, 255, 0, 0)))
    wide = Image.new("L", (40, 3), 0)
    wide.paste(mask, (10, 1))
    assert runs(wide, 3, ACROSS).crop((10, 1, 18, 2)).tobytes() == bytes((0, 0, 0, 255, 255, 255, 0, 0))
    assert closed(wide, 2, ACROSS).crop((10, 1, 18, 2)).tobytes() == bytes((255,) * 6 + (0, 0))
    assert runs(wide, 2, DOWN).getbbox() is None


def test_ink_is_what_is_darker_than_white_by_so_much() -> None:
    assert ink(Image.frombytes("L", (3, 1), bytes((0, 155, 156))), 100).tobytes() == bytes((255, 0, 0))


@pytest.mark.parametrize("size", [(3200, 1), (1, 3200), (1, 1), (3200, 9), (50, 50), (17, 900)])
@pytest.mark.parametrize("kind", ["white", "black", "noise"])
def test_a_page_of_any_shape_can_be_prepared(size: tuple[int, int], kind: str) -> None:
    """What is a thread of forty million pixels is one pixel high when it has been made smaller."""
    one = Image.new("L", size, kind) if kind != "noise" else Image.effect_noise(size, 80)
    assert min(prepared(one).size) >= 1
