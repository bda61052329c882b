"""Define what only some targets can do; a command asks whether its own target is one of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from decodeat_ops.core.release import Release
from decodeat_ops.core.secret import Secret
from decodeat_ops.core.target import Facts, Observed, Origin, Steps
from decodeat_ops.core.view import Details

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


@runtime_checkable
class Surveys(Protocol):
    """Tell what is deployed also where a part does not answer, which a change would need. A target may do this."""

    def survey(self) -> Observed[Any]:
        """Read what answers, and name in `silent` what does not. Raises `Unreachable` when nothing does."""
        ...


@runtime_checkable
class Prunes(Protocol[O_contra]):
    """Delete what is beyond retention, as the end of each deploy does. A target may do this by itself."""

    def prune(self, observed: O_contra) -> Steps:
        """Return the steps to it, none when nothing is beyond it."""
        ...


@dataclass(frozen=True)
class Joining:
    """Hold the release that one host is brought to, and the steps to it, none when it serves there already."""

    release: Release
    steps: Steps = ()
    facts: Facts = ()


@runtime_checkable
class Joins(Protocol[O_contra]):
    """Bring one host, which was added or replaced, to what the others serve. A target may do this."""

    def join(self, observed: O_contra, host: str) -> Joining:
        """Return the steps for this host alone.

        Raises `Usage` when that would leave the hosts on different releases, or there is no such host;
        `Configuration` with all that the release lacks there.
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


@runtime_checkable
class Maintains(Protocol[O_contra]):
    """Answer clients that the service is away for a while, as what runs goes on. A target may do this."""

    def maintain(self, observed: O_contra, *, on: bool) -> Steps:
        """Return the steps to it or back from it, none where it is so already. Raises `Usage` when nothing serves."""
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


@dataclass(frozen=True)
class Issue:
    """Ask an authority for a certificate. `mark` identifies the command.

    Without `look` nobody asks first whether the authority would find us. `new_account` makes the account anew.
    """

    mark: str
    look: bool = True
    new_account: bool = False


@dataclass(frozen=True)
class Renew:
    """Renew what is due; with `force` what is not due, too."""

    force: bool = False


@dataclass(frozen=True)
class Install:
    """Serve a certificate that somebody brings: files on this machine."""

    chain: Path
    key: Path


@dataclass(frozen=True)
class Certifying:
    """Hold the steps to a certificate, none when it is served already; `subject` is whom it is for."""

    subject: str
    steps: Steps = ()
    facts: Facts = ()


@runtime_checkable
class Certifies(Protocol[O_contra]):
    """Look after certificates: get, renew and serve them. A target may do this."""

    def certify(self, observed: O_contra, wish: Issue | Renew | Install) -> Certifying:
        """Return the steps. Raises `Configuration` with all that is in the way; what serves now goes on."""
        ...


@runtime_checkable
class Certified(Protocol):
    """Tell which certificate clients see, and whether it lasts. A view may do this."""

    def certificates(self) -> Details:
        """Return what each machine serves and has, and what is wrong; it changes nothing."""
        ...
