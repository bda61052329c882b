"""Check that a rollback is possible: what it would start must be complete and able to run."""

import time
from pathlib import Path

from decodeat_ops.checks.answer import answer
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.core.errors import Unreachable
from decodeat_ops.core.release import previous
from decodeat_ops.deployment.machine import Machine
from decodeat_ops.deployment.observed import observe
from decodeat_ops.deployment.release import LocalRelease
from decodeat_ops.deployment.source import tree_digest
from decodeat_ops.operations import migrate
from decodeat_ops.targets.local import code
from decodeat_ops.targets.local.data import LocalData

ID = "rollback.previous"


def probe(machine: Machine, subject: Subject) -> Finding:
    """Check what a rollback after the coming deploy could start: what serves now, and what served before it."""
    observed = observe(machine.store)
    serving = observed.current
    if serving is None:
        return answer(ID, Status.SKIP, "rollback.first")
    began = time.monotonic()
    before = previous(serving, observed.releases)
    ways = [release for release in (serving, before) if release is not None]
    for release in ways:
        problem = _problem(machine, release)
        if problem:
            return answer(ID, Status.FAIL, problem, release=release.id, lock=release.lock[:12])
    data = LocalData(machine)
    crossed = migrate.barred(data, before, observed) if before else ()
    if before and crossed:
        return answer(ID, Status.WARN, "rollback.crossed", release=before.id, steps=[step.id for step in crossed])
    lacks = migrate.needed(data, None, data.revision(serving.data)).lacks
    steps = [step.id for step in lacks if not step.reversible]
    if steps:  # then the next deploy crosses them, and nothing leads back to what serves now
        return answer(ID, Status.WARN, "rollback.will_cross", release=serving.id, steps=steps)
    took = int((time.monotonic() - began) * 1000)
    return answer(
        ID, Status.PASS, "rollback.ready", release=serving.id, kept=[r.id for r in ways], count=len(ways), ms=took
    )


def _problem(machine: Machine, release: LocalRelease) -> str:
    """Return the id of what is wrong with a release that should be able to start, "" when nothing is."""
    package = code.package(machine, release)
    if tree_digest(package) != release.code:
        return "rollback.changed_files"
    python = code.python(machine, release.lock)
    if python is None:
        return "rollback.no_environment"
    return "" if _runs(machine, python, package.parent) else "rollback.broken_environment"


def _runs(machine: Machine, python: Path, place: Path) -> bool:
    env = {"PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1", "PATH": "/usr/bin:/bin"}
    try:
        done = machine.host.run((str(python), "-c", "import decodeat"), env=env, cwd=place, timeout=30)
    except Unreachable:
        return False
    return done.status == 0


CHECKS = (Check(ID, probe),)
