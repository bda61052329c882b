"""Define what a target can do whose machines have a firewall: most leave that to a cloud."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

from decodeat_ops.core.plan import Plan
from decodeat_ops.core.target import Observed

O_contra = TypeVar("O_contra", bound=Observed[Any], contravariant=True)


@dataclass(frozen=True)
class Wall:
    """Describe one machine's firewall: its rules as they are, what `differs` from what is wanted, what is `wrong`.

    What differs `firewall apply` mends; what is wrong keeps it from that.
    """

    host: str
    active: bool
    rules: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()

    @property
    def facts(self) -> Mapping[str, Any]:
        """Return it as JSON has it."""
        return {
            "active": self.active,
            "rules": list(self.rules),
            "differs": list(self.differs),
            "wrong": list(self.wrong),
        }


@runtime_checkable
class Fenced(Protocol[O_contra]):
    """Let in what clients and administrators need, and nothing else. A target may do this."""

    def firewall(self, observed: O_contra, mark: str, seconds: int) -> Plan | None:
        """Return the plan that brings every machine's firewall to what is wanted, None when it is that already.

        What is not confirmed over a new connection within `seconds` goes back by itself. `mark` identifies the command.
        """
        ...

    def walls(self) -> tuple[Wall, ...]:
        """Return every machine's firewall as it is."""
        ...
