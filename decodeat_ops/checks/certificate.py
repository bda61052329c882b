"""Check whether the certificate is valid. The local target terminates no TLS, so there is none to look at."""

from decodeat_ops.checks.answer import answer
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.deployment.tools import Subject

ID = "certificate.valid"


def probe(subject: Subject) -> Finding:
    return answer(ID, Status.SKIP, "certificate.none", target=subject.tools.loaded.settings.target)


CHECKS = (Check(ID, probe),)
