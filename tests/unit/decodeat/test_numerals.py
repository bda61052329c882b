"""Given what tesseract saw and where, the figures are cut out to be read alone, and put back among the words."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageSequence

from decodeat.engines import numerals, recognition, signs
from tests.labels.paper import FACES, Pen

Word = tuple[int, int, str]  # left, width, text


def tsv(*rows: list[Word], top: int = 40, pitch: int = 60, height: int = 34) -> str:
    """Tesseract's TSV of lines of words."""
    written = ["level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext"]
    for number, words in enumerate(rows):
        y = top + number * pitch
        written.append(f"4\t1\t1\t1\t{number}\t0\t0\t{y}\t900\t{height}\t-1\t")
        for place, (left, width, text) in enumerate(words):
            written.append(f"5\t1\t1\t1\t{number}\t{place}\t{left}\t{y}\t{width}\t{height}\t90.5\t{text}")
    return "\n".join(written)


# 나트륨 is one word to tesseract, or each of its letters is.
ROW: list[Word] = [(40, 34, "나"), (76, 34, "트"), (112, 34, "륨"), (170, 90, "12579"), (700, 50, "6%")]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (ROW, "나트륨 12579 6%"),
        ([(40, 106, "나트륨"), (170, 90, "125"), (270, 50, "mg")], "나트륨 125 mg"),
        ([(40, 34, "우"), (76, 34, "유"), (111, 10, ","), (140, 34, "밀")], "우유, 밀"),
        ([(40, 34, "우"), (100, 34, "유")], "우 유"),
        ([(40, 50, "(30"), (100, 20, "g)"), (122, 34, "당")], "(30 g)당"),
    ],
)
def test_lines_are_written_with_the_spaces_that_are_seen(words: list[Word], text: str) -> None:
    (line,) = signs.lines(tsv(words))
    assert line.text() == text


@given(st.text(max_size=300))
def test_any_output_is_read_without_complaint(text: str) -> None:
    assert signs.lines(text) == []


CELLS = st.lists(st.sampled_from(["5", "1", "0", "-1", "9999999", "x", "", "나트륨", "7g"]), max_size=13)


@given(st.lists(CELLS.filter(lambda row: len(row) != 12)), st.lists(CELLS.filter(lambda row: row[:1] != ["5"])))
def test_rows_that_make_no_sense_are_passed_over(before: list[list[str]], after: list[list[str]]) -> None:
    strange_before, strange_after = ("\n".join("\t".join(row) for row in rows) for rows in (before, after))
    (line,) = signs.lines(f"{strange_before}\n{tsv(ROW)}\n{strange_after}")
    assert line.text() == "나트륨 12579 6%"


def test_figures_stand_between_korean_words() -> None:
    lines = signs.lines(
        tsv(
            [(40, 72, "열량"), (130, 98, "1506081,"), (250, 106, "나트륨"), (370, 60, "9009")],
            [(40, 48, "8(6%),"), (100, 72, "당류"), (190, 62, "7음"), (300, 72, "미만")],
            [(40, 72, "우유"), (113, 8, ","), (140, 72, "계란")],
            [(40, 10, "ㆍ"), (56, 72, "당류"), (140, 72, "7309"), (230, 10, "ㆍ"), (250, 36, "탄")],
        )
    )
    found = [(one.line, lines[one.line].text(one.start, one.end)) for one in numerals.stretches(lines)]
    assert found == [(0, "1506081,"), (0, "9009"), (1, "8(6%),"), (1, "7음"), (3, "7309 ㆍ")]


def _page() -> tuple[Image.Image, str]:
    """A page with two rows, and where tesseract would see their words; the last letter's box reaches too far."""
    pen = Pen(FACES[0], 38, 900)
    rows: list[list[Word]] = []
    for name, amount, share in (("나트륨", "125mg", "6%"), ("트랜스지방", "0.5g", "")):
        start, figure = pen.left, round(pen.left + pen.long(name + " "))
        pen.text(start, name)
        pen.text(figure, amount)
        pen.text(700, share)
        letter = round(pen.long(name) / len(name))
        words = [(start + letter * place, letter - 2, sign) for place, sign in enumerate(name)]
        words[-1] = (words[-1][0], letter + 60, words[-1][2])
        words.append((figure + 20, 60, "12579"))
        rows.append([*words, (700, 50, share)] if share else words)
        pen.down()
    return pen.sheet(), tsv(*rows, top=pen.margin, pitch=round(38 * 1.55), height=42)


