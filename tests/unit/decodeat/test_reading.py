"""Labels drawn from seeds, read by the real tesseract: nearly all is right, and hardly anything is wrong."""

import asyncio
import os
import stat
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from PIL import Image

from decodeat.analysis.label import Kind, Reading
from decodeat.deadline import Deadline
from decodeat.engines.embedded import judge
from decodeat.engines.ports import EngineFailed
from decodeat.engines.tesseract import TesseractReader
from decodeat.failure import Failure
from decodeat.images.decoding import Picture
from tests.labels.draw import LAYOUTS, WEAR, Label, label
from tests.unit.decodeat.conftest import InProcess, encoded

SEEDS = range(200, 212)  # each layout with each kind of wear once


def test_the_seeds_cover_every_layout_and_wear() -> None:
    assert {(drawn.layout, drawn.wear) for drawn in map(label, SEEDS)} == {(a, b) for a in LAYOUTS for b in WEAR}


def test_the_same_seed_draws_the_same_label() -> None:
    assert label(5) == label(5)
    assert label(5).png != label(6).png


def test_labels_are_read(record_property: Callable[[str, object], None]) -> None:
    labels = [label(seed) for seed in SEEDS]

    async def read() -> list[dict[str, str | None]]:
        reader = TesseractReader(2)
        found = await reader.read([picture(one.png) for one in labels], Deadline(300))
        judged = [judge([reading]).alone[0] for reading in found if isinstance(reading, Reading)]
        assert {one.kind for one in judged} == {Kind.LABEL}
        return [dict(one.nutrition) for one in judged]

    right, wrong, printed = _score(labels, asyncio.run(read()))
    record_property(
        "measured", f"{len(labels)} labels: {right} of {printed} values right, {wrong} wrong, the rest null"
    )
    assert right >= 0.9 * printed
    assert wrong <= 0.01 * printed


def _score(labels: list[Label], found: list[dict[str, str | None]]) -> tuple[int, int, int]:
    """Right, wrong and printed figures; a figure that nobody printed is wrong too."""
    right = wrong = printed = 0
    for one, values in zip(labels, found, strict=True):
        truth = one.truth.values
        printed += len(truth)
        right += sum(values[name] == number for name, number in truth.items())
        wrong += sum(value is not None and value != truth.get(name) for name, value in values.items())
    return right, wrong, printed


def _program(directory: Path, script: str) -> str:
    program = directory / "tesseract"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(program)


def picture(data: bytes) -> Picture:
    return Picture(data, InProcess())


PAGE = encoded(Image.new("L", (60, 60)))


def read(reader: TesseractReader) -> Reading | Failure:
    async def one() -> Sequence[Reading | Failure]:
        return await reader.read([picture(PAGE)], Deadline(60))

    (found,) = asyncio.run(one())
    return found


def test_an_engine_that_hangs_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("decodeat.engines.tesseract.PASS_SECONDS", 0.3)
    pid = tmp_path / "pid"
    reader = TesseractReader(1, _program(tmp_path, f"echo $$ > {pid}; exec sleep 60"))
    assert "too long" in str(read(reader))
    assert _gone(int(pid.read_text()))


def test_an_analysis_that_is_given_up_takes_its_engine_with_it(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    reader = TesseractReader(1, _program(tmp_path, f"echo $$ > {pid}; exec sleep 60"))

    async def give_up() -> None:
        async with asyncio.timeout(0.5):
            await reader.read([picture(PAGE)], Deadline(60))

    with pytest.raises(TimeoutError):
        asyncio.run(give_up())
    assert _gone(int(pid.read_text()))


def _gone(pid: int) -> bool:
    for _ in range(50):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def test_an_engine_that_fails_is_said_to(tmp_path: Path) -> None:
    tries = tmp_path / "tries"
    broken = read(TesseractReader(1, _program(tmp_path, f"cat > /dev/null; echo >> {tries}; exit 1")))
    assert isinstance(broken, EngineFailed) and not broken.transient
    assert tries.read_text() == "\n"
    missing = read(TesseractReader(1, str(tmp_path / "nothing")))
    assert isinstance(missing, EngineFailed) and missing.transient


def test_an_engine_that_is_killed_is_tried_again(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    script = f"cat > /dev/null; [ -e {mark} ] || {{ touch {mark}; kill -9 $$; }}; echo 영양정보"
    found = read(TesseractReader(1, _program(tmp_path, script)))
    assert isinstance(found, Reading) and set(found.passes) == {"영양정보\n"}


def test_no_more_engines_run_than_allowed(tmp_path: Path) -> None:
    """Each leaves a mark while it runs; a second one that finds it says so."""
    mark = tmp_path / "mark"
    reader = TesseractReader(
        1, _program(tmp_path, f"cat > /dev/null; mkdir {mark} || echo overlap; sleep 0.05; rmdir {mark}")
    )

    async def both() -> str:
        found = await reader.read([picture(PAGE), picture(PAGE)], Deadline(60))
        return "".join(line for one in found if isinstance(one, Reading) for line in one.passes)

    assert asyncio.run(both()) == ""
