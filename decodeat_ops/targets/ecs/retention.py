"""Choose the releases that are kept for a rollback."""

from decodeat_ops.targets.ecs.observed import EcsObserved
from decodeat_ops.targets.ecs.release import EcsRelease


def beyond_retention(release: EcsRelease, observed: EcsObserved, keep: int) -> list[EcsRelease]:
    """Return the releases to deregister, oldest first; never the new, the last serving, a draining or a pinned one.

    `keep` counts versions that have served: of a restarted version only the newest release is kept. One that never
    served takes no good one's place: it goes with the next release that does.
    """
    last = observed.current.id if observed.current else ""
    safe = {release.id, last, *observed.draining, *(one.id for one in observed.releases if one.pinned)}
    everything = sorted({one.id: one for one in (*observed.releases, release)}.values(), key=lambda one: one.order)
    newest: dict[str, str] = {}
    for one in reversed(everything):
        if one.served or one.id == release.id:
            newest.setdefault(one.fingerprint, one.id)
    kept = {*list(newest.values())[:keep], *safe}
    return [one for one in everything if one.id not in kept and one.task_definition]
