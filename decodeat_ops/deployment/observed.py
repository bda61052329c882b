"""Read the state once before a plan is made, as data for the pure functions that make it."""

from dataclasses import dataclass

from decodeat_ops.core.release import Release
from decodeat_ops.deployment.store import Store, Supervisor


@dataclass(frozen=True)
class Observed:
    """Hold what is deployed now.

    `releases` are newest first. `draining` are the ids of those that finish their last requests, `running` of those
    that have a process, whether or not a supervisor works. `stopped` is the one that served before `stop`. `left` is
    the data generation that a removed deployment left, "" when there is none or something is deployed.
    """

    active: Release | None
    stopped: Release | None
    releases: tuple[Release, ...]
    draining: frozenset[str]
    supervisor: Supervisor
    left: str = ""
    generations: tuple[str, ...] = ()  # of data, whether a release serves them or not
    running: frozenset[str] = frozenset()

    @property
    def active_id(self) -> str:
        """Return the id of the active release, "" when there is none."""
        return self.active.id if self.active else ""

    @property
    def taken(self) -> frozenset[str]:
        """Return the ids that no new release may have: kept data may have the id of a deleted release."""
        return frozenset({*(release.id for release in self.releases), *self.generations})

    @property
    def next_sequence(self) -> int:
        """Return the sequence number for a new release."""
        return max((release.sequence for release in self.releases), default=0) + 1

    @property
    def serving(self) -> bool:
        """Return whether the active release runs and nothing is wrong with it, as far as the supervisor knows."""
        if self.active is None or not self.supervisor.alive:
            return False
        known = self.supervisor.releases.get(self.active.id)
        return known is not None and known.state == "running"

    @property
    def current(self) -> Release | None:
        """Return the release with today's data: the active one, else the stopped one."""
        return self.active or self.stopped


def observe(store: Store) -> Observed:
    """Read the state. Raises `Configuration` when something is damaged or of a newer version."""
    store.check_place()
    store.check_format()
    active, stopped = store.active(), store.stopped()
    supervisor = store.supervisor()
    return Observed(
        active=active,
        stopped=stopped,
        releases=store.releases(),
        draining=store.draining(),
        supervisor=supervisor,
        left="" if active or stopped else store.left(),
        generations=store.generations(),
        running=store.running(supervisor),
    )
