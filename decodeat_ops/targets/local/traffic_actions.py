"""Carry out the steps that start, probe, switch, drain and stop releases; each undo may follow a half-done step."""

import contextlib
import json
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

from decodeat_ops.core.errors import StepFailed
from decodeat_ops.core.plan import Params
from decodeat_ops.deployment import files
from decodeat_ops.deployment.machine import Acts, Machine
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.settings import envfile
from decodeat_ops.supervisor import wishes
from decodeat_ops.supervisor.process import belongs
from decodeat_ops.targets.local import configuration
from decodeat_ops.targets.local.readiness import confirm, probe, shortcomings, wait_stopped

SUPERVISOR_SECONDS = 30.0  # from its start to its first status file


def wait_drained(machine: Machine, context: Context, params: Params) -> Results | None:
    """Wait until the draining releases have finished: only the active and one draining release may run."""
    wait_stopped(machine, context, params["releases"], "finishing its last requests")
    return None


def supervise(machine: Machine, context: Context, params: Params) -> Results | None:
    """Start a supervisor unless one works; replace one that is older or does not answer."""
    found = machine.store.supervisor()
    if found.alive and not found.older:
        return None
    argv = (sys.executable, "-m", "decodeat_ops.supervisor", str(machine.layout.root))
    done = machine.host.run((*argv, "--replace") if found.alive or found.stuck else argv, cwd=Path("/"), timeout=60)
    if done.status != 0:
        raise StepFailed(f"The supervisor did not start: {done.stderr.strip()[-300:] or done.status}")
    deadline = time.monotonic() + SUPERVISOR_SECONDS
    while not _works(machine):
        if time.monotonic() > deadline:
            raise StepFailed(
                "The supervisor was started and does not answer.", hint=f"See {machine.layout.supervisor_log}."
            )
        time.sleep(0.05)
    return None


def _works(machine: Machine) -> bool:
    """Return whether the new supervisor has written its status; until then the file may be that of a dead one."""
    now = machine.store.supervisor()
    return now.alive and not now.older and belongs(now.pid, machine.layout.run)


def unsupervise(machine: Machine, context: Context, params: Params) -> None:
    """Stop the supervisor and with it every release it runs, gracefully."""
    told: set[int] = set()
    deadline = time.monotonic() + machine.loaded.settings.local.drain_timeout + 30
    while (supervisor := machine.store.supervisor()).alive or supervisor.stuck:
        # The number comes from a file: its process may be dead (its standby takes over), and the number reused.
        if supervisor.pid not in told and belongs(supervisor.pid, machine.layout.run):
            told.add(supervisor.pid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(supervisor.pid, signal.SIGTERM)
        if time.monotonic() > deadline:
            raise StepFailed(
                f"The supervisor (process {supervisor.pid}) does not stop.",
                hint=f"Look at {machine.layout.supervisor_log}; stop that process by hand.",
            )
        time.sleep(0.05)


def start(machine: Machine, context: Context, params: Params) -> Results | None:
    """Request a release from the supervisor. Its secrets are written now, so an older release gets today's keys."""
    layout = machine.layout
    release = params["release"]
    known = machine.store.get(release)
    if known is None:
        raise StepFailed(f"Release {release} has no manifest.", hint="Run the command again.")
    values = {name: secret.reveal() for name, secret in context.secrets.items()}
    with wishes.alone(layout, wait=True):
        # It may still run and finish its last requests: then this rename lets it go on.
        with contextlib.suppress(FileNotFoundError):
            layout.drain(release).rename(layout.want(release))
        files.write(layout.secrets(release), envfile.render(values))
        _write_changed(layout.unit(release), configuration.unit_today(known, machine, context.secrets).dumps())
        # The manifest says with which secrets it was started last; a deploy compares them with today's.
        manifest = replace(known, secrets=params["secrets"]).as_json()
        _write_changed(layout.manifest(release), json.dumps(manifest, indent=2) + "\n")
        layout.want(release).touch(mode=0o600)
    return None


def _write_changed(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        files.write(path, text)


def unstart(machine: Machine, context: Context, params: Params) -> None:
    """Withdraw the request and wait until the release is stopped. One that was draining before goes on draining."""
    layout = machine.layout
    release = params["release"]
    if params["draining"]:
        with contextlib.suppress(FileNotFoundError):
            layout.want(release).rename(layout.drain(release))
        return
    layout.want(release).unlink(missing_ok=True)
    if release in machine.store.running(machine.store.supervisor()):
        supervise(machine, context, params)
        wait_stopped(machine, context, [release], "stopping", patient=False)
    layout.secrets(release).unlink(missing_ok=True)


def probe_release(machine: Machine, context: Context, params: Params) -> Results | None:
    """Wait on the private socket until the release is ready and reports its own id."""
    seconds = round(probe(machine, context, params["release"], params["timeout"]), 2)
    return {"seconds": seconds, "warnings": shortcomings(machine, params["release"])}


def switch(machine: Machine, context: Context, params: Params) -> Results | None:
    """Move the traffic by one rename. The old link is kept beside the new, so that going back needs no disk space."""
    layout = machine.layout
    target = f"releases/{params['release']}"
    back = layout.root / "active.back"
    if layout.active.is_symlink() and str(layout.active.readlink()) == target:
        return None
    back.unlink(missing_ok=True)
    if layout.active.is_symlink():
        os.link(layout.active, back, follow_symlinks=False)
    files.link(layout.active, target)
    return None


def switch_back(machine: Machine, context: Context, params: Params) -> None:
    layout = machine.layout
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


def confirm_release(machine: Machine, context: Context, params: Params) -> Results | None:
    """Wait until the new release answers through the public port, several times in a row."""
    return {"seconds": round(confirm(machine, context, params["release"]), 2)}


def drain(machine: Machine, context: Context, params: Params) -> Results | None:
    """Ask the supervisor to stop releases that lost the traffic, once their last clients have gone."""
    layout = machine.layout
    for release in params["releases"]:
        with contextlib.suppress(FileNotFoundError):
            layout.want(release).rename(layout.drain(release))
    return None


def stop_traffic(machine: Machine, context: Context, params: Params) -> Results | None:
    """Move the active link away, so that workers stop accepting connections and finish what runs."""
    layout = machine.layout
    if layout.active.is_symlink():
        layout.active.rename(layout.stopped)
        files.sync(layout.root)
    return None


def resume_traffic(machine: Machine, context: Context, params: Params) -> None:
    layout = machine.layout
    for release in params["releases"]:
        with contextlib.suppress(FileNotFoundError):
            layout.drain(release).rename(layout.want(release))
    if layout.stopped.is_symlink():
        layout.stopped.rename(layout.active)
        files.sync(layout.root)


ACTIONS: Acts = {
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
