"""Collect what is surely wrong, and what could not be made sure of."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from decodeat_ops.core.aws import AwsRefused

T = TypeVar("T")


@dataclass(frozen=True)
class Verdict:
    """Hold the result: `problems` refuse a change, `doubts` are told with its plan. One sentence each."""

    problems: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


@dataclass
class Findings:
    """Collect problems and doubts, each once, in the order they were found."""

    problems: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    def problem(self, text: str) -> None:
        if text not in self.problems:
            self.problems.append(text)

    def doubt(self, text: str) -> None:
        if text not in self.doubts:
            self.doubts.append(text)

    def ask(self, what: str, read: Callable[[], T], absent: frozenset[str] = frozenset()) -> T | None:
        """Return what was read; None when it is not there, or could not be looked at, which is noted.

        `absent` are AWS's codes for "there is none". A denied look is a doubt, any other refusal a problem.
        """
        try:
            return read()
        except AwsRefused as error:
            if error.denied:
                self.doubt(f"{what} could not be looked at: {error.operation} is denied")
            elif error.error not in absent:
                self.problem(f"{what} could not be looked at: {error.message.rstrip('.')} ({error.error})")
            return None

    def look(self, what: str, read: Callable[[], T], absent: frozenset[str], missing: str) -> T | None:
        """Return what was read; None like `ask`, and its absence is a problem, which `missing` says."""
        absences: list[str] = []

        def noted() -> T | None:
            try:
                return read()
            except AwsRefused as error:
                if error.denied or error.error not in absent:
                    raise
                absences.append(error.error)
                return None

        found = self.ask(what, noted, absent)
        if absences:
            self.problem(missing)
        return found

    def verdict(self) -> Verdict:
        return Verdict(tuple(self.problems), tuple(self.doubts))


def listed(names: Any) -> str:
    """Return names as people read them: "a, b"."""
    return ", ".join(sorted(names))
