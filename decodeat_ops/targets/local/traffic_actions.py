"""Carry out the steps that start, probe, switch, drain and stop releases; each undo may follow a half-done step."""

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from decodeat_ops.core.check import Finding, Status
from decodeat_ops.core.errors import GateFailed, StepFailed
from decodeat_ops.core.plan import Params
from decodeat_ops.deployment import files
from decodeat_ops.deployment.tools import Context, Subject, Tools
from decodeat_ops.engine.executor import Actions, Results
from decodeat_ops.settings import envfile
from decodeat_ops.supervisor import wishes
from decodeat_ops.supervisor.process import belongs
from decodeat_ops.targets.local import configuration
from decodeat_ops.targets.local.readiness import confirm, last_lines, probe, shortcomings, wait_stopped

SUPERVISOR_SECONDS = 30.0  # from its start to its first status file


def gate(context: Context, params: Params) -> Results | None:
    """Run checks by id. Raises `GateFailed` for any FAIL, which ends the plan."""
    tools = context.tools
    release = tools.store.get(params["release"])
    if release is None:
        raise StepFailed(f"Release {params['release']} has no manifest.", hint="Run the command again.")
    endpoints = {"private": tools.store.private(release.id), "public": tools.store.public(release), "none": None}
    if tools.ask is None:
        raise RuntimeError("a gate needs checks, and none are wired")
    findings = tools.ask(params["checks"], Subject(tools, release, endpoints[params["endpoint"]]))
    failed = [f for f in findings if f.status is Status.FAIL]
    if failed:
        raise GateFailed(
            "; ".join(tools.say(f) for f in failed),
            hint="Mend it and run the command again; `decodeat-ops check NAME` asks one question alone.",
            lines=last_lines(tools.layout.log(release.id)) if params["endpoint"] != "none" else _each(failed),
        )
    warnings = [tools.say(f) for f in findings if f.status is Status.WARN]
    return {"findings": [_brief(f) for f in findings], "warnings": warnings}


def _each(failed: Sequence[Finding]) -> tuple[str, ...]:
    """Return every problem of the findings that have several; their sentences name only the first."""
    counted = [finding.evidence.get("problems", ()) for finding in failed]
    return tuple(str(problem) for problems in counted if len(problems) > 1 for problem in problems)


def _brief(finding: Finding) -> dict[str, Any]:
    return {"check": finding.check, "status": str(finding.status), "seconds": round(finding.seconds, 3)}


def wait_drained(context: Context, params: Params) -> Results | None:
    """Wait until the draining releases have finished: only the active and one draining release may run."""
    wait_stopped(context, params["releases"], "finishing its last requests")
    return None


def supervise(context: Context, params: Params) -> Results | None:
    """Start a supervisor unless one works; replace one that is older or does not answer."""
    tools = context.tools
    found = tools.store.supervisor()
    if found.alive and not found.older:
        return None
    argv = (sys.executable, "-m", "decodeat_ops.supervisor", str(tools.layout.root))
    done = tools.host.run((*argv, "--replace") if found.alive or found.stuck else argv, cwd=Path("/"), timeout=60)
    if done.status != 0:
        raise StepFailed(f"The supervisor did not start: {done.stderr.strip()[-300:] or done.status}")
    deadline = time.monotonic() + SUPERVISOR_SECONDS
    while not _works(tools):
        if time.monotonic() > deadline:
            raise StepFailed(
                "The supervisor was started and does not answer.", hint=f"See {tools.layout.supervisor_log}."
            )
        time.sleep(0.05)
    return None


def _works(tools: Tools) -> bool:
    """Return whether the new supervisor has written its status; until then the file may be that of a dead one."""
    now = tools.store.supervisor()
    return now.alive and not now.older and belongs(now.pid, tools.layout.run)


