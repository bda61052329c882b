"""Read the state once before a plan is made, as data for the pure functions that make it."""

from dataclasses import dataclass, field

from decodeat_ops.core.target import Instance, Observed
from decodeat_ops.deployment.release import LocalRelease
from decodeat_ops.deployment.store import Store, Supervisor


@dataclass(frozen=True)
class LocalObserved(Observed[LocalRelease]):
    """Add the supervisor, and the data generations on disk, whether a release serves them or not."""

    supervisor: Supervisor = field(kw_only=True)
    generations: tuple[str, ...] = field(default=(), kw_only=True)

    @property
    def taken(self) -> frozenset[str]:
        """Return the ids that no new release may have: kept data may have the id of a deleted release."""
        return super().taken | {*self.generations}


def observe(store: Store) -> LocalObserved:
    """Read the state. Raises `Configuration` when something is damaged or of a newer version."""
    store.check_place()
    store.check_format()
    active, stopped = store.active(), store.stopped()
    supervisor = store.supervisor()
    return LocalObserved(
        active=active,
        stopped=stopped,
        releases=store.releases(),
        draining=store.draining(),
        instances=instances(supervisor),
        running=store.running(supervisor),
        left="" if active or stopped else store.left(),
        supervisor=supervisor,
        generations=store.generations(),
    )


def instances(supervisor: Supervisor) -> tuple[Instance, ...]:
    """Return what the supervisor says of each release; nothing when it does not answer, since that may be old."""
    if not supervisor.alive:
        return ()
    return tuple(
        Instance(name, known.state, known.since, known.restarts, known.last_exit, known.problem)
        for name, known in supervisor.releases.items()
    )
