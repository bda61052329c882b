"""Collect the checks of a deployment by id: those that every target has, and its own."""

from collections.abc import Mapping

from decodeat_ops.checks import (
    alerts,
    api,
    certificate,
    environment,
    health,
    lists,
    logs,
    machine,
    manual,
    model,
    monitoring,
    performance,
    response,
    security,
    tests_passed,
)
from decodeat_ops.checks.answer import answer
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Check, Status
from decodeat_ops.core.names import joined

_SUBJECTS = (
    tests_passed,
    environment,
    certificate,
    monitoring,
    logs,
    security,
    performance,
    health,
    api,
    response,
    alerts,
    machine,
    model,
    manual,
)

COMMON = joined(*({check.id: check for check in subject.CHECKS} for subject in _SUBJECTS))


def checks_of(subject: Subject) -> Mapping[str, Check]:
    """Return every check by id, in the order of the checklists. What the target can prove itself is its own check.

    A check of a checklist that neither has is there too, and says so.
    """
    listed = (name for one in lists.CHECKLISTS.values() for item in one.items for name in item.checks)
    found = {**COMMON, **subject.view.checks}
    ordered = dict.fromkeys((*listed, *subject.view.doctor, *found))
    return {name: found.get(name) or _absent(name) for name in ordered}


def _absent(name: str) -> Check:
    return Check(name, lambda subject: answer(name, Status.SKIP, "target.none", target=subject.loaded.settings.target))
