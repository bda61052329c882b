"""Define the two ports of an analysis: a Reader turns pictures into text, an Analyst turns text into a label."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from decodeat.analysis.label import Label, Reading
from decodeat.condition import Condition
from decodeat.deadline import Deadline
from decodeat.failure import Failure
from decodeat.images.decoding import Picture


class EngineFailed(Failure):
    """Report that an engine could not do its work."""


class Reader(Protocol):
    """Read text from pictures. One `version` reads the same picture in the same way, so that results may be cached."""

    name: str
    version: str

    async def read(self, pictures: Sequence[Picture], deadline: Deadline) -> Sequence[Reading | Failure]:
        """Return for each picture a reading, or why there is none: `EngineFailed`, or `ImageRefused` for a bad picture.

        May raise `EngineFailed` for all pictures. Stops what it started when it is cancelled.
        """

    async def condition(self) -> Condition:
        """Return whether it can work; this costs little, and may be asked often."""

    async def close(self) -> None: ...


@dataclass(frozen=True)
class Usage:
    """Hold the tokens that were paid for."""

    input_tokens: int = 0
    output_tokens: int = 0


NO_USAGE = Usage()


@dataclass(frozen=True)
class Analysis:
    """Hold what an Analyst made of one or two readings: a label per image, and one merged when they belong together.

    `merged` is None when no reading is a label, or when two labels are of different products.
    """

    per_image: tuple[Label, ...]
    merged: Label | None
    usage: Usage = NO_USAGE


class Analyst(Protocol):
    """Understand what was read. One `version` understands the same text in the same way."""

    name: str
    version: str

    async def judge(self, readings: Sequence[Reading], deadline: Deadline) -> Analysis:
        """Return what one or two readings say. Raises `EngineFailed`."""

    async def condition(self) -> Condition:
        """Return whether it can work; this costs little, and may be asked often."""

    async def close(self) -> None: ...


@dataclass(frozen=True)
class Engine:
    """Hold a reader and an analyst that work together. `note` is what an answer's message says of them, or ""."""

    reader: Reader
    analyst: Analyst
    note: str = ""

    @property
    def name(self) -> str:
        return f"{self.reader.name}+{self.analyst.name}"
