"""What the steps of a restore do on this machine, beside those of a deploy."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from decodeat_ops import archive
from decodeat_ops.core.layout import Layout
from decodeat_ops.deployment import files
from decodeat_ops.deployment.tools import Tools
from decodeat_ops.engine.executor import Actions, Context, Results

Params = Mapping[str, Any]


def _tools(context: Context) -> Tools:
    tools: Tools = context.tools
    return tools


def unpack(context: Context, params: Params) -> Results | None:
    """Unpack into staging and check everything: nothing of the archive is used before all of it has been."""
    place = _tools(context).layout.staging / params["place"]
    files.discard(place)
    manifest = archive.extract(Path(params["archive"]), place)
    archive.check_databases(place, Path(params["archive"]).name)
    return {"files": len(manifest.entries()), "bytes": manifest.size}


def clean(context: Context, params: Params) -> None:
    files.discard(_tools(context).layout.staging / params["place"])


def data(context: Context, params: Params) -> Results | None:
    """Lay the archived database out as a data generation of its own."""
    layout = _tools(context).layout
    generation = layout.generation(params["data"])
    files.discard(generation)
    partial = layout.staging / f"data-{params['data']}"
    files.discard(partial)
    partial.mkdir(parents=True, mode=0o700)
    for database in sorted((layout.staging / params["place"] / "database").glob("*.sqlite3")):
        shutil.copyfile(database, partial / database.name)
        (partial / database.name).chmod(0o600)
    files.sync_tree(partial)
    partial.rename(generation)
    files.sync(layout.data)
    return None


def undo_data(context: Context, params: Params) -> None:
    layout = _tools(context).layout
    files.discard(layout.staging / f"data-{params['data']}")
    files.remove_tree(layout.generation(params["data"]))


def logs(context: Context, params: Params) -> Results | None:
    layout = _tools(context).layout
    target = _restored_logs(layout, params["snapshot"])
    files.discard(target)
    shutil.copytree(layout.staging / params["place"] / "logs", target)
    return {"files": sum(1 for _ in target.iterdir())}


def _restored_logs(layout: Layout, snapshot: str) -> Path:
    return layout.logs / f"restored-{snapshot}"


def undo_logs(context: Context, params: Params) -> None:
    files.discard(_restored_logs(_tools(context).layout, params["snapshot"]))


def settings(context: Context, params: Params) -> Results | None:
    """Put the archived settings in place; what is there now stays beside them under another name."""
    tools = _tools(context)
    put_settings(tools.layout.staging / params["place"], params["files"], tools.loaded.directory, params["snapshot"])
    return {"files": len(params["files"])}


def put_settings(unpacked: Path, names: Mapping[str, str], directory: Path, snapshot: str) -> None:
    """Secrets first and the settings file last, so that settings which name a secret never stand without it."""
    for name in sorted(names, key=lambda n: (names[n].endswith(".toml"), n)):
        target = (directory / Path(names[name]).expanduser()).resolve()
        content = (unpacked / name).read_text(encoding="utf-8")
        if target.exists() and target.read_text(encoding="utf-8") == content:
            continue
        aside = _aside(target, snapshot)
        if target.exists() and not aside.exists():
            target.rename(aside)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        files.write(target, content)


def _aside(target: Path, snapshot: str) -> Path:
    return target.with_name(f"{target.name}.before-{snapshot}")


def undo_settings(context: Context, params: Params) -> None:
    directory = _tools(context).loaded.directory
    for name in params["files"].values():
        target = (directory / Path(name).expanduser()).resolve()
        aside = _aside(target, params["snapshot"])
        if aside.exists():
            aside.rename(target)


ACTIONS: Actions = {
    "restore-unpack": unpack,
    "restore-clean": clean,
    "restore-data": data,
    "unrestore-data": undo_data,
    "restore-logs": logs,
    "unrestore-logs": undo_logs,
    "restore-settings": settings,
    "unrestore-settings": undo_settings,
}
