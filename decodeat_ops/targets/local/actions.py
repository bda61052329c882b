"""What the steps of this machine do; each may be repeated after a crash, each undo may meet half a doing."""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from decodeat_ops.core.check import Finding, Status
from decodeat_ops.core.errors import GateFailed, StepFailed
from decodeat_ops.core.release import Release
from decodeat_ops.deployment import files, source
from decodeat_ops.deployment.inputs import environment_path
from decodeat_ops.deployment.tools import Subject, Tools
from decodeat_ops.engine.executor import Actions, Context, Results
from decodeat_ops.settings import envfile
from decodeat_ops.targets.local import configuration
from decodeat_ops.targets.local.readiness import confirm, last_lines, probe, wait_stopped

Params = Mapping[str, Any]


def _tools(context: Context) -> Tools:
    tools: Tools = context.tools
    return tools


def environment(context: Context, params: Params) -> Results | None:
    """Build the Python environment for a dependency lock unless it is there; deployments share it."""
    tools = _tools(context)
    lock = Path(params["lock_file"])
    home = environment_path(tools.environments, params["lock"])
    tools.environments.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(tools.environments / f".{home.name}.lock"):
        if (home / ".complete").exists():
            return {"built": False}
        if source.lock_digest(lock) != params["lock"]:
            raise StepFailed(f"{lock} changed since the plan was made.", hint="Run the command again.")
        partial = home.with_name(f".{home.name}.partial")
        for leftover in (partial, home):
            files.discard(leftover)
        context.progress("creating a virtual environment")
        _run(context, (sys.executable, "-m", "venv", str(partial)), "The virtual environment could not be made")
        packages = sum(1 for line in lock.read_text().splitlines() if "==" in line and not line.startswith(" "))
        context.progress(f"installing {packages} locked packages")
        pip: tuple[str, ...] = (str(partial / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input")
        pip += ("--no-deps", "--disable-pip-version-check", "--require-hashes", "--requirement", str(lock))
        _run(context, pip, "The service's dependencies could not be installed")
        (partial / ".complete").touch()
        partial.rename(home)
    return {"built": True}


def drop_environment(context: Context, params: Params) -> None:
    """Only what was half built goes: a whole environment may serve others."""
    home = environment_path(_tools(context).environments, params["lock"])
    files.discard(home.with_name(f".{home.name}.partial"))


def _run(context: Context, argv: tuple[str, ...], what: str) -> None:
    done = _tools(context).host.run(argv, timeout=1200)
    if done.status != 0:
        lines = tuple((done.stderr or done.stdout).strip().splitlines()[-12:])
        raise StepFailed(f"{what} (exit {done.status}).", hint="See the lines above.", lines=lines)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def stage(context: Context, params: Params) -> Results | None:
    """Lay a new release out beside the others: code, rendered configuration, variables, unit; one rename at the end."""
    tools = _tools(context)
    release = Release(**params["release"])
    layout = tools.layout
    place = layout.release(release.id)
    if place.exists():
        return None
    partial = _fresh(layout.staging / release.id)
    package = Path(params["package"])
    context.progress("copying code")
    copy_package(package, partial / "code" / "decodeat")
    if source.tree_digest(partial / "code" / "decodeat") != release.code:
        raise StepFailed(f"{package} changed while it was copied.", hint="Run the command again.")
    for name, text in configuration.files(tools.loaded).items():
        (partial / name).parent.mkdir(mode=0o700, exist_ok=True)
        files.write(partial / name, text)
    complete(tools, release, partial)
    return None


def stage_copy(context: Context, params: Params) -> Results | None:
    """A new release made of an existing one's code and configuration: what restart and restore start."""
    tools = _tools(context)
    release = Release(**params["release"])
    if tools.layout.release(release.id).exists():
        return None
    partial = _fresh(tools.layout.staging / release.id)
    original = Path(params["directory"])
    copy_package(original / "code" / "decodeat", partial / "code" / "decodeat")
    if source.tree_digest(partial / "code" / "decodeat") != release.code:
        raise StepFailed(
            f"The code in {original} is not what its release says it is.", hint="Deploy or restore another."
        )
    shutil.copytree(original / "config", partial / "config")
    files.write(partial / "service.env", (original / "service.env").read_text())
    complete(tools, release, partial)
    return None


def complete(tools: Tools, release: Release, partial: Path) -> None:
    """Give a staged release its unit, data and manifest, make it durable and move it into place."""
    layout = tools.layout
    layout.generation(release.data).mkdir(parents=True, exist_ok=True, mode=0o700)
    (partial / "data").symlink_to(f"../../data/{release.data}")
    files.write(partial / "unit.json", configuration.unit(release, tools).dumps())
    files.write(partial / "release.json", json.dumps(release.as_json(), indent=2) + "\n")
    files.sync_tree(partial)
    layout.releases.mkdir(exist_ok=True, mode=0o700)
    partial.rename(layout.release(release.id))
    files.sync(layout.releases)


def unstage(context: Context, params: Params) -> None:
    layout = _tools(context).layout
    release = Release(**params["release"])
    files.discard(layout.staging / release.id)
    files.remove_tree(layout.release(release.id))
    if release.data == release.id:  # its own generation, which no other release has seen
        files.remove_tree(layout.generation(release.data))


def _fresh(directory: Path) -> Path:
    files.discard(directory)
    directory.mkdir(parents=True, mode=0o700)
    return directory


def copy_package(package: Path, to: Path) -> None:
    for path in source.files(package):
        target = to / path.relative_to(package)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copyfile(path, target)


def share_data(context: Context, params: Params) -> Results | None:
    """Let an older release serve today's data: data is shared, a rollback never takes it back."""
    layout = _tools(context).layout
    files.link(layout.release_data(params["release"]), f"../../data/{params['data']}")
    return None


def gate(context: Context, params: Params) -> Results | None:
    """Run checks by id; any FAIL stops the plan here."""
    tools = _tools(context)
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
            lines=last_lines(tools.layout.log(release.id)) if params["endpoint"] != "none" else (),
        )
    return {"findings": [_brief(f) for f in findings]}


def _brief(finding: Finding) -> dict[str, Any]:
    return {"check": finding.check, "status": str(finding.status), "seconds": round(finding.seconds, 3)}


def wait_drained(context: Context, params: Params) -> Results | None:
    """Only the active and one draining release may run: wait until the draining ones have finished."""
    wait_stopped(context, params["releases"], "finishing its last requests")
    return None


def supervise(context: Context, params: Params) -> Results | None:
    """Start the supervisor unless it runs."""
    tools = _tools(context)
    if tools.store.supervisor().alive:
        return None
    argv = (sys.executable, "-m", "decodeat_ops.supervisor", str(tools.layout.root))
    done = tools.host.run(argv, cwd=Path("/"), timeout=30)
    if done.status != 0:
        raise StepFailed(f"The supervisor did not start: {done.stderr.strip()[-300:] or done.status}")
    return None


def unsupervise(context: Context, params: Params) -> None:
    """Stop the supervisor and with it every release it runs, gracefully."""
    tools = _tools(context)
    supervisor = tools.store.supervisor()
    if supervisor.pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(supervisor.pid, signal.SIGTERM)
    deadline = time.monotonic() + tools.loaded.settings.local.drain_timeout + 30
    while tools.store.supervisor().alive:
        if time.monotonic() > deadline:
            raise StepFailed(
                f"The supervisor (process {supervisor.pid}) does not stop.",
                hint=f"Look at {tools.layout.supervisor_log}; stop that process by hand.",
            )
        time.sleep(0.05)


def start(context: Context, params: Params) -> Results | None:
    """Ask the supervisor for a release. Its secrets are written now: an older release gets today's keys."""
    tools = _tools(context)
    layout = tools.layout
    release = params["release"]
    drain = layout.drain(release)
    if drain.exists():
        # Still finishing its last requests: it has its secrets and runs; the rename calls it back.
        with contextlib.suppress(FileNotFoundError):
            drain.rename(layout.want(release))
    values = {name: secret.reveal() for name, secret in tools.secrets.items()}
    files.write(layout.secrets(release), envfile.render(values))
    known = tools.store.get(release)
    if known is not None and known.secrets != params["secrets"]:
        # The manifest says with which secrets it was started last; a deploy compares them with today's.
        manifest = replace(known, secrets=params["secrets"]).as_json()
        files.write(layout.manifest(release), json.dumps(manifest, indent=2) + "\n")
    layout.want(release).touch(mode=0o600)
    return None


def unstart(context: Context, params: Params) -> None:
    """Withdraw the wish; the supervisor stops it. What was draining before goes on draining."""
    tools = _tools(context)
    layout = tools.layout
    release = params["release"]
    if params["draining"]:
        with contextlib.suppress(FileNotFoundError):
            layout.want(release).rename(layout.drain(release))
        return
    layout.want(release).unlink(missing_ok=True)
    if tools.store.supervisor().alive:
        wait_stopped(context, [release], "stopping", patient=False)
    layout.secrets(release).unlink(missing_ok=True)


def probe_release(context: Context, params: Params) -> Results | None:
    """Wait on the private socket until the release is ready and reports its own id."""
    return {"seconds": round(probe(context, params["release"], params["timeout"]), 2)}


def switch(context: Context, params: Params) -> Results | None:
    """One rename moves the traffic; the link's old value is kept beside it, so that going back needs no space."""
    layout = _tools(context).layout
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
    layout = _tools(context).layout
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
    """Ask through the public port until it is the new release that answers, several times in a row."""
    return {"seconds": round(confirm(context, params["release"]), 2)}


def drain(context: Context, params: Params) -> Results | None:
    """Let a release that lost the traffic finish; the supervisor stops it once its last client has gone."""
    layout = _tools(context).layout
    for release in params["releases"]:
        with contextlib.suppress(FileNotFoundError):
            layout.want(release).rename(layout.drain(release))
    return None


def prune(context: Context, params: Params) -> Results | None:
    """Remove the releases beyond retention, data generations that no kept release serves, and leftovers."""
    tools = _tools(context)
    layout = tools.layout
    for name in params["releases"]:
        files.remove_tree(layout.release(name))
        files.discard(configuration.metrics(layout, name))
    kept = {layout.release_data(r.id).readlink().name for r in tools.store.releases()}
    for generation in sorted(p for p in layout.data.iterdir() if p.name not in kept):
        files.remove_tree(generation)
    for leftover in (layout.root / "active.back", layout.stopped):
        leftover.unlink(missing_ok=True)
    files.discard(layout.staging)
    layout.staging.mkdir(exist_ok=True, mode=0o700)
    return {"removed": len(params["releases"])}


def stop_traffic(context: Context, params: Params) -> Results | None:
    """Take the active link away; workers stop accepting and finish what runs."""
    layout = _tools(context).layout
    if layout.active.is_symlink():
        layout.active.rename(layout.stopped)
        files.sync(layout.root)
    return None


def resume_traffic(context: Context, params: Params) -> None:
    layout = _tools(context).layout
    for release in params["releases"]:
        with contextlib.suppress(FileNotFoundError):
            layout.drain(release).rename(layout.want(release))
    if layout.stopped.is_symlink():
        layout.stopped.rename(layout.active)
        files.sync(layout.root)


def remove_state(context: Context, params: Params) -> Results | None:
    """Delete what a deployment left on disk, but the parts that the operator keeps."""
    layout = _tools(context).layout
    for name in params["names"]:
        path = layout.root / name
        if path.is_dir() and not path.is_symlink():
            files.remove_tree(path)
        else:
            path.unlink(missing_ok=True)
    return None


ACTIONS: Actions = {
    "environment": environment,
    "drop-environment": drop_environment,
    "stage": stage,
    "stage-copy": stage_copy,
    "unstage": unstage,
    "share-data": share_data,
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
    "prune": prune,
    "stop-traffic": stop_traffic,
    "resume-traffic": resume_traffic,
    "remove-state": remove_state,
}