def unsupervise(context: Context, params: Params) -> None:
    """Stop the supervisor and with it every release it runs, gracefully."""
    tools = context.tools
    told: set[int] = set()
    deadline = time.monotonic() + tools.loaded.settings.local.drain_timeout + 30
    while (supervisor := tools.store.supervisor()).alive or supervisor.stuck:
        # The number comes from a file: its process may be dead (its standby takes over), and the number reused.
        if supervisor.pid not in told and belongs(supervisor.pid, tools.layout.run):
            told.add(supervisor.pid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(supervisor.pid, signal.SIGTERM)
        if time.monotonic() > deadline:
            raise StepFailed(
                f"The supervisor (process {supervisor.pid}) does not stop.",
                hint=f"Look at {tools.layout.supervisor_log}; stop that process by hand.",
            )
        time.sleep(0.05)


def start(context: Context, params: Params) -> Results | None:
    """Request a release from the supervisor. Its secrets are written now, so an older release gets today's keys."""
    tools = context.tools
    layout = tools.layout
    release = params["release"]
    known = tools.store.get(release)
    if known is None:
        raise StepFailed(f"Release {release} has no manifest.", hint="Run the command again.")
    values = {name: secret.reveal() for name, secret in tools.secrets.items()}
    with wishes.alone(layout, wait=True):
        # It may still run and finish its last requests: then this rename lets it go on.
        with contextlib.suppress(FileNotFoundError):
            layout.drain(release).rename(layout.want(release))
        files.write(layout.secrets(release), envfile.render(values))
        _write_changed(layout.unit(release), configuration.unit_today(known, tools).dumps())
        # The manifest says with which secrets it was started last; a deploy compares them with today's.
        manifest = replace(known, secrets=params["secrets"]).as_json()
        _write_changed(layout.manifest(release), json.dumps(manifest, indent=2) + "\n")
        layout.want(release).touch(mode=0o600)
    return None


def _write_changed(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        files.write(path, text)


def unstart(context: Context, params: Params) -> None:
    """Withdraw the request and wait until the release is stopped. One that was draining before goes on draining."""
    tools = context.tools
    layout = tools.layout
    release = params["release"]
    if params["draining"]:
        with contextlib.suppress(FileNotFoundError):
            layout.want(release).rename(layout.drain(release))
        return
    layout.want(release).unlink(missing_ok=True)
    if release in tools.store.running(tools.store.supervisor()):
        supervise(context, params)
        wait_stopped(context, [release], "stopping", patient=False)
    layout.secrets(release).unlink(missing_ok=True)


def probe_release(context: Context, params: Params) -> Results | None:
    """Wait on the private socket until the release is ready and reports its own id."""
    seconds = round(probe(context, params["release"], params["timeout"]), 2)
    return {"seconds": seconds, "warnings": shortcomings(context, params["release"])}


def switch(context: Context, params: Params) -> Results | None:
    """Move the traffic by one rename. The old link is kept beside the new, so that going back needs no disk space."""
    layout = context.tools.layout
    target = f"releases/{params['release']}"
    back = layout.root / "active.back"
    if layout.active.is_symlink() and str(layout.active.readlink()) == target:
        return None
    back.unlink(missing_ok=True)
    if layout.active.is_symlink():
        os.link(layout.active, back, follow_symlinks=False)
    files.link(layout.active, target)
    return None


def switch_back(context: Context, params: Params) -> None:
    layout = context.tools.layout
    back = layout.root / "active.back"
    if not layout.active.is_symlink() or str(layout.active.readlink()) != f"releases/{params['release']}":
        back.unlink(missing_ok=True)
        return
    if back.is_symlink():
        back.rename(layout.active)
    elif params["from"]:
        files.link(layout.active, f"releases/{params['from']}")
    else:
        layout.active.unlink()
    files.sync(layout.root)


def confirm_release(context: Context, params: Params) -> Results | None:
    """Wait until the new release answers through the public port, several times in a row."""
    return {"seconds": round(confirm(context, params["release"]), 2)}


def drain(context: Context, params: Params) -> Results | None:
    """Ask the supervisor to stop releases that lost the traffic, once their last clients have gone."""
    layout = context.tools.layout
    for release in params["releases"]:
        with contextlib.suppress(FileNotFoundError):
            layout.want(release).rename(layout.drain(release))
    return None


def stop_traffic(context: Context, params: Params) -> Results | None:
    """Move the active link away, so that workers stop accepting connections and finish what runs."""
    layout = context.tools.layout
    if layout.active.is_symlink():
        layout.active.rename(layout.stopped)
        files.sync(layout.root)
    return None


def resume_traffic(context: Context, params: Params) -> None:
    layout = context.tools.layout
    for release in params["releases"]:
        with contextlib.suppress(FileNotFoundError):
            layout.drain(release).rename(layout.want(release))
    if layout.stopped.is_symlink():
        layout.stopped.rename(layout.active)
        files.sync(layout.root)


ACTIONS: Actions = {
    "gate": gate,
    "wait-drained": wait_drained,
    "supervise": supervise,
    "unsupervise": unsupervise,
    "start": start,
    "unstart": unstart,
    "probe": probe_release,
    "switch": switch,
    "switch-back": switch_back,
    "confirm": confirm_release,
    "drain": drain,
    "stop-traffic": stop_traffic,
    "resume-traffic": resume_traffic,
}
