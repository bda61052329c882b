"""Check the service's variables: its own code judges them, in its own Python, with the values it would be given."""

from typing import Any

from decodeat_ops.checks.answer import answer
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.ports import Completed
from decodeat_ops.deployment import service_variables

ID = "environment.valid"


def probe(subject: Subject) -> Finding:
    """Check the service's variables; until its own Python environment is built, with the Python of this tool."""
    subject.require_code()  # code that is missing is no fault of its variables
    view, service = subject.view, subject.loaded.settings.service
    try:
        done = view.service(subject.coming, "--check-env", "--json", bare=True)
        plain = view.variables(subject.coming)
    except Configuration as error:
        return answer(
            ID, Status.FAIL, "environment.refused", problem=error.advice.what, advice=error.advice.hint or "-"
        )
    if done is None:
        return answer(ID, Status.FAIL, "environment.silent", problem="its code can't be run here", seen={})
    salt, known = view.salt, subject.secrets
    digests = {name: secret.digest(salt)[:8] for name, secret in known.items()} if salt else {}
    seen = {"variables": sorted(plain), "secrets": sorted(service.secrets), "digests": digests}
    try:
        judged = service_variables.read(done, {} if subject.coming else service.environment, service.env_file)
    except (ValueError, KeyError, TypeError):
        judged = None
    return _finding(done, judged, seen, frozenset(service.references("aws-secretsmanager")))


def _finding(
    done: Completed, judged: service_variables.Judged | None, seen: dict[str, Any], unknown: frozenset[str]
) -> Finding:
    """Return what the code says of its variables, but for those `unknown` here, whose values stay in AWS."""
    if judged is None:
        lines = done.stderr.strip().splitlines() or [f"exit {done.status}"]
        return answer(ID, Status.FAIL, "environment.silent", problem=lines[-1], seen=seen)
    problems = [problem for problem in judged.problems if problem.name not in unknown]
    if not problems and (done.status == 0 or judged.problems):
        plain, secret = len(seen["variables"]), len(seen["secrets"])
        return answer(ID, Status.PASS, "environment.complete", plain=plain, secret=secret, seen=seen)
    return answer(
        ID,
        Status.FAIL,
        "environment.problems",
        names=list(dict.fromkeys(problem.name for problem in problems)),
        first=f"{problems[0].name}: {problems[0].what}" if problems else f"exit {done.status}",
        advice=problems[0].hint if problems else "-",
        problems=[f"{problem.name}: {problem.what}. {problem.hint}".strip() for problem in problems],
        seen=seen,
    )


CHECKS = (Check(ID, probe, gate=True),)
