"""The two seams of an analysis: a Reader turns a page into text, an Analyst turns text into a label."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from decodeat.analysis.label import Label, Reading
from decodeat.condition import Condition
from decodeat.images.picture import Page


class EngineFailed(Exception):
    """An engine could not do its work. The text is for people; `transient` means that trying again may help."""

    def __init__(self, text: str, transient: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.transient = transient


class Reader(Protocol):
    """Reads text off pages."""

    name: str

    async def read(self, page: Page) -> Reading:
        """Raises `EngineFailed`; stops what it started when it is cancelled."""

    async def condition(self) -> Condition:
        """Whether it can work, cheaply."""


@dataclass(frozen=True)
class Judgement:
    """What an Analyst made of one or two readings: each alone, and the whole when they belong together.

    `whole` is None when none is a label, or when two labels are of different products.
    """

    alone: tuple[Label, ...]
    whole: Label | None


class Analyst(Protocol):
    """Understands what was read. `note` is what the answer's message says about this engine, "" for nothing."""

    name: str
    note: str

    async def judge(self, readings: Sequence[Reading]) -> Judgement:
        """Raises `EngineFailed`."""
