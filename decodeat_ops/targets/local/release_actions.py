"""What the steps do to files: environments, releases, data, retention; each may be repeated after a crash."""

import contextlib
import fcntl
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from decodeat_ops.core.errors import StepFailed
from decodeat_ops.core.layout import Layout
from decodeat_ops.core.release import Release
from decodeat_ops.deployment import claims, environments, files, source
from decodeat_ops.deployment.inputs import environment_path
from decodeat_ops.deployment.tools import Tools
from decodeat_ops.engine.executor import Actions, Context, Results
from decodeat_ops.settings import trust
from decodeat_ops.supervisor.unit import Unit
from decodeat_ops.targets.local import configuration, rescue

Params = Mapping[str, Any]


def _tools(context: Context) -> Tools:
    tools: Tools = context.tools
    return tools


def environment(context: Context, params: Params) -> Results | None:
    """Build the Python environment for a dependency lock unless a whole one exists; deployments share it."""
    tools = _tools(context)
    lock = Path(params["lock_file"])
    home = environment_path(tools.environments, params["lock"])
    trust.private_directory(tools.environments)
    with _alone(tools.environments / f".{home.name}.lock"):
        if (home / environments.MARK).exists():
            damage = environments.damage(tools.host, home, "--files")
            if not damage:
                return {"built": False}
            context.progress(f"building it anew: {damage}")
        if source.lock_digest(lock) != params["lock"]:
            raise StepFailed(f"{lock} changed since the plan was made.", hint="Run the command again.")
        partial = home.with_name(f".{home.name}.partial")
        files.discard(partial)
        _build(context, lock, partial)
        damaged = home.with_name(f".{home.name}.removed")
        files.discard(damaged)
        if home.exists():
            home.rename(damaged)
        partial.rename(home)
        files.discard(damaged)
    return {"built": True}


def claimed_environment(context: Context, params: Params) -> Results | None:
    """Claim the environment first, so that the removal of another deployment doesn't delete it meanwhile."""
    tools = _tools(context)
    trust.private_directory(tools.environments)
    claims.claim(tools.environments, environment_path(tools.environments, params["lock"]).name, tools.layout.root)
    return environment(context, params)


def leave_environments(context: Context, params: Params) -> Results | None:
    """Give up the environments that no release here runs in, and delete those that no other deployment uses."""
    tools = _tools(context)
    root, removed = tools.layout.root, []
    for name in unneeded_environments(tools):
        with _alone(tools.environments / f".{name}.lock"):
            if claims.unused(tools.environments, name, root):
                files.remove_tree(tools.environments / name)
                claims.forget(tools.environments, name)
                removed.append(name)
            else:
                claims.give_up(tools.environments, name, root)
    return {"environments": removed}


def unneeded_environments(tools: Tools) -> list[str]:
    """Return the claimed environments that no release here runs in; none as long as one release's is unknown."""
    needed = set()
    for unit in tools.layout.releases.glob("*/unit.json"):
        try:
            needed.add(Path(Unit.load(unit).argv[0]).parents[1].name)
        except (OSError, ValueError, TypeError, KeyError, IndexError):
            return []
    return [name for name in claims.claimed(tools.environments, tools.layout.root) if name not in needed]


def _build(context: Context, lock: Path, home: Path) -> None:
    """Install and import everything. -I keeps modules in the working directory from replacing the installed ones."""
    host = _tools(context).host
    python = home / "bin" / "python"
    variables = environments.variables()
    context.progress("creating a virtual environment")
    venv = (sys.executable, "-I", "-m", "venv", str(home))
    _run(context, venv, variables, "The virtual environment could not be made")
    packages = sum(
        1 for line in lock.read_text(encoding="utf-8").splitlines() if "==" in line and not line.startswith(" ")
    )
    context.progress(f"installing {packages} locked packages")
    pip: tuple[str, ...] = (str(python), "-I", "-m", "pip", "install", "--quiet", "--no-input")
    pip += ("--no-deps", "--disable-pip-version-check", "--require-hashes", "--requirement", str(lock))
    variables |= environments.pip_variables(host, python)
    _run(context, pip, variables, "The service's dependencies could not be installed")
    context.progress("importing them")
    problem = environments.damage(host, home, "--write")
    if problem:
        raise StepFailed(
            f"The service's dependencies were installed and can't be used: {problem}.",
            hint="It may need a library that this machine lacks, or the package index may serve a broken copy.",
        )


def drop_environment(context: Context, params: Params) -> None:
    """Only what was half built goes: a whole environment may serve others."""
    home = environment_path(_tools(context).environments, params["lock"])
    files.discard(home.with_name(f".{home.name}.partial"))


def _run(context: Context, argv: tuple[str, ...], variables: Mapping[str, str], what: str) -> None:
    done = _tools(context).host.run(argv, env=variables, cwd=Path("/"), timeout=1200)
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
        trust.private_directory((partial / name).parent)
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
    files.write(partial / "service.env", (original / "service.env").read_text(encoding="utf-8"))
    complete(tools, release, partial)
    return None


