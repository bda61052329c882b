"""Check that a rollback is possible: all that the releases need which it would start must be there."""

from decodeat_ops.checks.answer import answer
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.core.release import previous
from decodeat_ops.core.target import Origin
from decodeat_ops.operations import migrate
from decodeat_ops.targets.ecs.data import EcsData
from decodeat_ops.targets.ecs.findings import Findings
from decodeat_ops.targets.ecs.observing import observe
from decodeat_ops.targets.ecs.place import Place
from decodeat_ops.targets.ecs.revisions import revision
from decodeat_ops.targets.ecs.verifying import image, platform, roles, secrets

ID = "rollback.previous"


def probe(place: Place, subject: Subject) -> Finding:
    """Check what a rollback after the coming deploy could start: what serves now, and what served before it."""
    observed = observe(place)
    serving = observed.current
    if serving is None:
        return answer(ID, Status.SKIP, "rollback.first")
    before = previous(serving, observed.releases)
    ways = [release for release in (serving, before) if release is not None]
    findings = Findings()
    for release in ways:
        definition = revision(place, release.task_definition).definition
        if definition.get("status", "ACTIVE") != "ACTIVE":
            return answer(ID, Status.FAIL, "ecs.deregistered", release=release.id, revision=release.task_definition)
        image.judge(place, release, Origin("kept", of=release), findings)
        platform.judge(place, findings, definition)
        roles.judge(place, findings, definition)
    secrets.judge(place, findings)
    if findings.problems:
        return answer(ID, Status.FAIL, "ecs.no_way_back", first=findings.problems[0], problems=findings.problems)
    crossed = migrate.barred(EcsData(place), before, observed) if before else ()
    if before and crossed:
        return answer(ID, Status.WARN, "ecs.crossed", release=before.id, steps=[step.id for step in crossed])
    if findings.doubts:
        return answer(ID, Status.WARN, "ecs.unsure", first=findings.doubts[0], problems=findings.doubts)
    kept = [release.id for release in ways]
    return answer(ID, Status.PASS, "ecs.way_back", release=kept[-1], kept=kept, count=len(kept))


CHECKS = (Check(ID, probe),)
