"""Collect the checks of a deployment by id: those that every target has, and its own."""

from collections.abc import Mapping
from typing import Any

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
from decodeat_ops.core.check import Check, Status
from decodeat_ops.core.names import joined
from decodeat_ops.core.view import View

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


def checks_of(view: View[Any, Any]) -> Mapping[str, Check]:
    """Return every check of a target by id, in order. What the target can prove itself is its own check.

    A check of a checklist that neither has is there too, and says so.
    """
    listed = (name for one in lists.CHECKLISTS.values() for item in one.items for name in item.checks)
    found = {**COMMON, **view.checks}
    ordered = sorted(dict.fromkeys((*listed, *view.doctor, *found)), key=_rank)
    return {name: found.get(name) or _absent(name) for name in ordered}


def _rank(name: str) -> int:
    return lists.ORDER.index(name) if name in lists.ORDER else len(lists.ORDER)


def _absent(name: str) -> Check:
    return Check(name, lambda subject: answer(name, Status.SKIP, "target.none", target=subject.loaded.settings.target))
