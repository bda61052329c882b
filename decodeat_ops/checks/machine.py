"""Check what a deploy needs where this tool runs: its Python, settings, secrets, the port of the known label."""

import sys

from decodeat_ops.checks import label
from decodeat_ops.checks.answer import answer
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.core.errors import Configuration
from decodeat_ops.settings.secrets import resolve

OLDEST_PYTHON = (3, 11)


def python(subject: Subject) -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    oldest = ".".join(str(part) for part in OLDEST_PYTHON)
    if sys.version_info[:2] < OLDEST_PYTHON:
        return answer("machine.python", Status.FAIL, "machine.python_old", version=version, oldest=oldest)
    return answer("machine.python", Status.PASS, "machine.python_ok", version=version)


def settings(subject: Subject) -> Finding:
    files = [path.name for path in subject.loaded.files]
    if not files:
        return answer("machine.settings", Status.FAIL, "machine.no_settings")
    return answer("machine.settings", Status.PASS, "machine.settings_ok", files=files, env=subject.loaded.env)


def secrets(subject: Subject) -> Finding:
    """Check that every reference leads to a usable value; the finding holds the variables' names, never a value."""
    names = sorted(subject.loaded.settings.service.secrets)
    if not names:
        return answer("machine.secrets", Status.PASS, "machine.secrets_none")
    try:
        resolve(subject.loaded)
    except Configuration as error:
        return answer(
            "machine.secrets", Status.FAIL, "machine.secrets_bad", problem=error.advice.what, advice=error.advice.hint
        )
    return answer("machine.secrets", Status.PASS, "machine.secrets_ok", names=names, count=len(names))


def label_port(subject: Subject) -> Finding:
    url = subject.loaded.settings.checks.label_url
    ours = label.is_ours(url) if url else None
    if ours is None or ours.port is None:
        return answer("machine.label_port", Status.SKIP, "machine.label_elsewhere")
    try:
        label.listen(ours.port).server_close()
    except label.PortTaken as error:
        problem = error.advice.what
        return answer("machine.label_port", Status.FAIL, "machine.label_port_taken", port=ours.port, problem=problem)
    return answer("machine.label_port", Status.PASS, "machine.label_port_free", port=ours.port)


CHECKS = (
    Check("machine.python", python),
    Check("machine.settings", settings),
    Check("machine.secrets", secrets),
    Check("machine.label_port", label_port, gate=True),
)

# Without settings there is no deployment that these could check.
NEED_SETTINGS = frozenset(
    {
        "machine.secrets",
        "environment.valid",
        "machine.port",
        "machine.label_port",
        "machine.environment",
        "machine.model",
        "machine.supervisor",
        "machine.state",
    }
)
