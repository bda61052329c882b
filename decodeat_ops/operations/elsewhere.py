"""Define what a target adds to plans that change something where the operator does not sit, such as an account."""

from typing import Any, Protocol, TypeVar, runtime_checkable

from decodeat_ops.core.release import Release
from decodeat_ops.core.target import Facts, Observed, Origin

R_contra = TypeVar("R_contra", bound=Release, contravariant=True)
O_contra = TypeVar("O_contra", bound=Observed[Any], contravariant=True)
TODAYS = "secrets and data"


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


def told(target: object) -> Facts:
    """Return where a plan of this target changes something, nothing for one on the operator's own machine."""
    return target.told() if isinstance(target, Elsewhere) else ()


def startable(target: object, release: Release, origin: Origin, observed: Observed[Any]) -> Facts:
    """Return what a plan says of a release that is started again. Raises `Configuration` when it can't be."""
    return target.startable(release, origin, observed) if isinstance(target, Elsewhere) else ()


def todays(target: object) -> str:
    """Return what a release does not bring back with it, for people."""
    return target.todays if isinstance(target, Elsewhere) else TODAYS
