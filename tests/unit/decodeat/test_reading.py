"""Labels drawn from seeds, read by the real tesseract: nearly all is right, and hardly anything is wrong."""

import asyncio
import os
import random
import stat
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bench import reading as bench
from decodeat.analysis import ingredients
from decodeat.analysis.figure import shares
from decodeat.analysis.label import Kind, Reading
from decodeat.analysis.numbers import parse
from decodeat.analysis.nutrients import BY_NAME
from decodeat.deadline import Deadline
from decodeat.engines.embedded import judge
from decodeat.engines.ports import EngineFailed
from decodeat.engines.tesseract import TesseractReader
from decodeat.failure import Failure
from decodeat.images.decoding import Picture
from tests.labels.draw import KINDS, label, pair
from tests.labels.truth import DAILY, invent
from tests.labels.wear import WEAR
from tests.labels.words import INGREDIENTS
from tests.support.waiting import until, wait_for
from tests.unit.decodeat.conftest import InProcess, encoded

# Seeds with each layout and each kind of wear, in pairs that the benchmark's order does not begin with.
SAMPLE = [(300 + n, layout, list(WEAR)[n % len(WEAR)]) for n, layout in enumerate(KINDS)]


def test_the_sample_covers_every_layout_and_wear() -> None:
    assert {layout for _, layout, _ in SAMPLE} == set(KINDS)
    assert {wear for _, _, wear in SAMPLE} == set(WEAR)


def test_following_seeds_go_through_every_pair() -> None:
    pairs = {pair(seed) for seed in range(7, 7 + len(KINDS) * len(WEAR))}
    assert len(pairs) == len(KINDS) * len(WEAR)


def test_the_same_seed_draws_the_same_label() -> None:
    assert label(5) == label(5)
    assert label(5).png != label(6).png


def test_what_is_printed_agrees_with_itself() -> None:
    for seed in range(200):
        for column in invent(random.Random(seed), two_columns=True).columns:
            assert set(column.percent) <= set(DAILY)
            assert not set(column.values) & set(column.below)
            for name, share in column.percent.items():
                number = parse(column.values.get(name, column.below.get(name, "")))
                daily = BY_NAME[name].daily
                assert number is not None and daily is not None
                # The share may be that of the amount before it was rounded, and that of "less than" is lower.
                assert abs(shares(number, daily) - share) <= (3 if name in column.values else 6)


def test_ingredients_are_cleaned_as_the_contract_asks() -> None:
    for printed, name in INGREDIENTS:
        assert ingredients.split(printed) == [name]


def test_labels_are_read(
    record_property: Callable[[str, object], None], share: Callable[[Sequence[Any], int], Sequence[Any]]
) -> None:
    chosen = [label(*one) for one in share(SAMPLE, 3)]

    async def read() -> list[dict[str, str | None]]:
        reader = TesseractReader(2)
        found = await reader.read([picture(one.png) for one in chosen], Deadline(300))
        judged = [judge([reading]).per_image[0] for reading in found if isinstance(reading, Reading)]
        assert {one.kind for one in judged} == {Kind.LABEL}
        return [dict(one.nutrition) for one in judged]

    score: Counter[str] = Counter()
    for one, values in zip(chosen, asyncio.run(read()), strict=True):
        bases = [bench.scored(one, printed, values) for printed in one.truth.bases]
        for value in max(bases, key=lambda values: sum(value.outcome == "right" for value in values)):
            if value.printed is not None or value.outcome == "wrong":
                score[value.outcome] += 1
                score["printed"] += value.printed is not None
    record_property("measured", f"{len(chosen)} labels: {dict(score)}")
    assert score["right"] >= 0.95 * score["printed"]
    assert score["wrong"] == 0


@pytest.mark.parametrize(
    ("seen", "of", "bound"), [(0, 2000, 0.001497), (4, 2000, 0.004571), (10, 2000, 0.008466), (0, 1, 0.95), (3, 3, 1.0)]
)
def test_the_bound_of_the_score_is_clopper_and_pearson_s(seen: int, of: int, bound: float) -> None:
    """The figures are those of the beta distribution's quantile, which is the same bound."""
    assert bench.upper_bound(seen, of) == pytest.approx(bound, abs=1e-6)


def _program(directory: Path, script: str) -> str:
    program = directory / "tesseract"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(program)


def picture(data: bytes) -> Picture:
    return Picture(data, InProcess())


WORD = r"5\t1\t1\t1\t1\t1\t0\t0\t90\t30\t90\t{}\n"  # of tesseract's TSV


PAGE = encoded(Image.new("L", (60, 60)))


def read(reader: TesseractReader, seconds: float = 60) -> Reading | Failure:
    async def one() -> Sequence[Reading | Failure]:
        return await reader.read([picture(PAGE)], Deadline(seconds))

    (found,) = asyncio.run(one())
    return found


@pytest.mark.parametrize(
    "script", ["echo $$ > {pid}; exec sleep 600", "sleep 600 & echo $! > {pid}; wait"], ids=["itself", "its child"]
)
def test_an_engine_that_hangs_is_killed_when_its_request_is_over(script: str, tmp_path: Path) -> None:
    """What it has started is killed too: its pipe, held open, kept the request for ever."""
    pid = tmp_path / "pid"
    reader = TesseractReader(1, _program(tmp_path, script.format(pid=pid)))
    for seconds in (3, 12, 48):  # until there is enough for the engine to begin, however busy the machine is
        found = read(reader, seconds)
        assert isinstance(found, EngineFailed) and (found.reason, found.transient) == ("timeout", False)
        if pid.exists():
            break
    wait_for(lambda: _gone(int(pid.read_text())))


