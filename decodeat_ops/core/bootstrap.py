"""Define what a target can do that makes the ground of a deployment itself: most find it there."""

from typing import Any, Protocol, TypeVar, runtime_checkable

from decodeat_ops.core.plan import Plan
from decodeat_ops.core.target import Observed

O_contra = TypeVar("O_contra", bound=Observed[Any], contravariant=True)


@runtime_checkable
class Bootstraps(Protocol[O_contra]):
    """Make what has to be there before a first deploy. A target may do this."""

    def bootstrap(self, observed: O_contra, mark: str) -> Plan | None:
        """Return the plan that makes what is missing, None when nothing is.

        `mark` identifies the command. What a step has made carries it, so that an undo deletes that alone.
        """
        ...
