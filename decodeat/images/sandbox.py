"""Decode files from outside in a process that holds no secret, opens no file, and is limited in all it uses.

`python -m decodeat.images.sandbox MEMORY SECONDS` does one job after the other from its standard input, until that
ends. A job is a `JOB` and a picture's file; the answer is an `ANSWER` and the bytes that it announces. MEMORY is bytes,
and SECONDS processor time, for one picture.
"""

import io
import os
import resource
import signal
import struct
import sys
import warnings
from contextlib import suppress
from pathlib import Path

from PIL import Image, MpoImagePlugin, TiffImagePlugin  # noqa: F401  what `_preload_codecs` meets only in some pictures

from decodeat.images import picture
from decodeat.images.errors import ImageRefused

JOB = struct.Struct(">cQQ")  # what is wanted (IMAGE or FILE), the most bytes of a FILE, and how many bytes follow
ANSWER = struct.Struct(">cIIQ")  # what it is, width and height of an IMAGE, and how many bytes follow
IMAGE, FILE, NOTHING, REFUSED = b"i", b"f", b"n", b"r"  # REFUSED: one of `picture.REFUSALS`


def main(memory: int, seconds: float) -> None:
    jobs, answers = sys.stdin.buffer, sys.stdout.buffer
    _preload_codecs()
    _confine(memory)
    while len(head := jobs.read(JOB.size)) == JOB.size:
        wanted, most, length = JOB.unpack(head)
        data = jobs.read(length)
        # When the time is up, the signal kills the process: nothing inside it could stop a library written in C.
        signal.setitimer(signal.ITIMER_PROF, seconds)
        kind, size, content = _run_job(wanted, most, data)
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.write(ANSWER.pack(kind, *size, len(content)))
        answers.write(content)
        answers.flush()


def _run_job(wanted: bytes, most: int, data: bytes) -> tuple[bytes, tuple[int, int], bytes]:
    try:
        if wanted == FILE:
            file = picture.bare(data, most)
            return (NOTHING, (0, 0), b"") if file is None else (FILE, (0, 0), file)
        image = picture.decode(data)
        return IMAGE, image.size, image.tobytes()
    except ImageRefused as refused:
        return REFUSED, (0, 0), refused.reason.encode()


def _preload_codecs() -> None:
    """Decode a picture of each format, to load all of Pillow that this needs: later no file can be opened."""
    for form in picture.FORMATS:
        file = io.BytesIO()
        Image.new("L", (picture.SMALLEST_SIDE, picture.SMALLEST_SIDE)).save(file, form)
        picture.decode(file.getvalue())


def _confine(memory: int) -> None:
    warnings.simplefilter("ignore")  # a damaged file may cause thousands
    own = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    with suppress(OSError):  # not every container allows it
        # Where the machine runs out of memory, this process is killed first: that costs one picture only.
        Path("/proc/self/oom_score_adj").write_text("1000")
    for what, most in (
        (resource.RLIMIT_AS, own + memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 0),
    ):
        resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
