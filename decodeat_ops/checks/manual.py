"""Check items that only a person can answer: look for a signature that still holds."""

from decodeat_ops.checks import signoffs
from decodeat_ops.checks.answer import answer
from decodeat_ops.checks.code import candidate
from decodeat_ops.checks.signoffs import Signed
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.deployment.tools import Subject


def signed_by_a_person(check: str) -> Check:
    """Return a manual check: PASS while a signature for the code in question holds, else MANUAL."""

    def probe(subject: Subject) -> Finding:
        code = candidate(subject).digest
        signed = signoffs.holding(subject.tools.layout.records, check, "", code)
        return signed_finding(signed) if signed else answer(check, Status.MANUAL, "manual.open", code=code[:12])

    return Check(check, probe, manual=True)


def signed_finding(signed: Signed) -> Finding:
    """Return the finding of a manual item that a person has signed."""
    return answer(
        signed.check,
        Status.PASS,
        "manual.signed",
        operator=signed.operator,
        until=signed.last_day,
        reason=signed.reason,
        signed_at=signed.at,
    )
