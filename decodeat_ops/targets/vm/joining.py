"""Bring one machine, which was added or replaced, to the release that the others serve; it is pure."""

from dataclasses import replace

from decodeat_ops.core.errors import Usage
from decodeat_ops.core.target import Facts, Origin, Steps
from decodeat_ops.targets.vm import images, observing, steps
from decodeat_ops.targets.vm.observed import VmObserved
from decodeat_ops.targets.vm.place import Place
from decodeat_ops.targets.vm.release import VmRelease
from decodeat_ops.targets.vm.way import Way

ALL = "`decodeat-ops deploy` brings all machines to one release."


def served(place: Place, observed: VmObserved, host: str) -> VmRelease:
    """Return the release that all other machines serve. Raises `Usage` where there is no such release or machine."""
    if host not in place.hosts:
        raise Usage(f"There is no machine {host}.", hint=f"There are: {', '.join(place.hosts)}.", where="--host")
    others = [one for one in observed.hosts if one.host != host]
    if not others:
        raise Usage(
            f"{host} is the only machine, so there is no release that others serve.",
            hint="`decodeat-ops deploy` brings it to a release.",
            where="--host",
        )
    if len({one.active_id for one in others}) > 1 or not others[0].active_id:
        told = " ".join(observing.serves(one) for one in others)
        raise Usage(f"The other machines don't serve one release. {told}", hint=ALL, where="--host")
    found = observing.record(place.names, observed.hosts, others[0], others[0].active_id)
    if found is None:
        raise RuntimeError("a release that serves has no name")
    return found


def require_same(candidate: VmRelease, release: VmRelease, host: str) -> None:
    """Raise `Usage` where what would be laid out on the machine is another release than the one that others serve."""
    differs = []
    if candidate.fingerprint != release.fingerprint:
        differs.append("code or configuration here differ")
    if candidate.secrets != release.secrets:
        differs.append("secrets have changed since")
    if differs:
        raise Usage(
            f"{host} would serve another release than the other machines, which serve {release.id}: "
            f"{', and '.join(differs)}.",
            hint=ALL,
            where="--host",
        )


def alone(observed: VmObserved, release: VmRelease, host: str) -> VmObserved:
    """Return what was observed as if there were this machine alone, where the release is to serve."""
    seen = tuple(one for one in observed.hosts if one.host == host)
    return replace(observed, active=release, stopped=None, hosts=seen)


def origin(built: Origin, release: VmRelease, observed: VmObserved) -> Origin:
    """Return what the machine's files come from: rendered here, or those that it has."""
    return built if observed.hosts[0].released(release.id) is None else Origin("kept", of=release)


def way_of(place: Place, way: Way, closed: Steps = ()) -> Steps:
    """Return the steps of the machine's way to the release, whose image is brought as it is and never built anew.

    `closed` is what has to be done before clients are let to it.
    """
    lacks = [one for one in way.hosts if way.release.image not in one.images]
    image = (images.step(place, way.release, Origin("kept", of=way.release), way.hosts),) if lacks else ()
    return (
        *image,
        *((steps.files(way),) if way.origin.how == "built" else ()),
        *((steps.drained(way),) if way.busy else ()),
        *((steps.edge(way),) if way.edged else ()),
        steps.start(way),
        *closed,
        *steps.admit(way),
        steps.retire(way),
    )


def facts(release: VmRelease, host: str) -> Facts:
    return (("changes", f"{host} alone: it gets release {release.id}, which the other machines serve"),)