def test_figures_are_cut_out_without_the_words_beside_them() -> None:
    page, seen = _page()
    cut = numerals.cut_out(page, signs.lines(seen))
    alone = Pen(FACES[0], 38, 900)
    for number, (piece, text) in enumerate(zip(cut.values(), ("125mg", "0.5g"), strict=True)):
        box = ImageChops.invert(piece.point(lambda grey: 255 if grey > 175 else 0)).getbbox()
        assert box is not None and box[0] <= 2
        gap = 1.2 * round(alone.long("나트륨") / 3)
        width = alone.long(text) if number else alone.long(text) + gap + alone.long("6%")
        assert box[2] - box[0] == pytest.approx(width, abs=16)  # a letter is 33 wide


def test_what_was_recognised_takes_the_place_of_the_figures() -> None:
    page, seen = _page()
    lines = signs.lines(seen)
    cut = list(numerals.cut_out(page, lines))
    assert numerals.composed(lines, cut, ["125mg 6%", "0.5g"]) == "나트륨125mg 6%\n트랜스지방0.5g"
    assert numerals.composed(lines, cut, ["", ""]).split() == ["나트륨", "트랜스지방"]


def test_what_a_larger_picture_shows_in_their_place_takes_the_place_of_the_figures() -> None:
    """Leave out neighbouring words, also the one before when the place begins too far to the left."""
    _, seen = _page()
    lines = signs.lines(seen)
    wanted = numerals.stretches(lines)
    left = wanted[0].box[0]
    words: list[list[Word]] = [
        [(40, 90, "나트롬"), (2 * left - 30, 80, "롬"), (2 * left + 60, 160, "125mg"), (1400, 80, "6%")],
        [(40, 200, "드랜스지방"), (2 * wanted[1].box[0] + 20, 130, "0.5g")],
    ]
    larger = signs.lines(tsv(*words, top=2 * 53, pitch=2 * 59, height=68))
    figures = numerals.in_place(wanted, larger, 2.0)
    assert figures == ["125mg 6%", "0.5g"]
    assert numerals.composed(lines, wanted, figures) == "나트륨125mg 6%\n트랜스지방0.5g"


def test_a_page_without_figures_has_none_to_cut_out() -> None:
    words = signs.lines(tsv([(40, 72, "우유"), (140, 72, "계란")]))
    assert numerals.cut_out(Image.new("L", (900, 300), 255), words) == {}


def test_of_a_wall_of_noise_no_more_is_cut_out_than_a_label_has() -> None:
    rows = [[(40, 72, "우유"), (140, 72, "1234"), (300, 72, "계란"), (400, 60, "77")] for _ in range(900)]
    lines = signs.lines(tsv(*rows, pitch=3, height=900))
    assert len(numerals.stretches(lines)) == 1800
    assert len(numerals.cut_out(Image.new("L", (900, 3000), 0), lines)) == 200


PLACES = st.tuples(
    st.integers(0, 1200), st.integers(1, 300), st.sampled_from(["당", "7", "7음", "g", "6%", "지방", "(8%),"])
)


@given(st.lists(st.lists(PLACES, min_size=1, max_size=6), min_size=1, max_size=4))
def test_any_places_can_be_cut_out(rows: list[list[Word]]) -> None:
    lines = signs.lines(tsv(*rows))
    cut = numerals.cut_out(Image.new("L", (900, 200), 255), lines)
    assert all(min(picture.size) >= 1 for picture in cut.values())
    assert len(numerals.in_place(list(cut), lines, 1.25)) == len(cut)
    if cut:
        with Image.open(io.BytesIO(recognition.packed(list(cut.values())))) as file:
            assert [page.size for page in ImageSequence.Iterator(file)] == [picture.size for picture in cut.values()]
