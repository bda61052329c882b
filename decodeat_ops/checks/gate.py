"""Carry out a gate: checks of a release, any of which can end a change."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from decodeat_ops.checks.run import run_together
from decodeat_ops.checks.subject import Subject
from decodeat_ops.checks.words import sentence
from decodeat_ops.core.check import Finding, Status
from decodeat_ops.core.errors import GateFailed, Lost, OpsError, StepFailed
from decodeat_ops.core.plan import Params
from decodeat_ops.core.release import Release
from decodeat_ops.core.view import View
from decodeat_ops.engine.executor import Context, Results

LOG_LINES = 20


def gate(subject: Subject, context: Context, params: Params) -> Results:
    """Run checks by id on a release. Raises `GateFailed` for any FAIL.

    A check that gets no answer raises `Lost`: it says nothing about the release, so that nothing is undone for it.
    """
    view, side = subject.view, params["endpoint"]
    release = view.release(params["release"])
    if release is None:
        raise StepFailed(f"Release {params['release']} has no manifest.", hint="Run the command again.")
    asked = replace(
        subject,
        release=release,
        endpoint=None if side == "none" else view.endpoint(release, side),
        coming=None if side == "public" else release,
    )
    findings = run_together(params["checks"], asked, passes=(Lost,))
    failed = [f for f in findings if f.status is Status.FAIL]
    if failed:
        lines = _last_lines(view, release) if side != "none" else _each(failed)
        raise GateFailed(
            "; ".join(sentence(f) for f in failed),
            hint="Mend it and run the command again; `decodeat-ops check NAME` asks one question alone.",
            lines=lines,
        )
    warnings = [sentence(f) for f in findings if f.status is Status.WARN]
    return {"findings": [_brief(f) for f in findings], "warnings": warnings}


def _last_lines(view: View[Any, Any], release: Release) -> tuple[str, ...]:
    """Return a release's last lines; none where its log can't be read, since that must not hide what failed."""
    try:
        return tuple(one.line for one in view.log(release.id).last(LOG_LINES))
    except (OpsError, OSError):
        return ()


def _each(failed: Sequence[Finding]) -> tuple[str, ...]:
    """Return every problem of the findings that have several; their sentences name only the first."""
    counted = [finding.evidence.get("problems", ()) for finding in failed]
    return tuple(str(problem) for problems in counted if len(problems) > 1 for problem in problems)


def _brief(finding: Finding) -> dict[str, Any]:
    return {"check": finding.check, "status": str(finding.status), "seconds": round(finding.seconds, 3)}
