"""Hold one reading of a deployment on virtual machines, as data for the pure functions that make plans."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from decodeat_ops.core.target import Observed
from decodeat_ops.targets.vm.names import Colour
from decodeat_ops.targets.vm.release import VmRelease


@dataclass(frozen=True)
class Container:
    """Describe a container as its engine tells of it. Times are ISO 8601; `image` is the image's id.

    `secrets` is the digest of those that it was started with, `release` the release, both by its labels.
    """

    name: str
    state: str  # created, running, paused, restarting, exited, dead
    health: str = ""  # starting, healthy, unhealthy; "" without a health check
    image: str = ""
    release: str = ""
    secrets: str = ""
    since: str = ""
    restarts: int = 0
    exit_code: int = 0
    out_of_memory: bool = False
    ended: str = ""  # when it ended last
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)  # as the engine tells it

    @property
    def up(self) -> bool:
        """Return whether something of it runs, or is about to run again."""
        return self.state in {"running", "paused", "restarting"}


@dataclass(frozen=True)
class Seen:
    """Hold what one machine was found to have. Ids and colours are "" where there is none.

    `problem` says why it could not be looked at, or what is damaged there; all else is then as far as it is known.
    `silent`: it did not answer, so that nothing is known. `damaged` are files that can't be read, with why.
    """

    host: str
    problem: str = ""
    active: Colour | None = None  # where run/active leads
    stopped: str = ""
    colours: Mapping[Colour, str] = field(default_factory=dict)  # the release that each runs or ran last
    containers: Mapping[str, Container] = field(default_factory=dict)  # by part: a colour, nginx, redis, postgres
    releases: tuple[VmRelease, ...] = ()
    images: frozenset[str] = frozenset()  # ids and repository@digest
    edge: str = ""  # the generation of nginx's files in use
    maintenance: bool = False
    journals: bool = False  # whether the ledger's directory is there
    free_bytes: int = -1  # where the deployment lies; -1: not told
    inodes: int = 0  # percent of those in use where the deployment lies, 0 where a file system has no number of them
    engine: str = ""  # its version, "" without one
    compose: str = ""
    clock: float = 0.0  # seconds since the epoch, by its clock
    silent: bool = False
    hint: str = ""  # what to do about the problem
    there: bool = False  # whether the deployment's directory is
    damaged: Mapping[str, str] = field(default_factory=dict)
    strangers: tuple[str, ...] = ()  # containers that have our names and are not ours
    ports: Mapping[int, str] = field(default_factory=dict)  # ports that containers publish, with the container
    projects: frozenset[str] = frozenset()  # Compose projects with a container
    left: bool = False  # whether data/ holds something
    switched: str = ""  # when run/active was made, ISO 8601
    certificate: str = ""  # the one that nginx serves, as PEM
    salt: str = field(default="", repr=False)
    boot: str = ""  # the id of the machine's start
    engine_problem: str = ""  # why the engine does not answer

    @property
    def active_id(self) -> str:
        """Return the id of the release that run/active leads to."""
        return self.colours.get(self.active, "") if self.active else ""

    @property
    def since_switch(self) -> float:
        """Return how many seconds ago clients were led to the active colour, 0 where that is not known."""
        if not self.switched or not self.clock:
            return 0.0
        return max(0.0, self.clock - datetime.fromisoformat(self.switched).timestamp())

    def released(self, name: str) -> VmRelease | None:
        """Return a release that is there and whose record is whole."""
        return next((one for one in self.releases if one.id == name), None)


@dataclass(frozen=True)
class VmObserved(Observed[VmRelease]):
    """Add what each machine has, in the settings' order. The first one is the canary.

    `active` is what they serve. `mixed` says that some serve something else, or nothing: then it is the newest one of
    these that has served.
    """

    hosts: tuple[Seen, ...] = field(kw_only=True, default=())

    @property
    def mixed(self) -> bool:
        return len({one.active_id for one in self.hosts if not one.silent}) > 1

    @property
    def serving(self) -> bool:
        """Return whether every machine serves the active release by a container that runs and is not unhealthy."""
        if self.active is None or self.mixed:
            return False
        for seen in self.hosts:
            container = seen.containers.get(seen.active or "")
            edge = seen.containers.get("nginx")
            if container is None or edge is None or container.release != self.active.id:
                return False
            if container.state != "running" or container.health == "unhealthy" or edge.state != "running":
                return False
        return bool(self.hosts)
