"""Check whether the language model can be used, and for how long: the service's code asks Google with its own key."""

import json
from typing import Any

from decodeat_ops.checks.answer import answer
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.core.errors import Configuration, Unreachable

ID = "machine.model"


def probe(subject: Subject) -> Finding:
    """Ask Google about the model without calling it, which costs nothing. Another check reports faulty secrets."""
    subject.require_code()
    try:
        done = subject.view.service(subject.coming, "--check-model", "--json")
        if done is None:
            return answer(ID, Status.SKIP, "machine.model_no_python")
        told = json.loads(done.stdout)
        findings = {str(one["code"]): str(one["text"]) for one in told["findings"]}
        used, model = bool(told["used"]), str(told["model"])
    except Configuration:
        return answer(ID, Status.SKIP, "machine.model_no_secrets")
    except Unreachable as error:  # no answer in time
        return answer(ID, Status.WARN, "machine.model_unasked", model="", told=error.advice.what, codes=[])
    except (ValueError, KeyError, TypeError):
        # An older release does not know the option, and one whose variables are wrong stops before it.
        return answer(ID, Status.SKIP, "machine.model_unsaid")
    return _judge(findings, model) if used else answer(ID, Status.SKIP, "machine.model_unused")


def _judge(findings: dict[str, str], model: str) -> Finding:
    """Return the worst finding; its hint lists all of them, in the service's words."""
    seen: dict[str, Any] = {"model": model, "told": " ".join(findings.values()), "codes": sorted(findings)}
    if "model_gone" in findings:
        return answer(ID, Status.FAIL, "machine.model_gone", **seen)
    if "refused" in findings:
        return answer(ID, Status.FAIL, "machine.model_refused", **seen)
    if "model_ending" in findings:
        return answer(ID, Status.WARN, "machine.model_ending", **seen)
    if "key_ending" in findings:
        return answer(ID, Status.WARN, "machine.model_key", **seen)
    if findings:
        return answer(ID, Status.WARN, "machine.model_unasked", **seen)
    return answer(ID, Status.PASS, "machine.model_ok", **seen)


CHECKS = (Check(ID, probe),)
