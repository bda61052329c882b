"""Check whether an alert reaches a receiver. The local target has no alert manager, so none can be sent."""

from decodeat_ops.checks.answer import answer
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Check, Finding, Status

ID = "alerts.reach"


def probe(subject: Subject) -> Finding:
    return answer(ID, Status.SKIP, "alerts.none", target=subject.loaded.settings.target)


CHECKS = (Check(ID, probe),)
