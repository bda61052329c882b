"""How a probe answers: one finding, whose sentence the words table knows."""

from typing import Any

from decodeat_ops.core.check import Finding, Status
from decodeat_ops.deployment.tools import Subject


def answer(check: str, status: Status, says: str, **evidence: Any) -> Finding:
    """A finding. `says` is an id of the words table; its placeholders are names in `evidence` (JSON values)."""
    return Finding(check=check, status=status, says=says, evidence=evidence)


def serving(subject: Subject) -> bool:
    """True when there is a release that can be asked something."""
    return subject.release is not None and subject.endpoint is not None


def nothing_serves(check: str) -> Finding:
    """After a deploy something must serve: a probe that finds nothing to ask has failed."""
    return answer(check, Status.FAIL, "release.none")


def first_deploy(subject: Subject) -> bool:
    """True before anything has ever served here: what looks back has nothing to look at yet."""
    store = subject.tools.store
    return not store.active_id() and not store.stopped_id()
