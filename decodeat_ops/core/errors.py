"""Define every way a command can fail, with one class and one exit code each.

Two codes also come with an Outcome, since they are no failures: 9, manual items are open; 10, done in part.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Advice:
    """Hold what an operator has to know of an error: what happened, what state things are in, and what to do next."""

    what: str
    state: str = "Nothing was changed."
    hint: str = ""
    lines: tuple[str, ...] = field(default=())  # e.g. a failed release's own log lines


class OpsError(Exception):
    """Report an error; the base of all that this tool raises on purpose. Anything else is a bug of ours (exit 1)."""

    code = 1
    kind = "bug"

    def __init__(
        self,
        what: str,
        *,
        state: str = "Nothing was changed.",
        hint: str = "",
        lines: tuple[str, ...] = (),
        where: str = "",
    ) -> None:
        super().__init__(what)
        self.where = where
        self.advice = Advice(what=what, state=state, hint=hint, lines=lines)


class Usage(OpsError):
    """Report that the command line itself is wrong."""

    code = 2
    kind = "usage"


class Configuration(OpsError):
    """Report wrong settings, or a wrong environment file, template or secret reference; `where` says which."""

    code = 3
    kind = "configuration"


class GateFailed(OpsError):
    """Report that a gate or a check failed; `state` says whether anything had to be undone."""

    code = 4
    kind = "gate"


class StepFailed(OpsError):
    """Report that a step failed and that everything before it was undone."""

    code = 5
    kind = "step"


class UndoFailed(OpsError):
    """Report that undoing a step failed too; `state` says which steps are left, the hint what to do."""

    code = 6
    kind = "undo"


class Locked(OpsError):
    """Report that another command holds this deployment's lock, or left a journal open."""

    code = 7
    kind = "locked"


class Unreachable(OpsError):
    """Report that a host, a service or a store did not answer."""

    code = 8
    kind = "unreachable"


class DoneInPart(OpsError):
    """Report that the change itself is done, but a later step (cleaning up, writing the report) failed."""

    code = 10
    kind = "partial"


class Interrupted(OpsError):
    """Report that the operator stopped or refused a command; the journal of a change that had begun stays open."""

    code = 130
    kind = "interrupted"
