"""Save clients' results before a data generation is deleted: copy them to another one, or keep the generation."""

from collections.abc import Sequence
from pathlib import Path

from decodeat_ops.core.errors import StepFailed
from decodeat_ops.core.layout import Layout
from decodeat_ops.deployment import files, results
from decodeat_ops.engine.executor import Results


def drop_generation(layout: Layout, generation: str, *, archived: Path | None = None, to: str = "") -> Results | None:
    """Delete a generation after copying its new results `to` another one. When that fails, keep it and say so.

    `archived` is the database that it was made from.
    """
    database = layout.database(generation)
    before = [path for path in (archived, layout.database(to) if to else None) if path is not None]
    try:
        given = results.alone(database, before) if _holds_results(database) else 0
    except StepFailed as error:  # an undo that failed here would fail each time, and block every later change
        return {"warnings": [_unreadable(layout, generation, error)]}
    said = []
    if given:
        try:
            if not to or (archived is not None and not archived.exists()):
                raise StepFailed("there is no other data here that they could go to")
            said.append(carried(results.carry(database, layout.database(to), known=archived), layout.database(to)))
        except StepFailed as error:
            return {"warnings": [stays(given, database, error)]}
    files.remove_tree(layout.generation(generation))
    return {"warnings": said} if said else None


def _holds_results(database: Path) -> bool:
    """Return whether a database holds results; False also for a file that is no database, which never served."""
    if not database.exists():
        return False
    with database.open("rb") as stream:
        if stream.read(15) != b"SQLite format 3":
            return False
    return results.last_row(database) > 0


def prunable(layout: Layout, generation: str, kept: Sequence[str], archives: Path) -> str:
    """Return why a generation that no release serves can't be deleted, "" when it can."""
    database = layout.database(generation)
    try:
        left = results.unsaved(layout, generation, kept, archives) if _holds_results(database) else 0
    except StepFailed as error:
        return _unreadable(layout, generation, error)
    if not left:
        return ""
    return (
        f"{layout.generation(generation)} is kept: {_count(left)} found neither in the data of a release nor in an "
        "archive. Delete that directory once you don't need them."
    )


def _unreadable(layout: Layout, generation: str, error: StepFailed) -> str:
    return f"{layout.generation(generation)} is kept: what it holds can't be read ({error.advice.what})."


def carried(rows: int, to: Path) -> str:
    return f"{_count(rows)} answered meanwhile and carried over to {to}."


def stays(rows: int, database: Path, error: StepFailed) -> str:
    return f"{_count(rows)} answered meanwhile and found only in {database}, which is kept: {error.advice.what}."


def _count(rows: int) -> str:
    return "1 result was" if rows == 1 else f"{rows} results were"
