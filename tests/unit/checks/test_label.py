"""Test that the known label is new in every run, so that it is read and understood, not answered from a cache."""

import asyncio
import http.client
import io
import urllib.error
import urllib.request

import pytest
from PIL import Image, ImageChops

from decodeat.analysis.label import Reading
from decodeat.deadline import Deadline
from decodeat.engines.embedded import EmbeddedAnalyst
from decodeat.engines.tesseract import TesseractReader
from decodeat.images.decoding import Picture
from decodeat_ops.checks import grey, label
from tests.support.ports import free_port
from tests.support.waiting import PATIENCE
from tests.unit.decodeat.conftest import InProcess


def opened(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png))


def test_two_runs_differ_in_the_number_below_the_label_alone() -> None:
    plain, one, two = opened(label.PICTURE.read_bytes()), opened(label.picture("01234567")), opened(label.picture("89"))
    assert one.width == two.width == plain.width
    assert ImageChops.difference(one.crop((0, 0, *plain.size)), plain).getbbox() is None
    different = ImageChops.difference(one, two).getbbox()
    assert different is not None
    assert different[1] > plain.height
    assert label.new_lot() != label.new_lot()


def test_the_digits_are_cut_where_they_were_drawn() -> None:
    """Check that each digit of the strip is whole in its cell: a cut one would be read as another."""
    strip = grey.read(label.LOT.read_bytes())
    heading = len(strip[0]) - len(label.DIGITS) * label.CELL
    paper = strip[0][0]
    for at in range(heading, len(strip[0]), label.CELL):
        columns = [any(row[x] != paper for row in strip) for x in range(at, at + label.CELL)]
        assert any(columns)
        assert not (columns[0] and columns[-1]), "a digit touches both sides of its cell"


def test_a_grey_picture_is_what_was_written() -> None:
    rows = [bytes(range(start, start + 7)) for start in range(0, 50, 7)]
    assert grey.read(grey.write(rows)) == rows
    assert opened(grey.write(rows)).tobytes() == b"".join(rows)


@pytest.mark.parametrize("kind", ["RGB", "1", "L"])
def test_what_it_did_not_write_it_does_not_read(kind: str) -> None:
    output = io.BytesIO()
    opened(label.PICTURE.read_bytes()).convert(kind).save(output, "PNG")
    with pytest.raises(ValueError, match=r"grey|filtered"):
        grey.read(output.getvalue())


def test_only_this_runs_label_is_served() -> None:
    ours = label.is_ours(f"http://127.0.0.1:{free_port()}/known%20label.png")
    assert ours is not None
    with label.served(ours, "12345678") as asked:
        with urllib.request.urlopen(label.address(ours, "12345678"), timeout=PATIENCE) as answer:
            assert answer.read() == label.picture("12345678")
        for other in (label.address(ours, "87654321"), ours.geturl()):
            with pytest.raises((urllib.error.HTTPError, http.client.HTTPException)):
                urllib.request.urlopen(other, timeout=PATIENCE)
    assert len(asked) == 3


def test_the_engine_reads_every_runs_label_anew_and_rightly() -> None:
    """Check that the lot number changes address, picture and text, which are the keys of the caches."""
    texts, numbers = [], ("20973607", "48035476")

    async def analysed(number: str) -> dict[str, object]:
        deadline = Deadline(300)
        (reading,) = await TesseractReader(1).read([Picture(label.picture(number), InProcess())], deadline)
        assert isinstance(reading, Reading)
        texts.append(reading.passes)
        found = (await EmbeddedAnalyst().judge([reading], deadline)).merged
        assert found is not None
        return {
            "product_name": found.product_name,
            "nutrition_info": dict(found.nutrition),
            "ingredients": list(found.ingredients),
        }

    for number in numbers:
        want = {name: value for name, value in label.expected().items() if name != "decodeStatus"}
        assert label.differences(want, asyncio.run(analysed(number)))[1] == []
    assert [any(number in text for text in passes) for number, passes in zip(numbers, texts, strict=True)] == [True] * 2
