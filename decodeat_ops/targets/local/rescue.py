"""No result that a client was given is deleted with the data generation it is in: it is carried over, or that stays."""

from collections.abc import Sequence
from pathlib import Path

from decodeat_ops.core.errors import StepFailed
from decodeat_ops.core.layout import Layout
from decodeat_ops.deployment import files, results
from decodeat_ops.engine.executor import Results


def drop_generation(layout: Layout, generation: str, *, archived: Path | None = None, to: str = "") -> Results | None:
    """Undo the making of a generation. What it got since goes `to` another one; what can't go there stays, and is said.

    `archived` is the database that it was made of.
    """
    database = layout.database(generation)
    if not _holds_results(database):
        files.remove_tree(layout.generation(generation))
        return None
    before = [path for path in (archived, layout.database(to) if to else None) if path is not None]
    given = results.alone(database, before)
    said = []
    if given:
        try:
            if not to or (archived is not None and not archived.exists()):
                raise StepFailed("there is no other data here that they could go to")
            said.append(carried(results.carry(database, layout.database(to), known=archived), layout.database(to)))
        except StepFailed as error:
            return {"warnings": [stays(given, database, error)]}
    files.remove_tree(layout.generation(generation))
    return {"warnings": said}


def _holds_results(database: Path) -> bool:
    """False also for what is no database at all: nothing was ever served from it."""
    if not database.exists():
        return False
    with database.open("rb") as stream:
        if stream.read(15) != b"SQLite format 3":
            return False
    return results.last_row(database) > 0


def prunable(layout: Layout, generation: str, kept: Sequence[str], archives: Path) -> str:
    """Why a generation that no release serves can't go, "" when it can."""
    database = layout.database(generation)
    try:
        left = results.unsaved(layout, generation, kept, archives) if _holds_results(database) else 0
    except StepFailed as error:
        return f"{layout.generation(generation)} is kept: what it holds can't be read ({error.advice.what})."
    if not left:
        return ""
    return (
        f"{layout.generation(generation)} is kept: {_count(left)} found neither in the data of a release nor in an "
        "archive. Delete that directory once you don't need them."
    )


def carried(rows: int, to: Path) -> str:
    return f"{_count(rows)} answered meanwhile and carried over to {to}."


def stays(rows: int, database: Path, error: StepFailed) -> str:
    return f"{_count(rows)} answered meanwhile and found only in {database}, which is kept: {error.advice.what}."


def _count(rows: int) -> str:
    return "1 result was" if rows == 1 else f"{rows} results were"
