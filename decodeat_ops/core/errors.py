"""Define every way a command can fail, with one class and one exit code each.

Two codes also come with an Outcome, since they are no failures: 9, manual items are open; 10, done in part.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Advice:
    """The three things an operator needs at 2 a.m.: what happened, what state things are in, what to do next."""

    what: str
    state: str = "Nothing was changed."
    hint: str = ""
    lines: tuple[str, ...] = field(default=())  # e.g. a failed release's own log lines


class OpsError(Exception):
    """Base of every error this tool raises on purpose; anything else is a bug of ours (exit 1)."""

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
    """The command line itself is wrong."""

    code = 2
    kind = "usage"


class Configuration(OpsError):
    """Settings, environment file, template or secret reference is wrong; `where` says which."""

    code = 3
    kind = "configuration"


class GateFailed(OpsError):
    """A gate or a check failed; `state` says whether anything had to be undone."""

    code = 4
    kind = "gate"


class StepFailed(OpsError):
    """A step failed and everything before it was undone."""

    code = 5
    kind = "step"


class UndoFailed(OpsError):
    """A step failed and its undo failed too; the hint says exactly what to do by hand."""

    code = 6
    kind = "undo"


class Locked(OpsError):
    """Another command holds this deployment's lock, or left a journal open."""

    code = 7
    kind = "locked"


class Unreachable(OpsError):
    """A host, a service or a store did not answer."""

    code = 8
    kind = "unreachable"


class DoneInPart(OpsError):
    """Raised when the change itself is done, but a later step (cleaning up, writing the report) failed."""

    code = 10
    kind = "partial"


class Interrupted(OpsError):
    """Stopped by the operator; the journal is open and says how to go on."""

    code = 130
    kind = "interrupted"
