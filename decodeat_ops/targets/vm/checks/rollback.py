"""Check that a rollback is possible: what it would start must be on every machine."""

from collections.abc import Iterator

from decodeat_ops.checks.answer import answer
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.core.release import previous
from decodeat_ops.operations import migrate
from decodeat_ops.targets.vm.checks import looking
from decodeat_ops.targets.vm.data import VmData
from decodeat_ops.targets.vm.observed import Seen
from decodeat_ops.targets.vm.observing import observed
from decodeat_ops.targets.vm.place import Place
from decodeat_ops.targets.vm.release import VmRelease

ID = "rollback.previous"


def probe(place: Place, subject: Subject) -> Finding:
    """Check what a rollback after the coming deploy could start: what serves now, and what served before it."""
    hosts = looking.there(place)
    found = observed(place.names, hosts)
    serving = found.current
    if serving is None:
        return answer(ID, Status.SKIP, "rollback.first")
    before = previous(serving, found.releases)
    ways = [release for release in (serving, before) if release is not None]
    problems = [problem for release in ways for one in hosts for problem in _lacks(one, release)]
    if problems:
        return answer(ID, Status.FAIL, "vm.no_way_back", problems=problems, first=problems[0])
    crossed = migrate.barred(VmData(place), before, found) if before else ()
    if before and crossed:
        return answer(ID, Status.WARN, "vm.crossed", release=before.id, steps=[step.id for step in crossed])
    kept = [release.id for release in ways]
    return answer(ID, Status.PASS, "vm.way_back", release=kept[-1], kept=kept, count=len(kept))


def _lacks(one: Seen, release: VmRelease) -> Iterator[str]:
    """Yield what a machine lacks to start a release. An image in a registry can be fetched again, so it is no lack."""
    if one.released(release.id) is None:
        yield f"{one.host} has no record of {release.id}"
    elif release.image and release.image not in one.images and "@" not in release.image:
        yield f"the image of {release.id} is not on {one.host}"


CHECKS = (Check(ID, probe),)
