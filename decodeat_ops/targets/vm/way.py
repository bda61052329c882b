"""Decide where a release goes: to which machines, and on each of them to which colour. It is pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from decodeat_ops.core.target import Origin
from decodeat_ops.settings.schema import Loaded
from decodeat_ops.settings.vm import Vm
from decodeat_ops.targets.vm import documents
from decodeat_ops.targets.vm.names import COLOURS, Colour, Names, other
from decodeat_ops.targets.vm.observed import Seen, VmObserved
from decodeat_ops.targets.vm.release import VmRelease

TO_END = 10  # seconds more that a container may take until it has ended


def drain_seconds(loaded: Loaded) -> int:
    """Return how many seconds a colour may take to finish its requests and end."""
    return documents.timeouts(loaded).stop + TO_END


def sound(seen: Seen, release: VmRelease) -> bool:
    """Return whether clients of a machine reach the release, with its secrets, in a container that is well."""
    container = seen.containers.get(seen.active) if seen.active else None
    if container is None or seen.active_id != release.id or container.release != release.id:
        return False
    if container.secrets not in ("", release.secrets):
        return False  # it was started with those of earlier
    return container.state == "running" and container.health != "unhealthy"


def stands(seen: Seen, vm: Vm) -> bool:
    """Return whether nginx, and what the settings want beside it, run on a machine."""
    parts = ("nginx", *(("redis",) if vm.redis else ()), *(("postgres",) if vm.postgres else ()))
    containers = [seen.containers.get(part) for part in parts]
    return all(one is not None and one.state == "running" for one in containers)


def outside_maintenance(observed: VmObserved, *coming: str) -> tuple[Seen, ...]:
    """Return the machines that would answer their clients while all others are in maintenance.

    They are among those `coming` to what the others serve: by name, else each that does not have it.
    """
    current = observed.current.id if observed.current else ""
    apart = coming or tuple(one.host for one in observed.hosts if (one.active_id or one.stopped) != current)
    others = [one for one in observed.hosts if one.host not in apart]
    if not others or not all(one.maintenance for one in others):
        return ()
    return tuple(one for one in observed.hosts if one.host in apart and not one.maintenance)


def idle(seen: Seen) -> Colour:
    """Return the colour of a machine that a release may be started as: the one that no client reaches.

    Where clients reach none, it is one of which nothing runs, the one that was stopped before the other.
    """
    if seen.active is not None:
        return other(seen.active)
    first = sorted(COLOURS, key=lambda one: seen.colours.get(one, "") != seen.stopped or not seen.stopped)
    free = [one for one in first if not _up(seen, one)]
    return (free or first)[0]


def _up(seen: Seen, colour: Colour) -> bool:
    container = seen.containers.get(colour)
    return container is not None and container.up


@dataclass(frozen=True)
class Way:
    """Hold what the steps of one move are made of. `again` says that the release was there and is only started."""

    loaded: Loaded
    names: Names
    release: VmRelease
    observed: VmObserved
    origin: Origin
    again: bool = False

    @cached_property
    def hosts(self) -> tuple[Seen, ...]:
        """Return the machines that get the release: all of them, but for a start those where it does not serve."""
        seen = self.observed.hosts
        return tuple(one for one in seen if not (self.again and sound(one, self.release)))

    @property
    def named(self) -> list[str]:
        return [one.host for one in self.hosts]

    @cached_property
    def colours(self) -> Mapping[str, Colour]:
        return {one.host: idle(one) for one in self.hosts}

    @property
    def busy(self) -> tuple[Seen, ...]:
        """Return the machines where the colour that the release gets still runs."""
        return tuple(one for one in self.hosts if _up(one, self.colours[one.host]))

    @property
    def edged(self) -> tuple[Seen, ...]:
        """Return the machines whose nginx has other files than the release's, or does not run."""
        return tuple(one for one in self.observed.hosts if self._edge_differs(one))

    @property
    def redefined(self) -> list[str]:
        """Return the machines where containers beside the colours may have other definitions than the release's."""
        return [one.host for one in self.edged if one.edge and self._defined(one) != self.release.beside]

    @property
    def repassed(self) -> list[str]:
        """Return the machines where Redis or PostgreSQL may have another password than the release knows."""
        vm = self.loaded.settings.vm
        if not (vm.redis_password or vm.postgres_password):
            return []
        there = ((one, self._there(one)) for one in self.observed.hosts if one.edge)
        return [one.host for one, release in there if release is None or release.secrets != self.release.secrets]

    def _there(self, seen: Seen) -> VmRelease | None:
        return seen.released(seen.active_id or seen.stopped)

    def _defined(self, seen: Seen) -> str:
        there = self._there(seen)
        return there.beside if there else ""

    def _edge_differs(self, seen: Seen) -> bool:
        if seen.edge != self.release.edge or self._there(seen) is None or self._defined(seen) != self.release.beside:
            return True
        return seen.host in self.repassed or not stands(seen, self.loaded.settings.vm)

    @property
    def kept(self) -> VmRelease | None:
        """Return the release as it was recorded, None for one that is new on the machines."""
        of = self.origin.of
        return of if self.origin.how == "kept" and isinstance(of, VmRelease) else None

    @property
    def groups(self) -> Sequence[Sequence[Seen]]:
        """Return the machines that get their clients at once: the first one alone, then groups."""
        size, rest = self.loaded.settings.vm.group, self.hosts[1:]
        first = (self.hosts[:1],) if self.hosts else ()
        return (*first, *(rest[at : at + size] for at in range(0, len(rest), size)))

    @property
    def served(self) -> VmRelease:
        """Return the release as it is recorded once clients reach it."""
        return replace(self.release, served=True)


def shown(hosts: Sequence[str]) -> str:
    """Return machines for people: all by name, or some and how many more."""
    return ", ".join(hosts) if len(hosts) <= 4 else f"{', '.join(hosts[:3])} and {len(hosts) - 3} more"
