"""Run `python -m decodeat --migrate` and `--schema`, and print the result for a deploy or a person."""

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection

from decodeat import observability, settings
from decodeat.stores import database, schema
from decodeat.stores.database import Unusable, reason

FORMAT = 1  # of the JSON that both print
DONE, FAILED, CONFIGURATION = 0, 1, 3  # exit codes
_LOCK_SECONDS = 60.0  # to wait for another migration, or for a writer
_CONNECT_SECONDS = 10.0  # in which a database has to answer


def run(environment: Mapping[str, str], *, migrate: bool, to: str | None, as_json: bool) -> int:
    """Run either command and return its exit code. Of all variables only DATABASE_URL has to be right."""
    found, problems = settings.inspect(environment)
    wrong = [f"{p.name} {p.problem}. {p.hint}" for p in problems if p.name == "DATABASE_URL"]
    if wrong:
        sys.stderr.write("\n".join(wrong) + "\n")
        return CONFIGURATION
    observability.configure(found["LOG_LEVEL"] or "INFO", found["RELEASE_ID"] or "", sys.stderr)
    url = found["DATABASE_URL"]
    report = asyncio.run(_migrated(url, to) if migrate else _described(url))
    lines = _after(report) if migrate else _table(report)
    sys.stdout.write((json.dumps(report, ensure_ascii=False) if as_json else "\n".join(lines)) + "\n")
    return DONE if report.get("ok", True) else FAILED


async def _described(url: str) -> dict[str, Any]:
    """Return the revisions that this release knows, and which of them the database lacks. Changes nothing."""
    known = schema.revisions()
    report = {"format": FORMAT, "head": known[-1].id, "revisions": [asdict(one) for one in known], "database": None}
    if url:
        report["database"] = await _state(url, [one.id for one in known])
    return report


async def _state(url: str, known: list[str]) -> dict[str, Any]:
    path = database.file_of(url)
    if path is not None and path.parent.is_dir() and not path.exists():
        return {"reachable": True, "revision": None, "behind": known, "problem": ""}
    engine = database.open_engine(url, reads=True)
    try:
        async with asyncio.timeout(_CONNECT_SECONDS), engine.connect() as connection:
            revision = await connection.run_sync(schema.current_revision)
    except Exception as error:
        return {"reachable": False, "revision": None, "behind": [], "problem": reason(error)}
    finally:
        await engine.dispose()
    behind = known if revision is None else [one for one in known if one > revision]
    return {"reachable": True, "revision": revision, "behind": behind, "problem": ""}


async def _migrated(url: str, to: str | None) -> dict[str, Any]:
    """Bring the database to a revision, by default the newest that this release knows, and return the report."""
    report: dict[str, Any]
    report = {"format": FORMAT, "ok": True, "before": None, "after": None, "done": [], "undone": [], "problem": ""}
    if not url:
        return report
    engine = database.open_engine(url, waits=_LOCK_SECONDS)
    try:
        async with engine.begin() as connection:
            before, after = await connection.run_sync(_bring, to)
    except Exception as error:
        return report | {"ok": False, "problem": reason(error)}
    finally:
        await engine.dispose()
    known = [one.id for one in schema.revisions()]
    return report | {
        "before": before,
        "after": after,
        "done": [one for one in known if (before or "") < one <= after],
        "undone": [one for one in reversed(known) if after < one <= (before or "")],
    }


def _bring(connection: Connection, to: str | None) -> tuple[str | None, str]:
    """Migrate, and return the revisions before and after. Raises `Unusable` for one that this release can't reach."""
    schema.lock_schema(connection)
    before = schema.current_revision(connection)
    known = [one.id for one in schema.revisions()]
    target = to or known[-1]
    if target not in known:
        raise Unusable(f"this release knows no revision {target}, only {', '.join(known)}")
    if before is not None and before not in known:
        if to is None:
            return before, before  # made by a newer release, which said whether older ones can work with it
        raise Unusable(
            f"its schema {before} is newer than what this release knows; a release that knows it can go back"
        )
    if before != target:
        schema.migrate(connection, before, target)
    return before, target


def _after(report: Mapping[str, Any]) -> list[str]:
    """Return what --migrate did, as lines for a person."""
    before, after = report["before"], report["after"]
    if not report["ok"]:
        return [f"The database was left as it was: {report['problem']}."]
    if after is None:
        return ["Results are not kept (DATABASE_URL is none): there is nothing to migrate."]
    if not report["done"] and not report["undone"]:
        return [f"Nothing to do: the database is at {after}."]
    return [f"The database was {f'at {before}' if before else 'empty'}, and is at {after} now."]


def _table(report: Mapping[str, Any]) -> list[str]:
    """Return what --schema found, as lines for a person."""
    state = report["database"]
    lines = [
        f"{one['id']}  {_way_back(one)}  {one['title']}"
        + (", not done yet" if state and one["id"] in state["behind"] else "")
        for one in report["revisions"]
    ]
    if state is None:
        return [*lines, "Results are not kept (DATABASE_URL is none)."]
    if not state["reachable"]:
        return [*lines, f"The database can't be asked: {state['problem']}."]
    return [*lines, f"The database is at {state['revision']}." if state["revision"] else "The database is empty."]


def _way_back(revision: Mapping[str, Any]) -> str:
    if revision["reversible"]:
        return "reversible    "
    return "not reversible" + ("" if revision["lossless"] else ", and going back loses data")
