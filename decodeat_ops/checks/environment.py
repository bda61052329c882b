"""Are the service's variables right? Its own code answers, in its own Python, with the values it would be given."""

import json
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
from decodeat_ops.targets.local import configuration

ID = "environment.valid"


def probe(subject: Subject) -> Finding:
    """Values travel through the child's environment alone: an argument would show in the process list."""
    code = candidate(subject)
    python = python_of(subject, code.lock)
    try:
        secrets = _secrets(subject)
        plain = _plain(subject, code)
    except Configuration as error:
        return answer(
            ID, Status.FAIL, "environment.refused", problem=error.advice.what, advice=error.advice.hint or "-"
        )
    if python is None:
        return answer(ID, Status.SKIP, "environment.no_python", lock=code.lock[:12])
    argv = (str(python), "-m", "decodeat", "--check-env", "--json")
    # Python looks in the working directory first, and the operator may stand in a checkout of another version.
    done = subject.tools.host.run(argv, env=child(subject, code), cwd=code.package.parent, timeout=30)
    salt = inputs.salt(subject.tools.layout)
    digests = {name: secret.digest(salt)[:8] for name, secret in secrets.items()} if salt else {}
    return _judge(done, {"variables": sorted(plain), "secrets": sorted(secrets), "digests": digests})


def child(subject: Subject, code: Candidate) -> dict[str, str]:
    """The environment in which the service's code is asked: what it would be given. Raises `Configuration`."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        **_plain(subject, code),
        **{name: secret.reveal() for name, secret in _secrets(subject).items()},
        "PYTHONPATH": str(code.package.parent),
        "PYTHONDONTWRITEBYTECODE": "1",  # a cache file would not belong to the release
    }


def _secrets(subject: Subject) -> dict[str, Secret]:
    """What was resolved already, or resolved now: the resolver refuses the missing, the empty and placeholders."""
    known = dict(subject.tools.secrets)
    wanted = subject.tools.loaded.settings.service.secrets
    return known if set(wanted) <= set(known) else resolve(subject.tools.loaded)


def _plain(subject: Subject, code: Candidate) -> dict[str, str]:
    """A staged release's own files say what it gets; before that the settings do."""
    if not code.release:
        return configuration.variables(subject.tools.loaded)
    layout = subject.tools.layout
    return {**Unit.load(layout.unit(code.release)).env, **envfile.read(layout.environment(code.release))}


def _judge(done: Completed, seen: dict[str, Any]) -> Finding:
    try:
        told = json.loads(done.stdout)
        ok, problems = bool(told["ok"]), [(str(p["name"]), str(p["problem"])) for p in told["problems"]]
    except (ValueError, KeyError, TypeError):
        lines = done.stderr.strip().splitlines() or [f"exit {done.status}"]
        return answer(ID, Status.FAIL, "environment.silent", problem=lines[-1], seen=seen)
    if ok and done.status == 0:
        plain, secret = len(seen["variables"]), len(seen["secrets"])
        return answer(ID, Status.PASS, "environment.complete", plain=plain, secret=secret, seen=seen)
    first = f"{problems[0][0]}: {problems[0][1]}" if problems else f"exit {done.status}"
    names = list(dict.fromkeys(name for name, _ in problems))
    return answer(
        ID,
        Status.FAIL,
        "environment.problems",
        names=names,
        first=first,
        problems=[f"{name}: {problem}" for name, problem in problems],
        seen=seen,
    )


CHECKS = (Check(ID, probe, gate=True),)
