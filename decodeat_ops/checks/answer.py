"""Build a probe's answer: one finding, whose sentence is in the words table."""

from typing import Any

from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Finding, Status


def answer(check: str, status: Status, says: str, **evidence: Any) -> Finding:
    """Return a finding. `says` is an id of the words table; its placeholders are names in `evidence` (JSON values)."""
    return Finding(check=check, status=status, says=says, evidence=evidence)


def nothing_serves(check: str) -> Finding:
    """Return a FAIL: after a deploy something must serve, so a probe that finds nothing to ask has failed."""
    return answer(check, Status.FAIL, "release.none")


def first_deploy(subject: Subject) -> bool:
    """Return whether nothing has ever served here, so that checks of earlier releases have nothing to look at yet."""
    return not subject.view.current_id()
