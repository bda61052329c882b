"""Choose the releases that are kept for a rollback."""

from decodeat_ops.targets.ecs.observed import EcsObserved
from decodeat_ops.targets.ecs.release import EcsRelease


def beyond_retention(release: EcsRelease, observed: EcsObserved, keep: int) -> list[EcsRelease]:
    """Return the releases to deregister, oldest first; never the new, the last serving, a draining or a pinned one.

    `keep` counts versions: of a restarted version only the newest release is kept.
    """
    served = observed.current.id if observed.current else ""
    safe = {release.id, served, *observed.draining, *(one.id for one in observed.releases if one.pinned)}
    everything = sorted({one.id: one for one in (*observed.releases, release)}.values(), key=lambda one: one.order)
    newest: dict[str, str] = {}
    for one in reversed(everything):
        newest.setdefault(one.fingerprint, one.id)
    kept = {*list(newest.values())[:keep], *safe}
    return [one for one in everything if one.id not in kept and one.task_definition]
