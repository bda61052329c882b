"""Describe what the engine and the checks report while they work; the command line shows it."""

from collections.abc import Callable
from dataclasses import dataclass

from decodeat_ops.core.check import Finding
from decodeat_ops.core.plan import Plan, Step


@dataclass(frozen=True)
class Started:
    plan: Plan
    journal: str


@dataclass(frozen=True)
class StepStarted:
    """Report that a step begins; the journal says so already."""

    step: Step
    number: int
    total: int
    undoing: bool = False


@dataclass(frozen=True)
class StepProgress:
    """Report progress within a step; `done` and `total` are 0 when unknown. `unit` is "bytes", or "" for items.

    Amounts of bytes change all the time: where no line moves, only other progress is shown.
    """

    text: str
    done: int = 0
    total: int = 0
    unit: str = ""


@dataclass(frozen=True)
class StepSaid:
    """Report what has just happened within a step: one line, which stays."""

    text: str


@dataclass(frozen=True)
class StepFinished:
    """Report that a step's action has returned; the journal does not say so yet."""

    step: Step
    seconds: float
    undoing: bool = False


@dataclass(frozen=True)
class StepSkipped:
    step: Step
    why: str


@dataclass(frozen=True)
class StepBroke:
    step: Step
    why: str
    undoing: bool = False


@dataclass(frozen=True)
class Checked:
    """Report that a check of a gate or checklist has ended."""

    finding: Finding


@dataclass(frozen=True)
class Checking:
    """Report that a check is about to run."""

    check: str


Event = Started | StepStarted | StepProgress | StepSaid | StepFinished | StepSkipped | StepBroke | Checked | Checking
Emit = Callable[[Event], None]


def discard_event(event: Event) -> None:
    """Discard an event, where no progress is shown."""
