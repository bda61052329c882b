"""Define the seam: what a target is asked, and the values that pass through it. It knows no particular target."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar

from decodeat_ops.core.outcome import Lines
from decodeat_ops.core.plan import Step
from decodeat_ops.core.release import Release

Steps = tuple[Step, ...]
Facts = tuple[tuple[str, str], ...]
CONFIGURATION = "configuration"  # the fact of a plan with what differs in it; whether there is one, a plan sums up
R = TypeVar("R", bound=Release)
O = TypeVar("O", bound="Observed[Any]")  # noqa: E741  a target's own reading


@dataclass(frozen=True)
class Instance:
    """Describe what runs of a release: a process, a container, a task. `since` is ISO 8601.

    `source` names where it runs, "" where there is one place alone.
    """

    release: str
    state: str  # starting, running, draining, stopping, backing-off, blocked
    since: str = ""
    restarts: int = 0
    last_exit: str = ""
    problem: str = ""
    source: str = ""


@dataclass(frozen=True)
class Observed(Generic[R]):
    """Hold what is deployed now, as one reading of it. A target's own reading adds fields and is handed back to it.

    `releases` are newest first. `draining` are the ids of those that finish their last requests, `running` of those of
    which something runs. `stopped` is the one that served before `stop`. `left` is the data that a removed deployment
    left, "" when there is none or something is deployed. `stranger` says, for people, what runs in its place that is no
    release of this deployment, such as "demo-production:17, which somebody else registered"; "" for nothing. `silent`
    are the parts that did not answer, in a reading that does without them.
    """

    active: R | None
    stopped: R | None
    releases: tuple[R, ...]
    draining: frozenset[str]
    instances: tuple[Instance, ...] = ()
    running: frozenset[str] = frozenset()
    left: str = ""
    stranger: str = ""
    silent: tuple[str, ...] = ()

    @property
    def active_id(self) -> str:
        """Return the id of the active release, "" when there is none."""
        return self.active.id if self.active else ""

    @property
    def reached(self) -> R | None:
        """Return the release that clients reach: the active one, unless a target tells that another still serves."""
        return self.active

    @property
    def serves_now(self) -> str:
        """Return what serves, for people and for the end of a plan that fails; "" for nothing."""
        release = self.reached or self.active
        return " and ".join(one for one in (release.id if release else "", self.stranger) if one)

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

    @property
    def data(self) -> str:
        """Return today's data, also where a removed deployment left it; "" when there is none."""
        return self.current.data if self.current else self.left


@dataclass(frozen=True)
class Origin:
    """Say what a release is prepared from.

    "built": from source; `place` is the package, None where something is named that is built already. "copied": of the
    release `of`. "unpacked": from an archive, which `place` names where it is unpacked, with the archive's code or that
    of the release `of`. "kept": it lies there already, and `of` is the release as it was recorded. `says` names code
    and configuration for people. With `laid_out` a step of its own makes the release's data, and the undo of that step
    deletes it.
    """

    how: Literal["built", "copied", "unpacked", "kept"]
    place: Path | None = None
    of: Release | None = None
    says: str = ""
    laid_out: bool = False

    @property
    def package(self) -> Path | None:
        """Return the package that it is built from, None when it is not built from source here."""
        return self.place if self.how == "built" else None


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


@dataclass(frozen=True)
class Lack:
    """Hold the steps that bring back what a serving release lacks beside it; `says` tells people what that means."""

    steps: Steps = ()
    says: str = ""


@dataclass(frozen=True)
class Aftermath:
    """Hold what an operator has to know after a deploy: text to keep, its JSON, and warnings."""

    blocks: tuple[Lines, ...] = ()
    told: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Removal:
    """Hold the steps of a removal, none when there is nothing to remove.

    One of its steps produces `stays`, which names for people what is left.
    """

    steps: Steps = ()
    facts: Facts = ()


class Target(Protocol[R, O]):
    """Answer in steps how releases get into service and out of it; only its actions change anything."""

    @property
    def name(self) -> str:
        """Return what a plan calls it."""
        ...

    @property
    def place(self) -> str:
        """Return where a deployment is: a directory, a cluster and service, a project and region."""
        ...

    @property
    def release_type(self) -> type[R]:
        """Return the type of its releases, to rebuild one from its record."""
        ...

    @property
    def actions(self) -> Mapping[str, Callable[..., dict[str, Any] | None]]:
        """Return every action of its steps by name."""
        ...

    def observe(self) -> O:
        """Read what is deployed. Raises `Configuration` when something is damaged or of a newer version."""
        ...

    def secrets_digest(self) -> str:
        """Return the digest of today's secrets, as a release records it."""
        ...

    def candidate(self) -> Candidate[R]:
        """Return what a deploy would bring. It is cheap: digests only."""
        ...

    def verify(self, release: R, origin: Origin, observed: O) -> Facts:
        """Refuse a release that can't get into service, naming all problems; it changes nothing.

        Return, as facts of a plan, how configuration and secrets differ from those that serve now.
        """
        ...

    def move(self, release: R, origin: Origin | None, observed: O) -> Move:
        """Return the way of a release into service; pure. Without `origin` it was there and ran before."""
        ...

    def settle(self, release: R) -> R:
        """Return a release of an archive with what today's settings say of its place here, such as its address."""
        ...

    def lacking(self, observed: O) -> Lack:
        """Return what the serving release lacks beside it, such as its start after a reboot."""
        ...

    def halt(self, observed: O) -> Steps:
        """Return the steps that finish what runs and take nothing new, none when nothing runs; pure."""
        ...

    def after_deploy(self, results: Mapping[str, Mapping[str, Any]]) -> Aftermath:
        """Return what else an operator has to know once a deploy's steps have had these results."""
        ...

    def remove(self, observed: O, keep: frozenset[str]) -> Removal:
        """Return how to stop and delete everything but what `keep` names: "data", "backups"."""
        ...
