"""Carry out the steps that a restore has on this machine beside those of a deploy."""

import json
import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path

from decodeat_ops import archive
from decodeat_ops.core.errors import Configuration, StepFailed
from decodeat_ops.core.layout import Layout
from decodeat_ops.core.plan import Params
from decodeat_ops.deployment import files, results
from decodeat_ops.deployment.machine import Acts, Machine
from decodeat_ops.engine.executor import Context, Results
from decodeat_ops.settings import trust
from decodeat_ops.targets.local import rescue

NOTE = "placed.json"  # in the unpacked archive: path of a settings file -> where what it replaced is kept, "" for new


def unpack(machine: Machine, context: Context, params: Params) -> Results | None:
    """Unpack into staging and check everything, before anything of the archive is used."""
    place = machine.layout.staging / params["place"]
    files.discard(place)
    manifest = archive.extract(Path(params["archive"]), place)
    if manifest.digest != params["manifest"]:
        raise StepFailed(f"{params['archive']} changed since the plan was made.", hint="Run the command again.")
    archive.check_databases(place, Path(params["archive"]).name)
    return {"files": len(manifest.entries()), "bytes": manifest.size}


def clean(machine: Machine, context: Context, params: Params) -> None:
    files.discard(machine.layout.staging / params["place"])


def data(machine: Machine, context: Context, params: Params) -> Results | None:
    """Make a data generation of the archived database."""
    layout = machine.layout
    generation = layout.generation(params["data"])
    files.discard(generation)
    partial = layout.staging / f"data-{params['data']}"
    files.discard(partial)
    trust.private_directory(partial)
    for database in sorted((layout.staging / params["place"] / "database").glob("*.sqlite3")):
        shutil.copyfile(database, partial / database.name)
        (partial / database.name).chmod(0o600)
    files.sync_tree(partial)
    partial.rename(generation)
    files.sync(layout.data)
    return None


def undo_data(machine: Machine, context: Context, params: Params) -> Results | None:
    """Delete the generation, after copying results that it got after a switch to the one that serves again."""
    layout = machine.layout
    files.discard(layout.staging / f"data-{params['data']}")
    place, to = params.get("place", ""), params.get("to", "")
    archived = layout.staging / place / "database" / layout.database("").name
    return rescue.drop_generation(layout, params["data"], archived=archived if place else None, to=to)


def carry(machine: Machine, context: Context, params: Params) -> Results | None:
    """Copy the results that came after the backup before the restore into the data that serves now."""
    layout = machine.layout
    origin, to = layout.database(params["from"]), layout.database(params["to"])
    backed_up = int(context.results.get("before-database", {}).get("last", 0))
    if not origin.exists():
        return {"rows": 0}
    last = results.last_row(origin)
    try:
        rows = results.carry(origin, to, after=backed_up)
        results.mark_saved(layout, params["from"], params["snapshot"], last)
    except StepFailed as error:
        left = results.alone(origin, [to], backed_up)
        return {"rows": 0, "warnings": [rescue.stays(left, origin, error)] if left else []}
    return {"rows": rows, "warnings": [rescue.carried(rows, to)] if rows else []}


def logs(machine: Machine, context: Context, params: Params) -> Results | None:
    layout = machine.layout
    target = _restored_logs(layout, params["snapshot"])
    files.discard(target)
    shutil.copytree(layout.staging / params["place"] / "logs", target)
    return {"files": sum(1 for _ in target.iterdir())}


def _restored_logs(layout: Layout, snapshot: str) -> Path:
    return layout.logs / f"restored-{snapshot}"


def undo_logs(machine: Machine, context: Context, params: Params) -> None:
    files.discard(_restored_logs(machine.layout, params["snapshot"]))


def settings(machine: Machine, context: Context, params: Params) -> Results | None:
    """Put the archived settings in place; keep what is there now beside them under another name."""
    put_settings(
        machine.layout.staging / params["place"], params["files"], machine.loaded.directory, params["snapshot"]
    )
    return {"files": len(params["files"])}


def undo_settings(machine: Machine, context: Context, params: Params) -> None:
    take_back_settings(stood_before(machine.layout.staging / params["place"]))


def put_settings(unpacked: Path, names: Mapping[str, str], directory: Path, snapshot: str) -> None:
    """Write the settings' files of an unpacked archive to where `names` says they belong.

    Secrets come first and the settings file last, so that settings never name a missing secret. A note in `unpacked`
    records what was there before, so that a second run goes on and an undo reverts exactly this.
    Raises `Configuration` for contents that can't be settings.
    """
    targets = {name: (directory / Path(belongs).expanduser()).resolve() for name, belongs in names.items()}
    for name in targets:
        _check(unpacked / name)
    note = unpacked / NOTE
    if not note.exists():
        stood = {str(target): str(_aside(target, snapshot)) if target.exists() else "" for target in targets.values()}
        files.write(note, json.dumps(stood))
    asides: dict[str, str] = json.loads(note.read_bytes())
    for name, target in sorted(targets.items(), key=lambda item: (item[1].suffix == ".toml", item[0])):
        content = (unpacked / name).read_bytes()
        if target.is_file() and target.read_bytes() == content:
            continue
        aside = asides[str(target)]
        if aside and target.exists() and not Path(aside).exists():
            target.rename(aside)
        trust.private_directory(target.parent)
        files.write(target, content.decode())
        if target.suffix == ".toml":  # holds no secret; every other file stays private, whatever mode it had
            target.chmod((unpacked / name).stat().st_mode & 0o644 | 0o600)


def stood_before(unpacked: Path) -> dict[str, str]:
    """Return the note of `put_settings`: each path written, and where the file replaced there is kept ("" for none)."""
    try:
        noted: dict[str, str] = json.loads((unpacked / NOTE).read_bytes())
    except FileNotFoundError:
        return {}  # nothing was begun
    return noted


def take_back_settings(stood: Mapping[str, str]) -> None:
    """Undo `put_settings`, also half of it: put replaced files back and remove new ones."""
    for target, aside in ((Path(target), aside) for target, aside in stood.items()):
        target.with_name(f".{target.name}.partial").unlink(missing_ok=True)  # half written when it was killed
        if not aside:
            target.unlink(missing_ok=True)
        elif Path(aside).exists():
            Path(aside).rename(target)


def _check(path: Path) -> None:
    """Refuse contents that can't be settings before anything is written. Raises `Configuration`."""
    try:
        text = path.read_bytes().decode()
        if path.suffix == ".toml":
            tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise Configuration(f"The archived file {path.name} is not UTF-8 text.") from error
    except tomllib.TOMLDecodeError as error:
        raise Configuration(f"The archived settings {path.name} can't be read: {error}.") from error


def _aside(target: Path, snapshot: str) -> Path:
    """Return a free name to keep a file: restoring a snapshot again must not overwrite what the first time kept."""
    aside = target.with_name(f"{target.name}.before-{snapshot}")
    number = 1
    while aside.exists():
        number += 1
        aside = target.with_name(f"{target.name}.before-{snapshot}-{number}")
    return aside


ACTIONS: Acts = {
    "restore-unpack": unpack,
    "restore-clean": clean,
    "restore-data": data,
    "unrestore-data": undo_data,
    "carry-results": carry,
    "restore-logs": logs,
    "unrestore-logs": undo_logs,
    "restore-settings": settings,
    "unrestore-settings": undo_settings,
}
