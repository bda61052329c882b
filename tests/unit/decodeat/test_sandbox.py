"""Given a file that takes all that a library has, its process is what ends, and the next picture is read."""

import asyncio
import contextlib
import os
import re
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import uvloop
from PIL import Image

from decodeat.images import decoder as decoding
from decodeat.images.decoder import Decoder
from decodeat.images.errors import ImageRefused
from decodeat.images.picture import bare, decode
from decodeat.images.sandbox import ANSWER, FILE, IMAGE, NOTHING
from decodeat.images.sandbox import REFUSED as REFUSAL
from tests.support.waiting import PATIENCE, until, wait_for
from tests.unit.decodeat import processes
from tests.unit.decodeat.conftest import encoded
from tests.unit.decodeat.hostile_images import HEAVY, JPEG, PNG, REFUSED, drawn, with_segments
from tests.unit.decodeat.processes import peak, processor_seconds

SLOW = with_segments(b"\xff" * 4_000_000)  # seconds of a processor, far from the ten that a picture may take


def run(work: Callable[[Decoder], Awaitable[None]], at_once: int = 1) -> None:
    async def go() -> None:
        async with Decoder(at_once) as decoder:
            await work(decoder)

    asyncio.run(go())
    assert not children(), "nothing is left behind"


_others: set[int] = set()


def children() -> list[int]:
    """Those that came with the test: modules that ran before it in this process may still keep servers."""
    return [child for child in processes.children() if child not in _others]


