"""The reader that needs no network: tesseract as a child process, killed when it takes too long."""

import asyncio
import io
import math
import os
import resource
import shutil
import signal
from collections.abc import Sequence
from contextlib import suppress

from PIL import Image

from decodeat.analysis.label import Flaw, Reading, is_complete
from decodeat.condition import Condition, Known
from decodeat.cores import Cores
from decodeat.deadline import Deadline
from decodeat.engines import numerals, signs
from decodeat.engines.ports import EngineFailed
from decodeat.engines.preparation import flaw, prepared
from decodeat.failure import Failure
from decodeat.images.decoding import Picture
from decodeat.images.picture import scaled
from decodeat.line import Line

# Page mode 6 is one block of text. With Korean alone, words and their places are read best, but units suffer; with
# both languages a short Korean word may come back as Latin letters (칼슘 as "2S"). They fail in different places, and a
# second picture of another size causes other mistakes than the first.
KOREAN = ("-l", "kor", "--psm", "6", "tsv")
BOTH = ("-l", "kor+eng", "--psm", "6", "tsv")
FIGURES = ("-l", "eng", "--psm", "6", "tsv")
LARGER = 1.25  # factor by which the second picture is larger than the first
SMALLER = 0.8  # of the third, which is read only where the first two leave figures open
LANGUAGES = frozenset({"kor", "eng"})
# Processor time, since elapsed time depends more on the machine's load than on the page. A usual pass takes well below
# a second; a picture of noise can take minutes. Elapsed time is limited by the request's own deadline alone.
PASS_SECONDS = 30.0
PROBE_SECONDS = 5.0  # elapsed
KNOWN_FOR = 5.0  # seconds that a condition is believed
_TRIES = 2  # a process that is killed from outside may fare better next time


class TesseractReader:
    """Read pages in order of arrival, each in several ways; at most `at_once` at a time in all workers together.

    A page is decoded, prepared and read in one go: if pages took turns at each step, all would be late together.
    """

    name = "tesseract"
    version = "4"  # our own number for passes and preparation: the text of earlier ones may be cached

    def __init__(self, at_once: int, program: str = "tesseract") -> None:
        self._line = Line(Cores(at_once))
        self._program = program
        self._known = Known(self._probe, KNOWN_FOR)

    async def read(self, pictures: Sequence[Picture], deadline: Deadline) -> Sequence[Reading | Failure]:
        return await asyncio.gather(*(self._in_turn(picture, deadline) for picture in pictures))

    async def _in_turn(self, picture: Picture, deadline: Deadline) -> Reading | Failure:
        try:
            async with self._line.turn(deadline), asyncio.timeout(deadline.left):
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
        """Return Korean words with figures read separately, with those of a larger picture, and that one's own text.

        For a figure, the second and the third count as one reading: both come from the same pass over the same picture.
        If figures of a label are missing then, the first is added once more, of a smaller picture.
        """
        lines = signs.lines(await self._pass(await asyncio.to_thread(_png, page), KOREAN))
        larger = await asyncio.to_thread(_resized, page, LARGER)
        both = signs.lines(await self._pass(await asyncio.to_thread(_png, larger), BOTH))
        wanted = numerals.stretches(lines)
        there = numerals.composed(lines, wanted, numerals.in_place(wanted, both, LARGER))
        own = "\n".join(line.text() for line in both)
        passes = (await self._with_figures(page, lines), there, own)
        if await asyncio.to_thread(is_complete, Reading(passes)):
            return passes
        smaller = await asyncio.to_thread(_resized, page, SMALLER)
        lines = signs.lines(await self._pass(await asyncio.to_thread(_png, smaller), KOREAN))
        return (*passes, await self._with_figures(smaller, lines))

    async def _with_figures(self, page: Image.Image, lines: Sequence[signs.Line]) -> str:
        """Return the text of the lines with the figures between their words read separately."""
        sheet = await asyncio.to_thread(numerals.sheet, page, lines)
        if sheet is None:
            return "\n".join(line.text() for line in lines)
        figures = signs.lines(await self._pass(await asyncio.to_thread(_png, sheet.image), FIGURES))
        return numerals.composed(lines, sheet.stretches, numerals.on_sheet(sheet, figures))

    async def _pass(self, png: bytes, options: tuple[str, ...]) -> str:
        status, output = await self._run(("stdin", "stdout", *options), png)
        if status == -signal.SIGXCPU:
            raise EngineFailed("timeout", "The text engine took too long to read the image.")
        if status != 0:
            raise EngineFailed("reader", "The text engine could not read the image.", transient=status < 0)
        return output.decode("utf-8", "replace")

    async def _run(self, argv: tuple[str, ...], given: bytes) -> tuple[int, bytes]:
        """Exit status and standard output. Raises `EngineFailed`; never leaves the process behind."""
        try:
            process = await asyncio.create_subprocess_exec(
                self._program,
                *argv,
                stdin=asyncio.subprocess.PIPE if given else asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                # One thread: several only wait for each other, and the workers are the parallelism.
                env={"PATH": os.environ.get("PATH", os.defpath), "OMP_THREAD_LIMIT": "1", **_tessdata()},
            )
        except OSError as error:
            raise EngineFailed("reader", "The text engine could not be started.", transient=True) from error
        try:
            # The kernel enforces this limit, also after the worker that started the process was killed.
            limit = math.ceil(PASS_SECONDS)
            with suppress(ProcessLookupError):
                resource.prlimit(process.pid, resource.RLIMIT_CPU, (limit, limit + 1))
            output, _ = await process.communicate(given or None)
        except RuntimeError as error:  # uvloop's word for a pipe that was closed before anything was written to it
            raise EngineFailed("reader", "The text engine could not read the image.", transient=True) from error
        finally:
            if process.returncode is None:
                process.kill()
                await asyncio.shield(process.wait())
        return process.returncode or 0, output

    async def condition(self) -> Condition:
        return await self._known.condition()

    async def close(self) -> None:
        """Its processes end with the requests that they read for."""

    async def _probe(self) -> Condition:
        if shutil.which(self._program) is None:
            return Condition(False, "tesseract is not installed")
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                status, output = await self._run(("--list-langs",), b"")
        except EngineFailed as error:
            return Condition(False, error.text)
        except TimeoutError:
            return Condition(False, "tesseract does not answer")
        missing = sorted(LANGUAGES - set(output.decode("utf-8", "replace").split()))
        if status != 0 or missing:
            return Condition(False, f"tesseract lacks the language data {' and '.join(missing) or '(unknown)'}")
        return Condition(True, f"tesseract with {' and '.join(sorted(LANGUAGES))}")


def _prepared(image: Image.Image) -> tuple[Image.Image, Flaw | None]:
    page = prepared(image)
    return page, flaw(image, page)


def _resized(page: Image.Image, factor: float) -> Image.Image:
    return page.resize(scaled(page.size, factor), Image.Resampling.LANCZOS)


def _png(page: Image.Image) -> bytes:
    output = io.BytesIO()
    page.save(output, "PNG", compress_level=1)
    return output.getvalue()


def _tessdata() -> dict[str, str]:
    """Where the language data is, if the environment says so."""
    return {"TESSDATA_PREFIX": os.environ["TESSDATA_PREFIX"]} if os.environ.get("TESSDATA_PREFIX") else {}
