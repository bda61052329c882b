"""Carry out the steps that change files (releases, data, retention); each may be repeated after a crash."""

import contextlib
import json
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

from decodeat_ops.core.errors import StepFailed
from decodeat_ops.core.layout import Layout
from decodeat_ops.core.plan import Params
from decodeat_ops.core.release import Release
from decodeat_ops.deployment import files, scratch, source
from decodeat_ops.deployment.tools import Context, Tools
from decodeat_ops.engine.executor import Actions, Results
from decodeat_ops.settings import trust
from decodeat_ops.targets.local import configuration, rescue
from decodeat_ops.targets.local.environment_actions import leave_environments


def stage(context: Context, params: Params) -> Results | None:
    """Make a new release beside the others, with its code, configuration, variables and unit; one rename at the end."""
    tools = context.tools
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
    """Make a new release of an existing one's code and configuration, for a restart or a restore."""
    tools = context.tools
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
    layout = context.tools.layout
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
    """Let an older release serve today's data, since a rollback never takes data back.

    Its manifest is changed too, since the next release takes over the data that this one's manifest names.
    """
    tools = context.tools
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
    tools = context.tools
    layout = tools.layout
    for name in params["releases"]:
        files.remove_tree(layout.release(name))
        forget_counters(layout.metrics(name))
    # Read from the links, not the manifests: data must not be deleted because a manifest is damaged or missing.
    kept = {path.readlink().name for path in layout.releases.glob("*/data") if path.is_symlink()}
    said = []
    layout.served.unlink(missing_ok=True)  # not needed: now a release names the data that serves
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
    scratch.clear(layout)
    return {"removed": len(params["releases"]), "warnings": said}


def _expire_restored_logs(layout: Layout, days: int) -> None:
    """Delete old logs that a restore put beside today's; they are kept for `days` days, as any other log."""
    for place in layout.logs.glob("restored-*"):
        if place.stat().st_mtime < time.time() - days * 86400:
            files.discard(place)


def forget_counters(metrics: Path) -> None:
    """Remove a stopped release's counters. A killed one leaves them in memory, in the directory that the link names.

    Only a directory of this user's is deleted: after a reboot another user may have taken the name.
    """
    place = metrics.readlink() if metrics.is_symlink() else metrics
    with contextlib.suppress(FileNotFoundError):
        if place.lstat().st_uid == os.geteuid():
            files.discard(place)
    files.discard(metrics)


def remove_state(context: Context, params: Params) -> Results | None:
    """Delete the named parts of what a deployment left on disk; the operator keeps the others."""
    layout = context.tools.layout
    for metrics in layout.run.glob("*.metrics"):
        forget_counters(metrics)
    last = layout.release_data(context.tools.store.stopped_id() or "none")
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
    "stage": stage,
    "stage-copy": stage_copy,
    "unstage": unstage,
    "share-data": share_data,
    "prune": prune,
    "remove-state": remove_state,
}
