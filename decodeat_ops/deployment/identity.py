"""Record in a state directory which deployment and environment it belongs to, and refuse it to every other."""

import json
from pathlib import Path

from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.layout import Layout
from decodeat_ops.deployment import files, inputs, manifest
from decodeat_ops.deployment.store import FORMAT_HINT
from decodeat_ops.engine.journal import read
from decodeat_ops.settings.load import PRODUCTION
from decodeat_ops.settings.schema import Loaded


def place_in(chosen: Path, loaded: Loaded) -> Path:
    """Return the deployment's directory below the setting `local.state_dir`.

    Earlier versions used that directory itself: a deployment that is there already stays there.
    """
    layout = Layout(chosen)
    flat = layout.format_file.is_file() or layout.releases.is_dir()
    return chosen if flat else chosen / loaded.deployment


def claim(layout: Layout, loaded: Loaded) -> None:
    """Make the state directory with its fixed parts, and record whose it is unless that is recorded already."""
    inputs.prepare(layout, releases=loaded.settings.target == "local")
    found = manifest.read_json(layout.format_file, FORMAT_HINT) or {}
    if "name" not in found:
        whose = {"name": loaded.settings.name, "env": loaded.env}
        files.write(layout.format_file, json.dumps(found | whose) + "\n")


def check(layout: Layout, loaded: Loaded) -> None:
    """Raise `Configuration` unless the state is of this deployment and environment."""
    owner = _owner(layout, loaded)
    if owner == (loaded.settings.name, loaded.env):
        return
    whose = f"{owner[0]}, environment {owner[1]}" if owner else "a deployment that it does not name"
    hint = "Check --env and --config, or set local.state_dir to a directory of its own."
    if not owner:
        mine = json.dumps({"name": loaded.settings.name, "env": loaded.env})[1:-1]
        hint += f" If it is this one's after all, add {mine} to {layout.format_file}."
    raise Configuration(
        f"The state in {layout.root} belongs to {whose}, not to {loaded.settings.name}, environment {loaded.env}.",
        hint=hint,
        where=str(layout.format_file),
    )


def _owner(layout: Layout, loaded: Loaded) -> tuple[str, str] | None:
    """Return the name and environment of the deployment whose state it is, None when they are unknown.

    State of an earlier version has no record; its newest journal names the deployment. Without a journal, it is this
    deployment's when it holds no releases or the directory has the deployment's name; a directory with another name
    was made without --env, for production.
    """
    us = (loaded.settings.name, loaded.env)
    found = manifest.read_json(layout.format_file, FORMAT_HINT)
    if found is not None and "name" in found:
        return str(found["name"]), str(found.get("env", ""))
    named = _in_journals(layout)
    if named:
        return us if named == loaded.deployment else _parted(named, loaded)
    ours = not layout.releases.is_dir() or layout.root.name == loaded.deployment or loaded.env == PRODUCTION
    return us if ours else None


def _in_journals(layout: Layout) -> str:
    """Return the deployment named in the newest readable journal, "" when there is none."""
    if not layout.journals.is_dir():
        return ""
    for path in sorted(layout.journals.glob("*.jsonl"), reverse=True):
        try:
            return read(path).plan.deployment
        except Configuration:
            continue  # damaged, or of a newer version: the code that needs it reports that
    return ""


def _parted(deployment: str, loaded: Loaded) -> tuple[str, str]:
    """Split "<name>-<env>" into name and environment."""
    name = loaded.settings.name
    if deployment.startswith(f"{name}-"):
        return name, deployment.removeprefix(f"{name}-")
    name, _, env = deployment.rpartition("-")
    return name, env
