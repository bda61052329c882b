"""Collect every check by its id."""

from decodeat_ops.checks import (
    alerts,
    api,
    backups,
    certificate,
    environment,
    health,
    logs,
    machine,
    model,
    monitoring,
    performance,
    response,
    rollback,
    security,
    tests_passed,
)
from decodeat_ops.core.check import Check

_SUBJECTS = (
    tests_passed,
    environment,
    certificate,
    backups,
    monitoring,
    logs,
    security,
    performance,
    rollback,
    health,
    api,
    response,
    alerts,
    machine,
    model,
)

CHECKS: dict[str, Check] = {check.id: check for subject in _SUBJECTS for check in subject.CHECKS}
