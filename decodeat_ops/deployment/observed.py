"""What is there before a plan is made: one reading of the state, handed to pure functions."""

from dataclasses import dataclass

from decodeat_ops.core.release import Release
from decodeat_ops.deployment.store import Store, Supervisor


@dataclass(frozen=True)
class Observed:
    """`releases` newest first; `draining` are finishing their last requests; `stopped` served before `stop`."""

    active: Release | None
    stopped: Release | None
    releases: tuple[Release, ...]
    draining: frozenset[str]
    supervisor: Supervisor

    @property
    def serving(self) -> bool:
        """The active release runs and nothing is wrong with it, as far as the supervisor knows."""
        if self.active is None or not self.supervisor.alive:
            return False
        known = self.supervisor.releases.get(self.active.id)
        return known is not None and known.state == "running"

    @property
    def current(self) -> Release | None:
        """The release whose data is today's: the active one, or the one that was stopped."""
        return self.active or self.stopped


def observe(store: Store) -> Observed:
    """Read it all; raises `Configuration` when something is damaged or of a newer version."""
    store.check_format()
    stopped = store.stopped_id()
    return Observed(
        active=store.active(),
        stopped=store.get(stopped) if stopped else None,
        releases=store.releases(),
        draining=store.draining(),
        supervisor=store.supervisor(),
    )
