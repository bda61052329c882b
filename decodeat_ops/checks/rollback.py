"""Check that a rollback is possible: what it would start must be complete and able to run."""

import time
from pathlib import Path

from decodeat_ops.checks.answer import answer, first_deploy
from decodeat_ops.checks.code import candidate, python_of
from decodeat_ops.checks.manual import signed_by_a_person
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.core.errors import Unreachable
from decodeat_ops.core.release import Release
from decodeat_ops.deployment import schema
from decodeat_ops.deployment.observed import observe
from decodeat_ops.deployment.schema import Code
from decodeat_ops.deployment.source import tree_digest
from decodeat_ops.deployment.tools import Subject

ID = "rollback.previous"


def probe(subject: Subject) -> Finding:
    """Check what a rollback after the coming deploy could start: what serves now, and what served before it."""
    store = subject.tools.store
    serving = store.get(store.active_id() or store.stopped_id()) if not first_deploy(subject) else None
    if serving is None:
        return answer(ID, Status.SKIP, "rollback.first")
    began = time.monotonic()
    previous = store.previous(serving)
    ways = [release for release in (serving, previous) if release is not None]
    for release in ways:
        problem = _problem(subject, release)
        if problem:
            return answer(ID, Status.FAIL, problem, release=release.id, lock=release.lock[:12])
    refused = _refused(subject, serving, previous)
    if refused is not None:
        return refused
    took = int((time.monotonic() - began) * 1000)
    return answer(
        ID, Status.PASS, "rollback.ready", release=serving.id, kept=[r.id for r in ways], count=len(ways), ms=took
    )


def _refused(subject: Subject, serving: Release, previous: Release | None) -> Finding | None:
    """Return a finding when a rollback would be refused, now or (to the serving release) after the next deploy."""
    tools = subject.tools
    crossed = schema.barred(tools, previous, observe(tools.store)) if previous else ()
    if previous and crossed:
        return answer(ID, Status.WARN, "rollback.crossed", release=previous.id, steps=[step.id for step in crossed])
    at = schema.revision_of(tools.layout.database(serving.data))
    if not at:
        return None
    coming = candidate(subject)
    lacks = schema.migration(tools, Code(coming.package, coming.lock), at).lacks
    steps = [step.id for step in lacks if not step.reversible]
    return answer(ID, Status.WARN, "rollback.will_cross", release=serving.id, steps=steps) if steps else None


def _problem(subject: Subject, release: Release) -> str:
    """Return the id of what is wrong with a release that should be able to start, "" when nothing is."""
    code = subject.tools.layout.code(release.id)
    if tree_digest(code / "decodeat") != release.code:
        return "rollback.changed_files"
    python = python_of(subject, release.lock)
    if python is None:
        return "rollback.no_environment"
    return "" if _runs(subject, python, code) else "rollback.broken_environment"


def _runs(subject: Subject, python: Path, code: Path) -> bool:
    env = {"PYTHONPATH": str(code), "PYTHONDONTWRITEBYTECODE": "1", "PATH": "/usr/bin:/bin"}
    try:
        done = subject.tools.host.run((str(python), "-c", "import decodeat"), env=env, cwd=code, timeout=30)
    except Unreachable:
        return False
    return done.status == 0


CHECKS = (Check(ID, probe), signed_by_a_person("rollback.owner"))
