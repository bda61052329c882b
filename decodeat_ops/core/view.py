"""Define how a deployment is looked at: all that checks, status and logs may use."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

from decodeat_ops.core.check import Check
from decodeat_ops.core.outcome import Cell
from decodeat_ops.core.ports import Completed, Endpoint, Http
from decodeat_ops.core.release import Release
from decodeat_ops.core.target import Observed

Side = Literal["private", "public"]  # where no client reaches it; where clients do
R = TypeVar("R", bound=Release)
O_contra = TypeVar("O_contra", bound=Observed[Any], contravariant=True)


@dataclass(frozen=True)
class LogLine:
    """Hold one line of the log of one release, or of another part of a deployment.

    `source` names which of several tasks has written it, "" where only one can have.
    """

    release: str
    line: str
    source: str = ""


class Log(Protocol):
    """Read the log of a release, or of another part of a deployment."""

    @property
    def place(self) -> str:
        """Return where it is, for people."""
        ...

    def last(self, count: int) -> Sequence[LogLine]:
        """Return the last `count` lines, oldest first."""
        ...

    def follow(self, count: int, switched: Callable[[str], None]) -> Iterator[LogLine]:
        """Yield the last `count` lines, then new ones. Calls `switched` with the id of a release that takes over."""
        ...


@dataclass(frozen=True)
class Details:
    """Hold what a target tells of its own parts: rows for people, JSON for programs, and what is wrong.

    `since` is when the serving release took the traffic (ISO 8601), "" when it does not run.
    """

    since: str = ""
    rows: tuple[tuple[str, Cell], ...] = ()
    told: Mapping[str, Any] = field(default_factory=dict)
    wrong: tuple[str, ...] = ()
    next: tuple[str, ...] = ()  # commands that mend it


class View(Protocol[R, O_contra]):
    """Look at a deployment, and change nothing."""

    @property
    def http(self) -> Http: ...

    @property
    def salt(self) -> str:
        """Return the salt of secrets' digests."""
        ...

    @property
    def checks(self) -> Mapping[str, Check]:
        """Return the checks that only this target can make, by id."""
        ...

    @property
    def proves(self) -> Mapping[str, tuple[str, ...]]:
        """Return more checks that prove items of the checklists here, by item id."""
        ...

    @property
    def doctor(self) -> tuple[str, ...]:
        """Return the checks of what a deploy needs, by id, in order."""
        ...

    @property
    def doctor_asks(self) -> bool:
        """Return whether those ask the release that serves; not where even looking for one may be what is wrong."""
        ...

    def current_id(self) -> str:
        """Return the id of the release that takes the traffic, else of the stopped one, else ""; no record is read."""
        ...

    def active(self) -> R | None:
        """Return the release that takes the traffic, None when none does; no record of another release is read.

        Raises `Configuration` when its record is damaged or missing.
        """
        ...

    def release(self, name: str) -> R | None:
        """Return a release as it is recorded now, None when there is none."""
        ...

    def endpoint(self, release: R, side: Side) -> Endpoint | None:
        """Return where a release answers, None where it has no such address."""
        ...

    def headers(self, release: R) -> Mapping[str, str] | None:
        """Return the headers that a request for an analysis needs, None when access is closed and no key is known."""
        ...

    def variables(self, release: R | None) -> Mapping[str, str]:
        """Return the plain variables that a release gets; None stands for the one that a deploy would bring.

        Raises `Configuration` when they can't be read, or a setting is wrong.
        """
        ...

    def service(self, release: R | None, *words: str, bare: bool = False) -> Completed | None:
        """Run `python -m decodeat` with these words, with the code of a release and all its variables.

        Return None where that code can't be run. With `bare` the standard library is enough for it. Raises
        `Configuration` when its variables or secrets can't be resolved, `Unreachable` when there is no answer in time.
        """
        ...

    def log(self, release: str, part: str = "") -> Log:
        """Return the log of a release, "" for whichever serves; `part` names another part than the service itself.

        Raises `Usage` when there is none.
        """
        ...

    def files(self, release: str) -> Mapping[str, str]:
        """Return the rendered files of a release by name; "" stands for the one that a deploy would bring."""
        ...

    def details(self, observed: O_contra) -> Details:
        """Return what the target tells of its own parts."""
        ...
