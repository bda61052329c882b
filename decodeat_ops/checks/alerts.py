"""Check whether an alert reaches a receiver. The local target has no alert manager, so none can be sent."""

from decodeat_ops.checks.answer import answer
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.deployment.tools import Subject

ID = "alerts.reach"


def probe(subject: Subject) -> Finding:
    return answer(ID, Status.SKIP, "alerts.none", target=subject.tools.loaded.settings.target)


CHECKS = (Check(ID, probe),)
