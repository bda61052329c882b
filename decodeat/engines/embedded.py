"""Understand labels without a network, by rules and the label's own arithmetic."""

import asyncio
from collections.abc import Sequence

from decodeat.analysis.label import Kind, Reading, understand
from decodeat.analysis.pair import pages, same_product
from decodeat.condition import Condition
from decodeat.deadline import Deadline
from decodeat.engines.ports import Analysis

NOTE = "Read with the offline engine; what it could not read with certainty is left out."


class EmbeddedAnalyst:
    name = "embedded"
    version = "3"  # our own number for the rules: results of earlier ones may be cached

    async def judge(self, readings: Sequence[Reading], deadline: Deadline) -> Analysis:
        """Judge in a thread: arithmetic of milliseconds, but a long text takes more."""
        return await asyncio.to_thread(judge, readings)

    async def condition(self) -> Condition:
        return Condition(True, "rules of our own")

    async def close(self) -> None:
        """Do nothing."""


def judge(readings: Sequence[Reading]) -> Analysis:
    """Understand each reading alone, and two labels of one product once more as one text."""
    per_image = tuple(understand(reading) for reading in readings)
    labels = [page for page in pages(per_image, readings) if page.label.kind is Kind.LABEL]
    if not labels:
        return Analysis(per_image, None)
    if len(labels) == 1:
        return Analysis(per_image, labels[0].label)
    one, two = labels[:2]
    return Analysis(per_image, understand(one.reading.joined(two.reading)) if same_product(one, two) else None)
