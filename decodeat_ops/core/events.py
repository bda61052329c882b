"""What the engine says while it works; the cli watches, tests may too."""

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
    """The journal already says that the step has begun."""

    step: Step
    number: int
    total: int
    undoing: bool = False


@dataclass(frozen=True)
class StepProgress:
    """A word from inside a step; `done`/`total` in bytes or items when known, else 0."""

    text: str
    done: int = 0
    total: int = 0


@dataclass(frozen=True)
class StepFinished:
    """The action has returned; the journal does not say so yet."""

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
    """A gate or checklist finished one check."""

    finding: Finding


@dataclass(frozen=True)
class Checking:
    """A check is about to run."""

    check: str


Event = Started | StepStarted | StepProgress | StepFinished | StepSkipped | StepBroke | Checked | Checking
Emit = Callable[[Event], None]


def discard_event(event: Event) -> None:
    """Discard an event, where no progress is shown."""
