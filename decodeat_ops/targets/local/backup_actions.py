"""Carry out the steps of a backup on this machine."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from decodeat_ops import __version__, archive
from decodeat_ops.core.errors import StepFailed
from decodeat_ops.core.layout import Layout
from decodeat_ops.core.plan import Params
from decodeat_ops.deployment import files, source
from decodeat_ops.deployment import results as stored
from decodeat_ops.deployment.snapshots import SUFFIX
from decodeat_ops.deployment.tools import Context, Tools
from decodeat_ops.engine.executor import Actions, Results
from decodeat_ops.settings import trust

HELD = 30.0  # seconds that another program may keep the database locked before the backup gives up


def staging(layout: Layout, snapshot: str) -> Path:
    return layout.staging / f"backup-{snapshot}"


def archive_path(tools: Tools, snapshot: str) -> Path:
    return tools.backups / f"{snapshot}{SUFFIX}"


def database(context: Context, params: Params) -> Results | None:
    """Copy the live database through SQLite's backup interface; a plain copy of a live file would be corrupt."""
    tools = context.tools
    place = staging(tools.layout, params["snapshot"])
    files.discard(place)
    trust.private_directory(place)
    live = tools.layout.database(params["data"])
    if not live.exists():
        return {"bytes": 0}  # nothing has been stored yet
    copy = place / live.name
    try:
        with (
            closing(sqlite3.connect(f"{live.as_uri()}?mode=ro", uri=True, timeout=0.5)) as origin,
            closing(sqlite3.connect(copy)) as target,
        ):
            # All pages in one step, under one read lock: in WAL mode writes go on meanwhile. Copied in parts, it would
            # begin again after every write, and never end while the service is busy.
            origin.backup(target, pages=-1, progress=_patience(context, live))
        with closing(sqlite3.connect(copy)) as target:
            # In WAL mode the copy would need side files of its own; an archive holds one file.
            target.execute("PRAGMA journal_mode=DELETE")
            answer = str(target.execute("PRAGMA integrity_check").fetchone()[0])
    except sqlite3.Error as error:
        raise StepFailed(
            f"The database could not be copied: {error}.",
            hint=f"Look at {live}; `decodeat-ops restore` brings back the last good one.",
        ) from error
    if answer != "ok":
        raise StepFailed(
            f"The live database is not sound: {answer.splitlines()[0]}.",
            hint="Restore the last good backup; this one would only have kept the damage.",
        )
    return {"bytes": copy.stat().st_size, "last": stored.last_row(copy)}


def _patience(context: Context, live: Path) -> Callable[[int, int, int], None]:
    """Return a callback for SQLite, called after every try to copy: without it a backup could wait for ever for a lock.

    It raises `StepFailed` when the database is still locked after `HELD` seconds, `Interrupted` on request.
    """
    deadline = time.monotonic() + HELD

    def tried(status: int, remaining: int, total: int) -> None:
        context.checkpoint()
        if status in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED} and time.monotonic() > deadline:
            raise StepFailed(
                f"Another program has kept {live} locked for {HELD:g} s.",
                hint="Find it (`fuser` names its process), let it finish, and run the command again.",
            )

    return tried


def write(context: Context, params: Params) -> Results | None:
    tools = context.tools
    release = tools.store.get(params["release"])
    if release is None:
        raise StepFailed(f"Release {params['release']} has gone.", hint="Run the command again.")
    names = dict(_settings(tools))
    blank = archive.Manifest(
        snapshot=params["snapshot"],
        deployment=tools.loaded.deployment,
        tool=__version__,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        release=release.as_json(),
        settings={name: belongs for name, (belongs, _) in names.items()},
        parts={part: () for part in archive.PARTS},
    )
    members = [
        *(archive.Member(name, path) for name, (_, path) in names.items()),
        *_release(tools.layout, release.id),
        *_database(staging(tools.layout, params["snapshot"])),
        *_logs(tools.layout),
    ]
    path = archive_path(tools, params["snapshot"])
    trust.private_directory(path.parent)
    manifest = archive.write(path, blank, members, _sparingly(context))
    count = len(manifest.entries())
    return {"path": str(path), "bytes": path.stat().st_size, "files": count, "partial": list(manifest.partial)}


def _sparingly(context: Context) -> Callable[[str, int], None]:
    """Return a callback that reports a name and the bytes so far, once a second: most archives take less."""
    told = time.monotonic()

    def tell(name: str, done: int) -> None:
        nonlocal told
        if time.monotonic() - told > 1:
            told = time.monotonic()
            context.progress(name, done)

    return tell


def _settings(tools: Tools) -> Iterator[tuple[str, tuple[str, Path]]]:
    """Yield each settings file: its name in the archive, where it belongs (as the settings name it), where it is."""
    loaded = tools.loaded
    for path in loaded.files:
        yield f"settings/{path.name}", (path.name, path.resolve())
    service = loaded.settings.service
    env_file = loaded.path(service.env_file)
    if env_file.exists():
        yield "settings/env-file", (service.env_file, env_file)
    for variable, belongs in service.references("file").items():
        yield f"settings/secret-{variable}", (belongs, loaded.path(belongs))


def _release(layout: Layout, release: str) -> Iterator[archive.Member]:
    """Yield a release's manifest, variables, code and rendered configuration, but no unit (paths) and no secrets."""
    directory = layout.release(release)
    yield archive.Member("release/release.json", layout.manifest(release))
    yield archive.Member("release/service.env", layout.environment(release))
    for folder in ("code", "config"):
        for path in source.files(directory / folder):
            yield archive.Member(f"release/{path.relative_to(directory).as_posix()}", path)


def _database(place: Path) -> Iterator[archive.Member]:
    for path in sorted(place.glob("*.sqlite3")):
        yield archive.Member(f"database/{path.name}", path, 0o600)


def _logs(layout: Layout) -> Iterator[archive.Member]:
    for path in sorted(p for p in layout.logs.iterdir() if p.is_file() and not p.is_symlink()):
        yield archive.Member(f"logs/{path.name}", path)


def verify(context: Context, params: Params) -> Results | None:
    """Read the written archive back from end to end, to prove that it is whole."""
    tools = context.tools
    scratch = staging(tools.layout, params["snapshot"])
    trust.private_directory(scratch)
    manifest = archive.verify(archive_path(tools, params["snapshot"]), scratch)
    return {"files": len(manifest.entries())}


def clean(context: Context, params: Params) -> None:
    tools = context.tools
    files.discard(staging(tools.layout, params["snapshot"]))


def remove(context: Context, params: Params) -> None:
    archive_path(context.tools, params["snapshot"]).unlink(missing_ok=True)
    remove_half(context, params)


def remove_half(context: Context, params: Params) -> None:
    """Remove a half-written archive and the directory made for it; a whole archive stays."""
    path = archive_path(context.tools, params["snapshot"])
    archive.partial_path(path).unlink(missing_ok=True)
    if path.parent.is_dir() and not any(path.parent.iterdir()):  # made for this archive
        path.parent.rmdir()


ACTIONS: Actions = {
    "backup-database": database,
    "backup-write": write,
    "backup-verify": verify,
    "backup-clean": clean,
    "backup-remove": remove,
    "backup-remove-half": remove_half,
}
