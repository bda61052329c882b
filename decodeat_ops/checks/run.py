"""Run checks by id: time each, never raise, keep secrets out of evidence."""

import time
import traceback
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from pathlib import Path
from typing import Any

from decodeat_ops.checks.answer import answer
from decodeat_ops.checks.registry import checks_of
from decodeat_ops.checks.shared import measured_once
from decodeat_ops.checks.subject import Subject
from decodeat_ops.core.check import Check, Finding, Status
from decodeat_ops.core.errors import OpsError
from decodeat_ops.core.events import Checked, Checking, Emit, discard_event
from decodeat_ops.core.secret import Secret, mask

TOGETHER = 3  # checks at once: each may need a channel of its own to a machine, where sshd allows few


def run(
    ids: Sequence[str], subject: Subject, emit: Emit = discard_event, checks: Mapping[str, Check] | None = None
) -> tuple[Finding, ...]:
    """Run each check in order. Raises KeyError for an unknown id: callers take ids from the lists or look them up."""
    known = checks_of(subject.view) if checks is None else checks
    with measured_once():
        return tuple(ask(known[name], subject, emit) for name in ids)


def run_together(
    ids: Sequence[str],
    subject: Subject,
    checks: Mapping[str, Check] | None = None,
    passes: tuple[type[OpsError], ...] = (),
) -> tuple[Finding, ...]:
    """Run several checks at once, and return their findings in the order of the ids when all have ended.

    What they wait for is mostly the way to a machine and back. Errors of the kinds in `passes` are raised; see `ask`.
    """
    known = checks_of(subject.view) if checks is None else checks
    chosen = [known[name] for name in ids]
    with measured_once(), ThreadPoolExecutor(TOGETHER, "check") as pool:
        asked = [pool.submit(copy_context().run, ask, check, subject, passes=passes) for check in chosen]
    return tuple(one.result() for one in asked)


def ask(check: Check, subject: Subject, emit: Emit = discard_event, passes: tuple[type[OpsError], ...] = ()) -> Finding:
    """Run one check. A probe that raises becomes a FAIL that says why; only errors in `passes` are raised."""
    emit(Checking(check.id))
    before = time.monotonic()
    try:
        finding = check.probe(subject)
    except OpsError as error:
        if isinstance(error, passes):
            raise
        finding = answer(
            check.id, Status.FAIL, "probe.stopped", problem=error.advice.what, advice=error.advice.hint or "-"
        )
    except Exception as error:
        finding = answer(
            check.id, Status.FAIL, "probe.broke", kind=type(error).__name__, where=_where(error), problem=str(error)
        )
    seconds = round(time.monotonic() - before, 3)
    finding = replace(finding, seconds=seconds, evidence=clean(finding.evidence, masks(subject)))
    emit(Checked(finding))
    return finding


def _where(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"


def masks(subject: Subject) -> tuple[Secret, ...]:
    """Return every text that must not show: the secrets, and each key of a secret that is a comma-separated list."""
    whole = tuple(subject.secrets.values())
    parts = tuple(
        Secret(part.strip()) for secret in whole for part in secret.reveal().split(",") if "," in secret.reveal()
    )
    return whole + parts


def clean(value: Any, secrets: tuple[Secret, ...]) -> Any:
    """Return the same evidence as JSON values, with secrets masked in every text."""
    if isinstance(value, Mapping):
        return {str(name): clean(inner, secrets) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [clean(inner, secrets) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return mask(str(value), secrets)
