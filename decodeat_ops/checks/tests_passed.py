"""Check that all tests passed for exactly the code to be deployed: read the recorded result, run nothing."""

import json
from typing import Any

from decodeat_ops.checks.answer import answer
from decodeat_ops.checks.code import candidate
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.deployment.tools import Subject
from decodeat_ops.settings import trust

FORMAT = 1
ID = "tests.recorded"


def probe(subject: Subject) -> Finding:
    loaded = subject.tools.loaded
    path = loaded.path(loaded.settings.checks.test_results)
    if untrusted := trust.flaw(path):
        place, why, mend = untrusted
        return answer(ID, Status.FAIL, "tests.untrusted", file=path.name, problem=f"{place} {why}", mend=mend)
    try:
        raw: Any = json.loads(path.read_bytes())
        if raw["format"] > FORMAT:
            return answer(ID, Status.FAIL, "tests.unreadable", file=path.name, problem=f"format {raw['format']}")
        passed, failed, skipped = int(raw["passed"]), int(raw["failed"]), int(raw["skipped"])
        recorded = str(raw["code"])
    except FileNotFoundError:
        return answer(ID, Status.FAIL, "tests.none", file=path.name)
    except (ValueError, KeyError, TypeError, OSError) as error:
        return answer(ID, Status.FAIL, "tests.unreadable", file=path.name, problem=str(error) or type(error).__name__)
    code = candidate(subject).digest
    seen = {"code": code, "revision": raw.get("revision", ""), "at": raw.get("at", ""), "skipped": skipped}
    if recorded != code:
        return answer(ID, Status.FAIL, "tests.other_code", recorded=recorded[:12], wanted=code[:12], **seen)
    if failed:
        return answer(ID, Status.FAIL, "tests.failed", failed=failed, passed=passed, **seen)
    if not passed:
        return answer(ID, Status.FAIL, "tests.empty", file=path.name, **seen)
    return answer(ID, Status.PASS, "tests.passed", passed=passed, short=code[:12], **seen)


CHECKS = (Check(ID, probe),)
