"""Measure how the embedded engine reads a directory of photographs, which are not ours to keep.

`truth.json` in it maps each name of a file to "printed", "legible_in_part" and perhaps "second_basis": numbers by name.
Partly legible values count only when they are wrong. Of two printed quantities either is right, but not a mixture.
"less than" values are written "<5"; answering a number for one is wrong, and so is a number where none is printed.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from decodeat.analysis.label import Reading
from decodeat.deadline import Deadline
from decodeat.engines.embedded import judge
from decodeat.engines.tesseract import TesseractReader
from decodeat.failure import Failure
from decodeat.images.decoding import Picture
from decodeat.pipeline import Outcome, Status, decide
from tests.unit.decodeat.conftest import InProcess

Numbers = Mapping[str, str]


@dataclass(frozen=True)
class Photograph:
    """Describe what a file shows. `basis` are the numbers of each printed quantity, `partly` those legible in part."""

    path: Path
    bases: tuple[Numbers, ...]
    partly: Numbers


@dataclass(frozen=True)
class Answer:
    """Hold the answer for a photograph. `count` has the numbers right, null and wrong; `wrong` names the wrong ones."""

    name: str
    status: Status
    message: str
    count: Counter[str]
    wrong: tuple[str, ...]
    seconds: float


def photographs(directory: Path) -> list[Photograph]:
    truth = json.loads((directory / "truth.json").read_text())
    return [
        Photograph(
            directory / name,
            tuple(one[basis] for basis in ("printed", "second_basis") if basis in one),
            one.get("legible_in_part", {}),
        )
        for name, one in sorted(truth.items())
    ]


def read(photograph: Photograph) -> Answer:
    """Read it as the service does."""

    async def reading() -> Reading | Failure:
        picture = Picture(photograph.path.read_bytes(), InProcess())
        (found,) = await TesseractReader(1).read([picture], Deadline(300))
        return found

    before = time.perf_counter()
    found = asyncio.run(reading())
    outcome = decide(judge([found]), [], "") if isinstance(found, Reading) else Outcome(Status.FAILED, found.text)
    seconds = time.perf_counter() - before
    scores = [_score(dict(outcome.nutrition or {}), basis, photograph.partly) for basis in photograph.bases]
    count, wrong = max(scores, key=lambda score: (score[0]["right"], -score[0]["wrong"]))
    return Answer(photograph.path.name, outcome.status, outcome.message, count, wrong, seconds)


def _score(
    answered: Mapping[str, str | None], printed: Numbers, partly: Numbers
) -> tuple[Counter[str], tuple[str, ...]]:
    count, wrong = Counter[str](), []
    for name in {*answered, *printed}:
        answer, number = answered.get(name), printed.get(name)
        if answer is None:
            count["null"] += number is not None and not number.startswith("<")
        elif answer == number:
            count["right"] += 1
        elif answer != partly.get(name):
            count["wrong"] += 1
            wrong.append(f"{name} printed {number}, answered {answer}")
    return count, tuple(wrong)


def report(directory: Path, at_once: int) -> int:
    """Print the answers. Returns 1 when a value is wrong, or a label is not recognised as one."""
    with ProcessPoolExecutor(at_once) as pool:
        answers = list(pool.map(read, photographs(directory)))
    for one in answers:
        values = "".join(f" {one.count[outcome]:>3} {outcome}" for outcome in ("right", "null", "wrong"))
        print(f"{one.name:<16}{one.status:<10}{values}  {'; '.join(one.wrong) or one.message}")
    total = sum((one.count for one in answers), Counter[str]())
    cancelled = sum(one.status is Status.CANCELLED for one in answers)
    print(
        f"{len(answers)} photos: right {total['right']}, null {total['null']}, wrong {total['wrong']} (at most 0), "
        f"cancelled {cancelled} (at most 0); {sum(one.seconds for one in answers) / len(answers):.2f} s a page"
    )
    good = not total["wrong"] and not cancelled
    print("ok" if good else "a limit is missed")
    return 0 if good else 1
