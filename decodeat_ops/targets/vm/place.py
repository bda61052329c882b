"""Hold what reaches a deployment on virtual machines: its settings, its names, and the ports to hosts and images."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from decodeat_ops.core.certificate import Handshake
from decodeat_ops.core.clock import Clock
from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.layout import Layout
from decodeat_ops.core.plan import Params
from decodeat_ops.core.ports import Host, Http
from decodeat_ops.core.remote import Remote
from decodeat_ops.deployment import places
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.targets.vm.names import Names

if TYPE_CHECKING:
    from decodeat_ops.core.image import Images


def _no_other(name: str) -> Remote:
    raise RuntimeError(f"no second connection to {name} was provided")


def _nowhere(name: str) -> Sequence[str]:
    raise RuntimeError(f"nobody was provided who knows where {name} leads")


LOOK = "look at a machine"  # the first part of keys under which a place remembers what was seen there lately


@dataclass(frozen=True)
class Place:
    """Hold one deployment's ports. `hosts` are the machines in the settings' order; the first one is the canary.

    `images` opens the operator's own engine at its first use. `http` asks addresses, `tls` sees what they show,
    `addresses` are those that a name leads to. `another` returns a machine by a connection of its own, which is not
    opened yet: a firewall that shuts us out shows on no other.
    """

    loaded: Loaded
    names: Names
    hosts: Mapping[str, Remote]
    http: Http
    machine: Host
    images: Callable[[], "Images"]
    clock: Clock
    tls: Handshake
    another: Callable[[str], Remote] = _no_other
    addresses: Callable[[str], Sequence[str]] = _nowhere
    remembered: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def layout(self) -> Layout:
        """Return the state on the operator's machine, which has records of checks alone."""
        return places.layout_of(self.loaded)


def remotes_of(place: Place, context: Context, hosts: Iterable[str], *, needed: bool = True) -> list[Remote]:
    """Return the machines that a plan names. Raises `Configuration` where the settings don't name one any more.

    An undo, and what is not `needed`, does without such a one, and warns that all stays there as it is: a machine that
    is gone for good must not keep the others from being brought back.
    """
    hosts = tuple(hosts)
    gone = [host for host in hosts if host not in place.hosts]
    if gone and needed:
        raise Configuration(
            f"{', '.join(gone)} is not among vm.hosts any more, and this change has something to do there.",
            hint="Run the command again: it plans for the machines that are named now.",
            where="vm.hosts",
        )
    said = [f"{host} is not among vm.hosts any more: what this change has left there stays." for host in gone]
    context.warn({"warnings": [text for text in said if text not in context.warnings]})
    return [place.hosts[host] for host in hosts if host in place.hosts]


def forget(place: Place) -> None:
    """Let the next look at any machine be a new one: something is changed there."""
    # The keys are copied in one step: threads for other machines remember and forget meanwhile.
    for key in [key for key in tuple(place.remembered) if isinstance(key, tuple) and key[0] == LOOK]:
        place.remembered.pop(key, None)


Act = Callable[[Place, Context, Params], Results | None]
Acts = Mapping[str, Act]  # a table of actions before they are bound to one place