def test_an_engine_s_time_is_its_processor_s_not_the_clock_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow a pass more elapsed time on a busy machine, since only its processor time is limited."""
    monkeypatch.setattr("decodeat.engines.tesseract.PASS_SECONDS", 1.0)
    waiting = read(TesseractReader(1, _program(tmp_path, "cat > /dev/null; sleep 2; echo 영양정보")))
    assert isinstance(waiting, Reading)
    busy = read(TesseractReader(1, _program(tmp_path, "cat > /dev/null; while :; do :; done")))
    assert isinstance(busy, EngineFailed) and (busy.reason, busy.transient) == ("timeout", False)


def test_more_pages_than_there_is_time_for_are_read_in_order_and_the_rest_are_told(tmp_path: Path) -> None:
    """Use real processes and real time: all pages together would take three times as long as they have."""
    running = tmp_path / "running"
    running.mkdir()
    script = f"cat > /dev/null; touch {running}/$$; sleep 0.4; rm {running}/$$; echo 영양정보"
    reader, seconds = TesseractReader(1, _program(tmp_path, script)), 10.0

    async def all_at_once() -> tuple[Sequence[Reading | Failure], float]:
        began = time.monotonic()
        found = await reader.read([picture(PAGE)] * 40, Deadline(seconds))
        return found, time.monotonic() - began

    found, took = asyncio.run(all_at_once())
    served = [number for number, one in enumerate(found) if isinstance(one, Reading)]
    told = [one.reason for one in found if isinstance(one, Failure)]
    assert served and served == list(range(len(served))), "the first ones, whole"
    assert len(served) <= seconds / (2 * 0.4) + 1, "not one beyond the deadline: a page is two passes at least"
    assert set(told) <= {"overload", "timeout"} and told.count("timeout") <= 1 and len(told) + len(served) == 40
    assert took < seconds + 30
    assert not list(running.iterdir()) or told.count("timeout") == 1


def test_an_analysis_that_is_given_up_takes_its_engine_with_it(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    reader = TesseractReader(1, _program(tmp_path, f"echo $$ > {pid}; exec sleep 600"))

    async def give_up() -> None:
        reading = asyncio.create_task(reader.read([picture(PAGE)], Deadline(600)))
        await until(lambda: pid.exists() and pid.read_text().strip(), otherwise="the engine did not begin")
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

    asyncio.run(give_up())
    wait_for(lambda: _gone(int(pid.read_text())))


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_an_engine_that_fails_is_said_to(tmp_path: Path) -> None:
    tries = tmp_path / "tries"
    broken = read(TesseractReader(1, _program(tmp_path, f"cat > /dev/null; echo >> {tries}; exit 1")))
    assert isinstance(broken, EngineFailed) and not broken.transient
    assert tries.read_text() == "\n"
    missing = read(TesseractReader(1, str(tmp_path / "nothing")))
    assert isinstance(missing, EngineFailed) and missing.transient


def test_an_engine_whose_worker_is_gone_ends_by_itself(tmp_path: Path) -> None:
    """Rely on the kernel's limit once the worker that watched the process is gone."""
    pid = tmp_path / "pid"
    program = _program(tmp_path, f"cat > /dev/null; echo $$ > {pid}; while :; do :; done")
    script = (
        "import asyncio\nfrom decodeat.engines import child\n"
        f"asyncio.run(child.run(({program!r},), b'a page', 1.0, {{}}))\n"
    )
    worker = subprocess.Popen((sys.executable, "-c", script))
    try:
        wait_for(lambda: pid.exists() and pid.read_text().strip())
    finally:
        worker.kill()
        worker.wait()
    wait_for(lambda: _gone(int(pid.read_text())))


@pytest.mark.parametrize(
    ("word", "languages"), [("영양정보", ["kor", "kor+eng"]), ("나트륨", ["kor", "kor+eng", "kor"])]
)
def test_a_page_is_read_once_more_when_figures_of_a_label_are_missing(
    tmp_path: Path, word: str, languages: list[str]
) -> None:
    runs = tmp_path / "runs"
    script = f"cat > /dev/null; echo $4 >> {runs}; printf '{WORD.format(word)}'"
    found = read(TesseractReader(1, _program(tmp_path, script)))
    assert isinstance(found, Reading) and found.passes == (word,) * (3 if len(languages) == 2 else 5)
    assert runs.read_text().split() == languages


def test_an_engine_that_is_killed_is_tried_again(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    script = f"cat > /dev/null; [ -e {mark} ] || {{ touch {mark}; kill -9 $$; }}; printf '{WORD.format('영양정보')}'"
    found = read(TesseractReader(1, _program(tmp_path, script)))
    assert isinstance(found, Reading) and found.passes[-1] == "영양정보"


def test_no_more_engines_run_than_allowed(tmp_path: Path) -> None:
    """Each leaves a mark while it runs; a second one that finds it says so."""
    mark = tmp_path / "mark"
    reader = TesseractReader(
        1,
        _program(
            tmp_path, f"cat > /dev/null; mkdir {mark} || printf '{WORD.format('overlap')}'; sleep 0.05; rmdir {mark}"
        ),
    )

    async def both() -> str:
        found = await reader.read([picture(PAGE), picture(PAGE)], Deadline(60))
        return "".join(line for one in found if isinstance(one, Reading) for line in one.passes)

    assert asyncio.run(both()) == ""
