"""Carry out the step `migrate` on a release's data with that release's own code, and its undo."""

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from decodeat_ops.core.errors import Configuration, StepFailed
from decodeat_ops.core.layout import Layout
from decodeat_ops.core.plan import Params
from decodeat_ops.deployment import files, schema
from decodeat_ops.deployment.schema import Code
from decodeat_ops.deployment.space import MIB
from decodeat_ops.deployment.tools import Context, Tools
from decodeat_ops.engine.executor import Actions, Results


def migrate(context: Context, params: Params) -> Results | None:
    """Bring the data to the release's schema. Do nothing without data, or when the release knows no newer schema."""
    tools = context.tools
    code, database = _of(tools, params["release"])
    at = schema.revision_of(database)
    if not at or not any(one > at for one in code.knows):
        return {"done": []}
    note = _note(tools.layout, params["release"])
    if not note.exists():
        files.write(note, json.dumps({"before": at}))
    _reserve(_space(tools.layout, params["release"]), database)
    context.progress("migrating")
    return {"done": _bring(tools, code, database)["done"]}


def unmigrate(context: Context, params: Params) -> Results | None:
    """Undo the migrations if that loses no data; else leave them, and return a warning that says so."""
    tools = context.tools
    _space(tools.layout, params["release"]).unlink(missing_ok=True)
    note = _note(tools.layout, params["release"])
    try:
        before = str(json.loads(note.read_bytes())["before"])
    except FileNotFoundError:
        return None  # nothing was begun
    code, database = _of(tools, params["release"])
    try:
        at = schema.revision_of(database)
    except Configuration as error:  # an undo that failed here would block a restore
        note.unlink()
        return {"warnings": [f"{error.advice.what.rstrip('.')} ({database}); it stays as it is. {error.advice.hint}"]}
    steps = schema.ask(tools, code)
    lossy = [step.id for step in steps if before < step.id <= at and not step.lossless]
    if not lossy:
        # Also when nothing seems to be done: the migration that a killed command began may still run, and then this
        # waits for it.
        _bring(tools, code, database, "--to", before)
    note.unlink()
    return {"warnings": [_left(at, lossy, params["snapshot"])]} if lossy else None


def _left(at: str, lossy: list[str], snapshot: str) -> str:
    way = f"`decodeat-ops restore {snapshot}` brings back the data of before"
    return (
        f"The data stays at schema {at}: going back over {', '.join(lossy)} would lose some of it. "
        "Until what serves is a release that knows this schema, it may be unable to store results: deploy one"
        + (f", or {way}." if snapshot else ".")
    )


def _of(tools: Tools, release: str) -> tuple[Code, Path]:
    """Return a release's code, and the database that it serves. Raises `StepFailed` when it has no manifest."""
    known = tools.store.get(release)
    if known is None:
        raise StepFailed(f"Release {release} has no manifest.", hint="Run the command again.")
    generation = tools.layout.release_data(release).readlink().name
    return Code.of(known, tools.layout), tools.layout.database(generation)


def _bring(tools: Tools, code: Code, database: Path, *to: str) -> dict[str, Any]:
    told = schema.run(tools, code, f"sqlite:///{database}", "--migrate", *to)
    if not told.get("ok"):
        raise StepFailed(
            f"The migration failed, and the data is as it was: {told.get('problem')}.",
            hint="Mend the cause and run the command again.",
        )
    return told


def _note(layout: Layout, release: str) -> Path:
    """Return the file with the revision before the migration, so that an undo knows it after the process was killed."""
    return layout.staging / f"migrate-{release}.json"


def _space(layout: Layout, release: str) -> Path:
    """Return the file that reserves the disk space of an undo, which may have to write every row anew."""
    return layout.staging / f"migrate-{release}.reserve"


def _reserve(path: Path, database: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with contextlib.closing(os.fdopen(descriptor, "wb")):
        os.posix_fallocate(descriptor, 0, 2 * database.stat().st_size + MIB)


ACTIONS: Actions = {"migrate": migrate, "unmigrate": unmigrate}