def complete(tools: Tools, release: Release, partial: Path) -> None:
    """Give a staged release its unit, data and manifest, make it durable and move it into place."""
    layout = tools.layout
    trust.private_directory(layout.generation(release.data))
    (partial / "data").symlink_to(f"../../data/{release.data}")
    files.write(partial / "unit.json", configuration.unit(release, tools).dumps())
    files.write(partial / "release.json", json.dumps(release.as_json(), indent=2) + "\n")
    files.sync_tree(partial)
    trust.private_directory(layout.releases)
    partial.rename(layout.release(release.id))
    files.sync(layout.releases)


def unstage(context: Context, params: Params) -> Results | None:
    """Delete a staged release, and its own data generation unless another step made that or clients got results."""
    layout = _tools(context).layout
    release = Release(**params["release"])
    files.discard(layout.staging / release.id)
    files.remove_tree(layout.release(release.id))
    if release.data != release.id or params.get("laid_out"):
        return None
    return rescue.drop_generation(layout, release.data)


def _fresh(directory: Path) -> Path:
    files.discard(directory)
    trust.private_directory(directory)
    return directory


def copy_package(package: Path, to: Path) -> None:
    for path in source.files(package):
        target = to / path.relative_to(package)
        trust.private_directory(target.parent)
        shutil.copyfile(path, target)


def share_data(context: Context, params: Params) -> Results | None:
    """Let an older release serve today's data: data is shared, a rollback never takes it back.

    Its manifest is changed too, since the next release takes over the data that this one's manifest names.
    """
    tools = _tools(context)
    files.link(tools.layout.release_data(params["release"]), f"../../data/{params['data']}")
    release = tools.store.get(params["release"])
    if release is not None and release.data != params["data"]:
        manifest = replace(release, data=params["data"]).as_json()
        files.write(tools.layout.manifest(release.id), json.dumps(manifest, indent=2) + "\n")
    return None


def prune(context: Context, params: Params) -> Results | None:
    """Remove the releases beyond retention, data generations that no kept release serves, and leftovers.

    A generation with results that exist nowhere else stays.
    """
    tools = _tools(context)
    layout = tools.layout
    for name in params["releases"]:
        files.remove_tree(layout.release(name))
        forget_counters(layout.metrics(name))
    # Asked of the directories: data is not thrown away because a manifest is damaged or gone.
    kept = {path.readlink().name for path in layout.releases.glob("*/data") if path.is_symlink()}
    said = []
    layout.served.unlink(missing_ok=True)  # now a release names the data that serves
    for generation in sorted(p for p in layout.data.iterdir() if p.name not in kept):
        why = rescue.prunable(layout, generation.name, sorted(kept), tools.backups)
        if why:
            said.append(why)
        else:
            files.remove_tree(generation)
    for leftover in (layout.root / "active.back", layout.stopped):
        leftover.unlink(missing_ok=True)
    _expire_restored_logs(layout, tools.loaded.settings.logs.keep_days)
    leave_environments(context, params)
    files.discard(layout.staging)
    trust.private_directory(layout.staging)
    return {"removed": len(params["releases"]), "warnings": said}


def _expire_restored_logs(layout: Layout, days: int) -> None:
    """Delete old logs that a restore put beside today's; they are kept as long as any other log."""
    for place in layout.logs.glob("restored-*"):
        if place.stat().st_mtime < time.time() - days * 86400:
            files.discard(place)


def forget_counters(metrics: Path) -> None:
    """Remove a stopped release's counters. A killed one leaves them in memory, where the link in our directory points.

    Only a directory of this user's is deleted: after a reboot another user may have taken the name.
    """
    place = metrics.readlink() if metrics.is_symlink() else metrics
    with contextlib.suppress(FileNotFoundError):
        if place.lstat().st_uid == os.geteuid():
            files.discard(place)
    files.discard(metrics)


def remove_state(context: Context, params: Params) -> Results | None:
    """Delete what a deployment left on disk, but the parts that the operator keeps."""
    layout = _tools(context).layout
    for metrics in layout.run.glob("*.metrics"):
        forget_counters(metrics)
    last = layout.release_data(_tools(context).store.stopped_id() or "none")
    if layout.data.name not in params["names"] and last.is_symlink():
        files.link(layout.served, last.readlink().name)  # names the data for the next deploy
    for name in params["names"]:
        path = layout.root / name
        if path.is_dir() and not path.is_symlink():
            files.remove_tree(path)
        else:
            path.unlink(missing_ok=True)
    return None


ACTIONS: Actions = {
    "environment": claimed_environment,
    "leave-environments": leave_environments,
    "drop-environment": drop_environment,
    "stage": stage,
    "stage-copy": stage_copy,
    "unstage": unstage,
    "share-data": share_data,
    "prune": prune,
    "remove-state": remove_state,
}
