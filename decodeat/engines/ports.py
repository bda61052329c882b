"""The two seams of an analysis: a Reader turns pictures into text, an Analyst turns text into a label."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from decodeat.analysis.label import Label, Reading
from decodeat.condition import Condition
from decodeat.deadline import Deadline
from decodeat.failure import Failure
from decodeat.images.decoding import Picture


class EngineFailed(Failure):
    """An engine could not do its work."""


class Reader(Protocol):
    """Reads text off pictures. What `version` names reads the same picture the same way: results may be remembered."""

    name: str
    version: str

    async def read(self, pictures: Sequence[Picture], deadline: Deadline) -> Sequence[Reading | Failure]:
        """A reading for each picture, or why there is none: `EngineFailed`, or `ImageRefused` for what can't be read.

        Stops what it started when it is cancelled.
        """

    async def condition(self) -> Condition:
        """Whether it can work, cheaply."""

    async def close(self) -> None: ...


@dataclass(frozen=True)
class Usage:
    """Tokens that a model was paid for."""

    input_tokens: int = 0
    output_tokens: int = 0


NO_USAGE = Usage()


@dataclass(frozen=True)
class Judgement:
    """What an Analyst made of one or two readings: each alone, and the whole when they belong together.

    `whole` is None when none is a label, or when two labels are of different products.
    """

    alone: tuple[Label, ...]
    whole: Label | None
    usage: Usage = NO_USAGE


class Analyst(Protocol):
    """Understands what was read. What `version` names understands the same text the same way."""

    name: str
    version: str

    async def judge(self, readings: Sequence[Reading], deadline: Deadline) -> Judgement:
        """Raises `EngineFailed`."""

    async def condition(self) -> Condition:
        """Whether it can work, cheaply."""

    async def close(self) -> None: ...


@dataclass(frozen=True)
class Engine:
    """A reader and an analyst that work together. `note` is what an answer's message says of them, "" for nothing."""

    reader: Reader
    analyst: Analyst
    note: str = ""

    @property
    def name(self) -> str:
        return f"{self.reader.name}+{self.analyst.name}"
