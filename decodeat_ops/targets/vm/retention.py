"""Choose the releases and images that a machine keeps for a rollback."""

from collections.abc import Iterable
from dataclasses import dataclass

from decodeat_ops.targets.vm.observed import Seen, VmObserved
from decodeat_ops.targets.vm.release import VmRelease
from decodeat_ops.targets.vm.way import idle


@dataclass(frozen=True)
class Doomed:
    """Hold what one machine has beyond retention, oldest first. `generations` are nginx's files that stay."""

    releases: tuple[str, ...]
    images: tuple[str, ...]
    generations: tuple[str, ...]


def beyond_retention(release: VmRelease, observed: VmObserved, keep: int) -> dict[str, Doomed]:
    """Return by machine what a change to `release` leaves to be deleted.

    `keep` counts versions that have served: of a restarted version only the newest release is kept. The new release,
    what serves or is stopped, what drains and what is pinned always stay; so does an image that another release here
    is made of. A release that never served goes with the next one that does.
    """
    everything = sorted({one.id: one for one in (*observed.releases, release)}.values(), key=lambda one: one.order)
    newest: dict[str, str] = {}
    for one in reversed(everything):
        if one.served or one.id == release.id:
            newest.setdefault(one.fingerprint, one.id)
    last = observed.current.id if observed.current else ""
    pinned = {one.id for one in observed.releases if one.pinned}
    kept = {*list(newest.values())[:keep], release.id, last, *observed.draining, *pinned}
    comes = release.id != last
    return {seen.host: _doomed(seen, everything, kept | _in_use(seen, comes=comes)) for seen in observed.hosts}


def _in_use(seen: Seen, *, comes: bool) -> set[str]:
    """Return what runs or ran last there, but for the colour that a new release gets if one `comes`."""
    replaced = idle(seen) if comes else None
    return {seen.active_id, seen.stopped, *(one.release for part, one in seen.containers.items() if part != replaced)}


def _doomed(seen: Seen, everything: Iterable[VmRelease], kept: set[str]) -> Doomed:
    there = {one.id for one in seen.releases}
    gone = [one for one in everything if one.id in there and one.id not in kept]
    stay = [one for one in everything if one.id in kept]
    used = {one.image for one in stay}
    images = dict.fromkeys(one.image for one in gone if one.image and one.image not in used)
    generations = dict.fromkeys(one.edge for one in stay if one.edge)
    return Doomed(tuple(one.id for one in gone), tuple(images), tuple(generations))
