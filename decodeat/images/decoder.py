"""Decode pictures in separate processes, which are killed when a picture takes too long."""

import asyncio
import io
import logging
import signal
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from PIL import Image

from decodeat.child_process import ChildProcess
from decodeat.condition import CachedHealthCheck, Condition
from decodeat.images.errors import ImageRefused
from decodeat.images.picture import LARGEST_SIDE, REFUSALS, SMALLEST_SIDE, refusal
from decodeat.images.sandbox import ANSWER, FILE, IMAGE, JOB, NOTHING, REFUSED

log = logging.getLogger(__name__)

MEMORY = 768 * 1024 * 1024  # bytes for one picture; the largest WebP that is accepted takes 640 MB
PROCESSOR_SECONDS = 10.0  # for one picture; the largest harmless ones take two
SECONDS = 30.0  # elapsed, for one picture, however busy the machine is
_ARGV = (sys.executable, "-P", "-B", "-m", "decodeat.images.sandbox")
_CODE = str(Path(__file__).parents[2])
HEALTH_CACHED_SECONDS = 30.0  # that a health check's result is cached
_WORKS = Condition(True, "pictures are unpacked in a sandbox")
EXIT_GRACE_SECONDS = 1.0  # that a process has to end by itself after a failed or wrong answer
_TRIES = 2  # a process may be killed from outside, which says nothing about the picture
_LONGEST_REASON = max(map(len, REFUSALS))  # bytes


class Decoder:
    """Decode pictures in at most `at_once` processes per worker, started when first needed and kept.

    A hostile file can use up a library's time or memory, or take control of it: here that harms a sandbox process only,
    which is then replaced. `image` and `bare` raise `ImageRefused`.
    """

    def __init__(self, at_once: int) -> None:
        self._turn = asyncio.Semaphore(at_once)
        self._idle: list[ChildProcess] = []
        self._health = CachedHealthCheck(self._probe, HEALTH_CACHED_SECONDS)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._idle:
            await self._idle.pop().end()

    async def condition(self) -> Condition:
        """Return whether pictures can be decoded in a sandbox: a container's limits may forbid it."""
        # A busy decoder is not broken, and a probe would have to wait behind a slow picture.
        return _WORKS if self._turn.locked() else await self._health.condition()

    async def _probe(self) -> Condition:
        file = io.BytesIO()
        Image.new("L", (SMALLEST_SIDE, SMALLEST_SIDE)).save(file, "BMP")
        try:
            await self.image(file.getvalue())
        except ImageRefused as refused:
            return Condition(False, f"pictures can't be unpacked ({refused.reason})")
        return _WORKS

    async def image(self, data: bytes) -> Image.Image:
        """Decode a picture as `picture.decode` does."""
        _, size, pixels = await self._run_with_retry(IMAGE, data, LARGEST_SIDE * LARGEST_SIDE)
        return Image.frombytes("L", size, pixels)

    async def bare(self, data: bytes, most: int) -> bytes | None:
        """Return a file without metadata, or None, as `picture.bare` does."""
        kind, _, file = await self._run_with_retry(FILE, data, most)
        return file if kind == FILE else None

    async def _run_with_retry(self, wanted: bytes, data: bytes, most: int) -> tuple[bytes, tuple[int, int], bytes]:
        async with self._turn:
            for _ in range(_TRIES):
                answer = await self._run_job(wanted, data, most)
                if answer is not None:
                    break
            else:
                raise ImageRefused("crashed", "The image is damaged or incomplete.")
        kind, size, content = answer
        if kind == REFUSED:
            raise refusal(content.decode())
        return kind, size, content

    async def _run_job(self, wanted: bytes, data: bytes, most: int) -> tuple[bytes, tuple[int, int], bytes] | None:
        """Give a job to a process and return its answer; None when it failed for another reason than a time limit.

        Raises `ImageRefused` when a time limit is reached, or no process can be started.
        """
        try:
            process = self._idle.pop() if self._idle else await _start()
        except OSError as error:
            raise ImageRefused("sandbox", "The image could not be unpacked.", transient=True) from error
        try:
            async with asyncio.timeout(SECONDS):
                answer = await _answer(process, wanted, data, most)
        except TimeoutError:
            await process.end()
            raise _too_long() from None
        except (OSError, EOFError, ValueError) as error:
            status = await process.end(EXIT_GRACE_SECONDS)
            if status == -signal.SIGPROF:
                raise _too_long() from None
            log.warning("a picture's process ended", extra={"status": status, "error": type(error).__name__})
            return None
        except BaseException:
            await process.end()
            raise
        self._idle.append(process)
        return answer


async def _start() -> ChildProcess:
    """Start a sandbox process without our environment. Raises OSError."""
    return await ChildProcess.start((*_ARGV, str(MEMORY), str(PROCESSOR_SECONDS)), {"PYTHONPATH": _CODE})


async def _answer(process: ChildProcess, wanted: bytes, data: bytes, most: int) -> tuple[bytes, tuple[int, int], bytes]:
    """Send a job to a sandbox process and return its answer. Raises ValueError, EOFError or OSError.

    The answer is checked, since the picture may have taken control of the process.
    """
    assert process.stdin is not None and process.stdout is not None  # noqa: S101 both are pipes
    process.stdin.write(JOB.pack(wanted, most, len(data)))
    process.stdin.write(data)
    await process.stdin.drain()
    kind, width, height, length = ANSWER.unpack(await process.stdout.readexactly(ANSWER.size))
    if not _fits(wanted, most, kind, (width, height), length):
        raise ValueError("not what was asked for")
    content = await process.stdout.readexactly(length)
    if kind == REFUSED and content.decode() not in REFUSALS:
        raise ValueError("no reason of ours")
    return kind, (width, height), content


def _fits(wanted: bytes, most: int, kind: bytes, size: tuple[int, int], length: int) -> bool:
    """Return whether an answer of that kind, size and length can be one to what was wanted."""
    if kind == REFUSED:
        return length <= _LONGEST_REASON
    if wanted == IMAGE:
        return kind == IMAGE and min(size) >= 1 and max(size) <= LARGEST_SIDE and size[0] * size[1] == length
    return (kind == FILE and length <= most) or (kind == NOTHING and length == 0)


def _too_long() -> ImageRefused:
    return ImageRefused("time", "The image takes too long to unpack.")
