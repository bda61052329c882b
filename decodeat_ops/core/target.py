"""Define the seam: what a target is asked, and the values that pass through it. It knows no particular target."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar

from decodeat_ops.core.migration import Migration
from decodeat_ops.core.plan import Step
from decodeat_ops.core.release import Release

Steps = tuple[Step, ...]
Facts = tuple[tuple[str, str], ...]
R = TypeVar("R", bound=Release)
O = TypeVar("O", bound="Observed[Any]")  # noqa: E741  a target's own reading
R_contra = TypeVar("R_contra", bound=Release, contravariant=True)
O_contra = TypeVar("O_contra", bound="Observed[Any]", contravariant=True)


@dataclass(frozen=True)
class Instance:
    """Describe what runs of a release: a process, a container, a task. `since` is ISO 8601."""

    release: str
    state: str  # starting, running, draining, stopping, backing-off, blocked
    since: str = ""
    restarts: int = 0
    last_exit: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Observed(Generic[R]):
    """Hold what is deployed now, as one reading of it. A target's own reading adds fields and is handed back to it.

    `releases` are newest first. `draining` are the ids of those that finish their last requests, `running` of those of
    which something runs. `stopped` is the one that served before `stop`. `left` is the data that a removed deployment
    left, "" when there is none or something is deployed.
    """

    active: R | None
    stopped: R | None
    releases: tuple[R, ...]
    draining: frozenset[str]
    instances: tuple[Instance, ...] = ()
    running: frozenset[str] = frozenset()
    left: str = ""

    @property
    def active_id(self) -> str:
        """Return the id of the active release, "" when there is none."""
        return self.active.id if self.active else ""

    @property
    def taken(self) -> frozenset[str]:
        """Return the ids that no new release may have."""
        return frozenset(release.id for release in self.releases)

    @property
    def next_sequence(self) -> int:
        """Return the sequence number for a new release."""
        return max((release.sequence for release in self.releases), default=0) + 1

    @property
    def serving(self) -> bool:
        """Return whether the active release runs and nothing is wrong with it, as far as is known without asking it."""
        return any(one.release == self.active_id and one.state == "running" for one in self.instances)

    @property
    def current(self) -> R | None:
        """Return the release with today's data: the active one, else the stopped one."""
        return self.active or self.stopped


@dataclass(frozen=True)
class Origin:
    """Say what a release is prepared from.

    "built": from source; `place` is the package. "copied": of the release `of`; "unpacked": from an archive, with code
    of the archive or of the release `of`; for both, `place` is a release's directory. "kept": it lies there already,
    and `of` is the release as it was recorded. `says` names code and configuration for people.
    """

    how: Literal["built", "copied", "unpacked", "kept"]
    place: Path | None = None
    of: Release | None = None
    says: str = ""


@dataclass(frozen=True)
class Candidate(Generic[R]):
    """Hold the release that a deploy would bring, without id, time, operator and data. `facts` are the target's own."""

    release: R
    origin: Origin
    facts: Facts = ()


@dataclass(frozen=True)
class Move:
    """Hold the steps of a release's way into service, by phase; a target leaves a phase empty that it does not have.

    `prepare`: it exists beside the others. `clear`: what must be over before it may start. `start`: it runs where no
    client reaches it (`private` says where, for people), is ready and reports its id. `admit`: clients reach it, which
    is confirmed from outside. `retire`: after the commit, the old one drains and is kept, and retention deletes others.
    """

    prepare: Steps = ()
    clear: Steps = ()
    start: Steps = ()
    admit: Steps = ()
    retire: Steps = ()
    private: str = ""


class Target(Protocol[R_contra, O_contra]):
    """Answer in steps how releases get into service and out of it; pure, since only its actions change anything."""

    @property
    def name(self) -> str:
        """Return what a plan calls it."""
        ...

    def move(self, release: R_contra, origin: Origin | None, observed: O_contra) -> Move:
        """Return the way of a release into service. Without `origin` it was there and ran before."""
        ...

    def migrate(self, release: R_contra, migration: Migration) -> Step:
        """Return the step that brings the data, which the release takes over, to its schema."""
        ...

    def lay_out(self, release: R_contra, place: str, serving: str) -> Steps:
        """Return the steps that make the unpacked archive's data the release's own; `serving` is today's data."""
        ...

    def carry(self, release: R_contra, observed: O_contra, snapshot: str) -> Steps:
        """Return the steps that copy results stored since that backup into the release's data, after the commit."""
        ...

    def halt(self, observed: O_contra) -> Steps:
        """Return the steps that finish what runs and take nothing new; none when nothing runs."""
        ...