@pytest.fixture(autouse=True)
def _without_others() -> Iterator[None]:
    _others.update(processes.children())
    yield
    _others.clear()


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a picture more time by the clock than a machine that serves: others may be at work here."""
    monkeypatch.setattr(decoding, "SECONDS", 600.0)


@pytest.mark.share(3)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "MPO"])
def test_every_format_is_unpacked_there_as_it_would_be_here(form: str) -> None:
    """Whatever Pillow imports for it must be there before the door is closed."""
    exif = Image.Exif()
    exif[0x0112] = 3
    options = {"exif": exif} if form not in {"BMP", "GIF"} else {}
    many = {"save_all": True, "append_images": [drawn("L")]} if form == "MPO" else {}
    data = encoded(drawn(), form, **options, **many)

    async def work(decoder: Decoder) -> None:
        image = await decoder.image(data)
        assert (image.mode, image.size, image.tobytes()) == ("L", (400, 200), decode(data).tobytes())
        assert await decoder.bare(data, 10**6) == bare(data, 10**6)
        assert await decoder.bare(data, 10) is None

    run(work)


@pytest.mark.share(3)
@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "LA", "I;16"])
def test_every_kind_of_png_too(mode: str) -> None:
    image = drawn("L").convert("I").convert(mode) if mode == "I;16" else drawn(mode)

    async def work(decoder: Decoder) -> None:
        assert (await decoder.image(encoded(image))).tobytes() == decode(encoded(image)).tobytes()

    run(work)


def test_a_refusal_comes_over_with_its_words_and_the_process_stays() -> None:
    async def work(decoder: Decoder) -> None:
        await decoder.image(PNG)
        before = children()
        for name in ("text", "cut png", "png bomb", "no pixel", "too small", "jpeg of a thousand scans"):
            with pytest.raises(ImageRefused) as here:
                decode(REFUSED[name][0]())
            with pytest.raises(ImageRefused) as there:
                await decoder.image(REFUSED[name][0]())
            assert (there.value.reason, there.value.text) == (REFUSED[name][1], here.value.text)
        assert children() == before

    run(work)


@pytest.mark.share
@pytest.mark.parametrize("name", HEAVY)
def test_no_picture_takes_more_than_its_share(name: str, record_property: Callable[..., None]) -> None:
    async def work(decoder: Decoder) -> None:
        await decoder.image(PNG)
        (process,) = children()
        base, data = peak(process), HEAVY[name]()
        began = time.monotonic()
        await decoder.image(data)
        took, more = time.monotonic() - began, peak(process) - base
        assert children() == [process]
        record_property("measured", f"{name}: {len(data)} bytes, {more >> 20} MB more in {took:.1f} s")
        assert more < decoding.MEMORY

    run(work)


def test_what_needs_more_memory_than_allowed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MEMORY", 200 * 2**20)

    async def work(decoder: Decoder) -> None:
        with pytest.raises(ImageRefused) as caught:
            await decoder.image(HEAVY["webp of 40 million pixels"]())
        assert caught.value.reason in {"pixels", "damaged", "crashed"}
        assert (await decoder.image(PNG)).size == (400, 200)

    run(work)


def test_what_takes_too_long_is_killed_by_its_own_processor_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "PROCESSOR_SECONDS", 0.4)

    async def work(decoder: Decoder) -> None:
        for _ in range(5):  # why it ended can get lost in between its last word and its end
            with pytest.raises(ImageRefused) as caught:
                await decoder.image(SLOW)
            assert (caught.value.reason, caught.value.transient) == ("time", False)
        assert (await decoder.image(PNG)).size == (400, 200)

    run(work)


def test_what_hangs_is_killed_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(decoder: Decoder) -> None:
        await decoder.image(PNG)
        (process,) = children()
        os.kill(process, signal.SIGSTOP)
        monkeypatch.setattr(decoding, "SECONDS", 0.3)
        with pytest.raises(ImageRefused) as caught:
            await decoder.image(PNG)
        assert caught.value.reason == "time"
        monkeypatch.undo()
        assert (await decoder.image(PNG)).size == (400, 200)
        assert process not in children()

    run(work)


def test_a_process_that_was_killed_meanwhile_is_replaced() -> None:
    async def work(decoder: Decoder) -> None:
        await decoder.image(PNG)
        (process,) = children()
        os.kill(process, signal.SIGKILL)
        assert (await decoder.image(PNG)).size == (400, 200)

    run(work)


def test_a_picture_whose_process_is_killed_gets_a_second_one_and_no_third() -> None:
    async def kill() -> None:
        await until(children)
        (process,) = children()
        await until(lambda: processor_seconds(process) > 0.5)  # more than its start takes, so that it is at work
        os.kill(process, signal.SIGKILL)
        await until(lambda: children() != [process])

    async def work(decoder: Decoder) -> None:
        once = asyncio.create_task(decoder.image(SLOW))
        await kill()
        assert (await once).size == (400, 200)

    async def twice(decoder: Decoder) -> None:
        task = asyncio.create_task(decoder.image(SLOW))
        await kill()
        await kill()
        with pytest.raises(ImageRefused) as caught:
            await task
        assert caught.value.reason == "crashed"
        assert (await decoder.image(PNG)).size == (400, 200)

    run(work)
    run(twice)


def test_whoever_gives_up_takes_the_process_along() -> None:
    async def work(decoder: Decoder) -> None:
        task = asyncio.create_task(decoder.image(SLOW))
        await until(children)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not children()
        assert (await decoder.image(PNG)).size == (400, 200)

    run(work)


def test_no_more_run_at_once_than_allowed_and_they_are_kept() -> None:
    async def work(decoder: Decoder) -> None:
        most = 0
        tasks = [asyncio.create_task(decoder.image(JPEG)) for _ in range(20)]
        while not all(task.done() for task in tasks):
            most = max(most, len(children()))
            await asyncio.sleep(0.005)
        assert most == 2 and len(children()) == 2

    run(work, at_once=2)


def test_it_knows_no_secret_and_can_open_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "a-secret")

    async def work(decoder: Decoder) -> None:
        await decoder.image(PNG)
        (process,) = children()
        about = Path(f"/proc/{process}")
        names = {line.split(b"=")[0] for line in about.joinpath("environ").read_bytes().split(b"\0") if line}
        assert names == {b"PYTHONPATH"}
        limits = about.joinpath("limits").read_text()
        for what in ("Max open files", "Max core file size", "Max file size"):
            assert re.search(rf"{what} +0 +0 ", limits)
        assert len(list(about.joinpath("fd").iterdir())) == 3
        assert int(about.joinpath("oom_score_adj").read_text()) == 1000
        assert os.getsid(process) != os.getsid(0), "no signal that is meant for the service reaches it"

    run(work)


def test_a_process_that_can_t_be_started_is_no_internal_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "_ARGV", ("/no/such/program",))

    async def work(decoder: Decoder) -> None:
        with pytest.raises(ImageRefused) as caught:
            await decoder.image(PNG)
        assert (caught.value.reason, caught.value.transient) == ("sandbox", True)
        condition = await decoder.condition()
        assert (condition.ok, condition.detail) == (False, "pictures can't be unpacked (sandbox)")
        monkeypatch.undo()
        monkeypatch.setattr("decodeat.condition.RECOVERED", 0.0)
        assert (await decoder.condition()).ok

    run(work)


def test_who_is_busy_is_not_broken() -> None:
    async def work(decoder: Decoder) -> None:
        task = asyncio.create_task(decoder.image(with_segments(b"\xff" * 1_000_000)))
        await until(children)
        assert (await decoder.condition()).ok
        assert not task.done(), "the answer did not wait for the picture"
        await task

    run(work)


TAKEN_OVER = {
    "a picture without end": b"i" + b"\xff" * 16,
    "a picture of another size": b"i" + b"\0" * 8 + b"\0\0\0\0\0\0\0\5hello",
    "a picture longer than any page": ANSWER.pack(IMAGE, 1_000_000, 1, 1_000_000) + bytes(1_000_000),
    "a picture without pixels": ANSWER.pack(IMAGE, 0, 60, 0),
    "a file of gigabytes of pixels": ANSWER.pack(FILE, 60_000, 60_000, 5) + b"hello",
    "nothing, of gigabytes of pixels": ANSWER.pack(NOTHING, 60_000, 60_000, 0),
    "another kind": ANSWER.pack(b"?", 60, 60, 3600) + bytes(3600),
    "a long refusal": b"r" + b"\0" * 8 + b"\0\0\0\0\1\0\0\0",
    "a refusal in its own words": ANSWER.pack(REFUSAL, 0, 0, 27) + b"damaged\nSend us your keys!!",
    "a refusal that is no text": ANSWER.pack(REFUSAL, 0, 0, 4) + b"\xff\xfe\0\0",
    "nothing": b"",
    "half an answer": b"i\0\0",
}


def taken_over(program: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a shell script stand in for a process that a picture controls; it has read the job's head."""
    program.write_text(f"#!/bin/sh\nhead -c 17 > /dev/null; {script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(decoding, "_ARGV", (str(program),))
    monkeypatch.setattr(decoding, "SECONDS", 1.0)


@pytest.mark.share(3)
@pytest.mark.parametrize("said", TAKEN_OVER.values(), ids=TAKEN_OVER)
def test_a_process_that_was_taken_over_is_not_believed(
    said: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "said").write_bytes(said)
    taken_over(tmp_path / "evil", f"cat {tmp_path / 'said'}; exec sleep 60", monkeypatch)

    async def work(decoder: Decoder) -> None:
        with pytest.raises(ImageRefused) as caught:
            await decoder.image(PNG)
        assert caught.value.reason in {"crashed", "time"}
        assert caught.value.text in {"The image is damaged or incomplete.", "The image takes too long to unpack."}
        if said[:1] in {FILE, NOTHING}:  # of a file only the length can be judged
            assert await decoder.bare(PNG, 10**6) in {None, b"hello"}
            return
        with pytest.raises(ImageRefused):
            await decoder.bare(PNG, 10**6)

    run(work)


@pytest.mark.share(3)
@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("start", ["", "setsid "], ids=["in its group", "elsewhere"])
def test_what_a_process_has_started_keeps_no_request(
    start: str, loop: Callable[[Awaitable[None]], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds the pipe, and goes on writing to it, when its parent has been killed."""
    pids = tmp_path / "pids"
    taken_over(tmp_path / "evil", f"{start}cat /dev/zero & echo $! >> {pids}; exec sleep 3600", monkeypatch)

    async def work() -> None:
        async with Decoder(1) as decoder:
            for _ in range(2):
                with pytest.raises(ImageRefused):
                    await asyncio.wait_for(decoder.image(PNG), PATIENCE)

    loop(work())
    started = pids.read_text().split()
    assert started
    wait_for(lambda: not any(map(runs, started)), otherwise="what it has started is still there")


def runs(process: str) -> bool:
    """Return whether a process is there and not a zombie, which waits for its parent alone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_the_page_is_the_one_that_was_sent() -> None:
    """Many at once, each different: none gets another's."""
    data = [encoded(Image.new("L", (60 + n, 60), n)) for n in range(30)]

    async def work(decoder: Decoder) -> None:
        found = await asyncio.gather(*(decoder.image(one) for one in data))
        assert [(image.width, image.getpixel((0, 0))) for image in found] == [(60 + n, n) for n in range(30)]

    run(work, at_once=2)
