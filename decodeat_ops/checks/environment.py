"""Check the service's variables: its own code judges them, in its own Python, with the values it would be given."""

from typing import Any

from decodeat_ops.checks.answer import answer
from decodeat_ops.checks.code import Candidate, candidate, python_of
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.ports import Completed
from decodeat_ops.core.secret import Secret
from decodeat_ops.deployment import inputs
from decodeat_ops.deployment.tools import Subject
from decodeat_ops.settings import envfile
from decodeat_ops.settings.secrets import resolve
from decodeat_ops.supervisor.unit import Unit
from decodeat_ops.targets.local import configuration, service_variables

ID = "environment.valid"


def probe(subject: Subject) -> Finding:
    """Check the service's variables; until its own Python environment is built, with the Python of this tool."""
    code = candidate(subject)
    python = python_of(subject, code.lock)
    try:
        secrets = _secrets(subject)
        plain = _plain(subject, code)
    except Configuration as error:
        return answer(
            ID, Status.FAIL, "environment.refused", problem=error.advice.what, advice=error.advice.hint or "-"
        )
    values = plain | {name: secret.reveal() for name, secret in secrets.items()}
    done = service_variables.ask(subject.tools.host, code.package, values, python)
    salt = inputs.salt(subject.tools.layout)
    digests = {name: secret.digest(salt)[:8] for name, secret in secrets.items()} if salt else {}
    service = subject.tools.loaded.settings.service
    try:
        judged = service_variables.read(done, {} if code.release else service.environment, service.env_file)
    except (ValueError, KeyError, TypeError):
        judged = None
    return _finding(done, judged, {"variables": sorted(plain), "secrets": sorted(secrets), "digests": digests})


def child(subject: Subject, code: Candidate) -> dict[str, str]:
    """Return the variables that the service's code is checked with: those it would be started with.

    Raises `Configuration`.
    """
    secrets = {name: secret.reveal() for name, secret in _secrets(subject).items()}
    return service_variables.child(code.package, _plain(subject, code) | secrets)


def _secrets(subject: Subject) -> dict[str, Secret]:
    """Return the secrets resolved already, else resolve them, which refuses missing and empty ones and placeholders."""
    known = dict(subject.tools.secrets)
    wanted = subject.tools.loaded.settings.service.secrets
    return known if set(wanted) <= set(known) else resolve(subject.tools.loaded)


def _plain(subject: Subject, code: Candidate) -> dict[str, str]:
    """Return the plain variables: of a staged release from its own files, before that from the settings."""
    if not code.release:
        return configuration.variables(subject.tools.loaded)
    layout = subject.tools.layout
    return {**Unit.load(layout.unit(code.release)).env, **envfile.read(layout.environment(code.release))}


def _finding(done: Completed, judged: service_variables.Judged | None, seen: dict[str, Any]) -> Finding:
    if judged is None:
        lines = done.stderr.strip().splitlines() or [f"exit {done.status}"]
        return answer(ID, Status.FAIL, "environment.silent", problem=lines[-1], seen=seen)
    problems = judged.problems
    if not problems and done.status == 0:
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
