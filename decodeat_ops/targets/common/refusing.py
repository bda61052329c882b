"""Refuse a release once, with everything that keeps it from getting into service."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from decodeat_ops.core.errors import Configuration, Lost, OpsError

HINT = "Mend what is named above; `decodeat-ops bootstrap` makes what is missing and of ours."


@dataclass
class Refusals:
    """Collect problems, and errors of what could not be looked at; `subject` is the release, for people."""

    subject: str
    problems: list[str] = field(default_factory=list)
    errors: list[OpsError] = field(default_factory=list)

    def ask(self, look: Callable[[], Sequence[str]]) -> None:
        """Add the problems that `look` returns, or the error that it raises. `Lost` passes: nothing is known then."""
        try:
            self.problems += look()
        except Lost:
            raise
        except OpsError as error:
            self.errors.append(error)

    def refuse(self) -> None:
        """Raise `Configuration` with all of them, or the only error as it is, with its own exit code."""
        if len(self.errors) == 1 and not self.problems:
            raise self.errors[0]
        found = (*self.problems, *(_line(error) for error in self.errors))
        if found:
            count = "One problem keeps" if len(found) == 1 else f"{len(found)} problems keep"
            raise Configuration(f"{count} {self.subject} from getting into service.", hint=HINT, lines=found)


def _line(error: OpsError) -> str:
    advice = error.advice
    return " ".join((advice.what, *advice.lines, advice.hint)).strip()
