"""Describe how far a plan has been carried out."""

from dataclasses import dataclass, field
from typing import Any

from decodeat_ops.core.plan import Plan


@dataclass
class Progress:
    """Hold what a journal says: ids of steps begun and undone, results of done steps, how it ended ("" = open)."""

    plan: Plan
    begun: list[str] = field(default_factory=list)
    done: dict[str, dict[str, Any]] = field(default_factory=dict)
    undone: list[str] = field(default_factory=list)
    ended: str = ""
    undoing: bool = False

    @property
    def committed(self) -> bool:
        """Return whether every step before the point of no return is done: from there it is finished, not undone."""
        return not self.undoing and all(s.id in self.done for s in self.plan.steps if not s.after_commit)

    def touched(self) -> list[str]:
        """Return the ids of steps that may have left something to undo, newest first."""
        return [s for s in reversed(self.begun) if s not in self.undone]
