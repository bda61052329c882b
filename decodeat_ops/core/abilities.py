"""Define what only some targets can do; a command asks whether its own target is one of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

from decodeat_ops.core.release import Release
from decodeat_ops.core.secret import Secret
from decodeat_ops.core.target import Facts, Observed, Origin, Steps

R_contra = TypeVar("R_contra", bound=Release, contravariant=True)
O_contra = TypeVar("O_contra", bound=Observed[Any], contravariant=True)


@runtime_checkable
class Elsewhere(Protocol[R_contra, O_contra]):
    """Have a place that a plan has to name, and parts that may be gone when a release is started again.

    A target may do this; one on the operator's own machine does not need it.
    """

    @property
    def todays(self) -> str:
        """Return what is always today's, whichever release is brought back, for people."""
        ...

    def told(self) -> Facts:
        """Return where a plan changes something, and as whom."""
        ...

    def startable(self, release: R_contra, origin: Origin, observed: O_contra) -> Facts:
        """Refuse a release that ran before and can't be started any more, naming all problems; it changes nothing.

        Return what a plan says of it, with what `told` returns.
        """
        ...


@dataclass(frozen=True)
class Scaling:
    """Hold the steps to another number of instances, none when there are as many already."""

    steps: Steps = ()
    facts: Facts = ()


@runtime_checkable
class Scales(Protocol[O_contra]):
    """Run as many instances of the serving release as the operator asks for. A target may do this."""

    def scale(self, observed: O_contra, count: int) -> Scaling:
        """Return the steps to `count` instances. Raises `Usage` where something else decides how many there are."""
        ...


@dataclass(frozen=True)
class Attached:
    """Describe a program to run on the operator's own terminal; `variables` are added to those of this process."""

    argv: tuple[str, ...]
    variables: Mapping[str, Secret]
    says: str  # where it leads, for people


@runtime_checkable
class Enters(Protocol):
    """Run a program inside an instance of the service, on the operator's terminal. A view may do this."""

    def enter(self, words: Sequence[str], instance: str) -> Attached:
        """Return what to run so that `words` run in an instance, "" for the newest one.

        Raises `Configuration` with what is missing for it, `Usage` when there is no such instance.
        """
        ...


@dataclass(frozen=True)
class Defect:
    """Describe a mistake in files written by hand: what is found there, and what a deploy of ours does instead.

    `number` is the one that the list of the guide's mistakes gives it, `where` the file that it is in.
    """

    number: int
    found: str
    instead: str
    where: str = ""


@dataclass(frozen=True)
class Compared:
    """Hold texts to compare by name, those of before and those of a deploy now, and what was wrong before.

    `release` is the one that the texts of before are of, "" for files or for nothing.
    """

    against: str  # what the texts of before are, for people
    texts: Mapping[str, tuple[str, str]]
    release: str = ""
    defects: tuple[Defect, ...] = ()


@runtime_checkable
class Compares(Protocol):
    """Compare what a deploy would bring with what runs, or with files written by hand. A view may do this."""

    def compared(self, theirs: Mapping[str, str]) -> Compared:
        """Return both sides; `theirs` are files by name, none of them stands for what runs.

        Raises `Usage` for a file that is of no kind that the target knows.
        """
        ...
