"""Read pages without a network: Tesseract for words, PP-OCR for figures, each pass in a process of its own."""

import asyncio
import io
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from decodeat.analysis.label import Flaw, Reading, is_complete
from decodeat.condition import CachedHealthCheck, Condition
from decodeat.cores import Cores
from decodeat.deadline import Deadline
from decodeat.engines import child, numerals, recognition, signs
from decodeat.engines.ports import EngineFailed
from decodeat.engines.preparation import flaw, prepared
from decodeat.failure import Failure
from decodeat.images.decoding import Picture
from decodeat.images.picture import scaled
from decodeat.work_queue import WorkQueue

# Page mode 6 is one block of text. With Korean alone, words and their places are read best, but units suffer; with
# both languages a short Korean word may come back as Latin letters (칼슘 as "2S"). They fail in different places, and a
# second picture of another size causes other mistakes than the first.
KOREAN = ("-l", "kor", "--psm", "6", "tsv")
BOTH = ("-l", "kor+eng", "--psm", "6", "tsv")
LARGER = 1.25  # factor by which the second picture is larger than the first
SMALLER = 0.8  # of the third, which is read only where the first two leave figures open
LANGUAGES = frozenset({"kor", "eng"})
PASS_SECONDS = 30.0  # of the processor; a usual pass takes well below a second, a picture of noise can take minutes
PROBE_SECONDS = 5.0  # elapsed
HEALTH_CACHED_SECONDS = 5.0  # that a health check's result is cached
_TRIES = 2  # a process may be killed from outside, and the next one succeed
_RECOGNITION = (sys.executable, "-P", "-B", "-m", recognition.__name__)
# One thread: to start those for arithmetic that is never used would take numpy a tenth of a second.
_FOR_RECOGNITION = {"PYTHONPATH": str(Path(__file__).parents[2]), "OPENBLAS_NUM_THREADS": "1"}


class TesseractReader:
    """Read pages in order of arrival, each in several ways; at most `at_once` at a time in all workers together.

    A page is decoded, prepared and read in one go: if pages took turns at each step, all would be late together.
    """

    name = "tesseract"
    version = "5"  # our own number for passes and preparation: the text of earlier ones may be cached

    def __init__(self, at_once: int, program: str = "tesseract") -> None:
        self._queue = WorkQueue(Cores(at_once))
        self._program = program
        self._health = CachedHealthCheck(self._probe, HEALTH_CACHED_SECONDS)

    async def read(self, pictures: Sequence[Picture], deadline: Deadline) -> Sequence[Reading | Failure]:
        return await asyncio.gather(*(self._in_turn(picture, deadline) for picture in pictures))

    async def _in_turn(self, picture: Picture, deadline: Deadline) -> Reading | Failure:
        try:
            async with self._queue.turn(deadline), asyncio.timeout(deadline.left):
                return await self._page(picture)
        except TimeoutError:
            return EngineFailed("timeout", "The text engine took too long to read the image.")
        except Failure as error:
            return error

    async def _page(self, picture: Picture) -> Reading:
        """Read one page. Raises `EngineFailed`, or `ImageRefused` for data that is no picture."""
        image = await picture.image()
        page, hard = await asyncio.to_thread(_prepared, image)
        for again in range(_TRIES, 0, -1):
            try:
                return Reading(await self._passes(page), hard)
            except EngineFailed as error:
                if not error.transient or again == 1:
                    raise
        raise AssertionError("the last try returns")

    async def _passes(self, page: Image.Image) -> tuple[str, ...]:
        """Return three texts: Korean words with PP-OCR's figures, with a larger picture's, and that picture's own text.

        For a figure, the second and the third count as one reading: both come from the same pass over the same picture.
        If figures of a label are missing then, two texts of a smaller one follow, with and without PP-OCR's figures.
        """
        lines = await self._lines(page, KOREAN)
        larger = await self._lines(await asyncio.to_thread(_resized, page, LARGER), BOTH)
        wanted = numerals.stretches(lines)
        there = numerals.composed(lines, wanted, numerals.in_place(wanted, larger, LARGER))
        passes = (await self._with_figures(page, lines), there, _text(larger))
        if await asyncio.to_thread(is_complete, Reading(passes)):
            return passes
        smaller = await asyncio.to_thread(_resized, page, SMALLER)
        lines = await self._lines(smaller, KOREAN)
        return (*passes, await self._with_figures(smaller, lines), _text(lines))

    async def _lines(self, page: Image.Image, options: tuple[str, ...]) -> list[signs.Line]:
        output = await child.run(
            (self._program, "stdin", "stdout", *options),
            await asyncio.to_thread(_png, page),
            PASS_SECONDS,
            _environment(),
        )
        return signs.lines(output.decode("utf-8", "replace"))

    async def _with_figures(self, page: Image.Image, lines: Sequence[signs.Line]) -> str:
        """Return the text of the lines with the figures between their words as PP-OCR reads them."""
        cut = await asyncio.to_thread(numerals.cut_out, page, lines)
        if not cut:
            return _text(lines)
        pictures = await asyncio.to_thread(recognition.packed, list(cut.values()))
        output = await child.run(_RECOGNITION, pictures, PASS_SECONDS, _FOR_RECOGNITION)
        return numerals.composed(lines, list(cut), json.loads(output))

    async def condition(self) -> Condition:
        return await self._health.condition()

    async def close(self) -> None:
        """Do nothing: each process ends with the request that it reads for."""

    async def _probe(self) -> Condition:
        if shutil.which(self._program) is None:
            return Condition(False, "tesseract is not installed")
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                status, output = await child.status_and_output(
                    (self._program, "--list-langs"), b"", PASS_SECONDS, _environment()
                )
        except EngineFailed as error:
            return Condition(False, error.text)
        except TimeoutError:
            return Condition(False, "tesseract does not answer")
        missing = sorted(LANGUAGES - set(output.decode("utf-8", "replace").split()))
        if status != 0 or missing:
            return Condition(False, f"tesseract lacks the language data {' and '.join(missing) or '(unknown)'}")
        if absent := recognition.missing():
            return Condition(False, f"what recognises figures lacks {' and '.join(absent)}")
        return Condition(True, f"tesseract with {' and '.join(sorted(LANGUAGES))}, and PP-OCR")


def _prepared(image: Image.Image) -> tuple[Image.Image, Flaw | None]:
    page = prepared(image)
    return page, flaw(image, page)


def _resized(page: Image.Image, factor: float) -> Image.Image:
    return page.resize(scaled(page.size, factor), Image.Resampling.LANCZOS)


def _png(page: Image.Image) -> bytes:
    output = io.BytesIO()
    page.save(output, "PNG", compress_level=1)
    return output.getvalue()


def _text(lines: Sequence[signs.Line]) -> str:
    return "\n".join(line.text() for line in lines)


def _environment() -> dict[str, str]:
    """Return Tesseract's variables: one thread, since several wait for each other, and where its language data is."""
    variables = {"PATH": os.environ.get("PATH", os.defpath), "OMP_THREAD_LIMIT": "1"}
    if data := os.environ.get("TESSDATA_PREFIX"):
        variables["TESSDATA_PREFIX"] = data
    return variables
