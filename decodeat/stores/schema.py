"""Which form a database has, and how it gets the form that is wanted: Alembic, inside one transaction of ours."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from decodeat.stores.database import Unusable
from decodeat.stores.tables import REVISION, results

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parents[1] / "migrations"
_VERSIONS = "alembic_version"
_BEFORE_MIGRATIONS = 1  # PRAGMA user_version of the table that releases once made for themselves
_OURS = 0x6465636F  # names our lock among the server's advisory locks: "deco"
_TURN = "60s"  # that another's may take
# A change of the table waits for everybody who uses it, and meanwhile everybody else waits behind it.
_TABLE_LOCK = "10s"


@dataclass(frozen=True)
class Revision:
    """One step; `reversible` and `lossless` as `decodeat.migrations` has them."""

    id: str
    title: str
    reversible: bool
    lossless: bool


def revisions() -> tuple[Revision, ...]:
    """Every step that this release knows, oldest first."""
    from alembic.script import ScriptDirectory

    scripts = reversed([*ScriptDirectory.from_config(_config()).walk_revisions()])
    return tuple(
        Revision(one.revision, one.doc.rstrip("."), one.module.reversible, one.module.lossless) for one in scripts
    )


def found(connection: Connection) -> str | None:
    """The revision of what is there, None for an empty database. Raises `Unusable` for somebody else's table."""
    tables = inspect(connection)
    if tables.has_table(_VERSIONS):
        # Quoted nowhere: the name is Alembic's own.
        version: str | None = connection.scalar(text(f"SELECT version_num FROM {_VERSIONS}"))  # noqa: S608
        return version
    if not tables.has_table(results.name):
        return None
    sqlite = connection.dialect.name == "sqlite"
    if sqlite and connection.exec_driver_sql("PRAGMA user_version").scalar() == _BEFORE_MIGRATIONS:
        return "0001"
    raise Unusable(f"it holds a table {results.name} that no release of this service made")


def fill(connection: Connection) -> str | None:
    """Bring an empty database to the newest revision, unless another process does so first; return its revision."""
    take_turn(connection)
    if found(connection) is None:
        bring(connection, None, REVISION)
    return found(connection)


def fitting(revision: str | None) -> str:
    """Return the revision. Raises `Unusable` when it is older than this release needs."""
    if revision is None or revision < REVISION:
        raise Unusable(
            f"its schema is {revision}, and this release needs {REVISION}: run `python -m decodeat --migrate`"
        )
    return revision


def take_turn(connection: Connection) -> None:
    """One changes the schema at a time, on whichever machine; the end of the transaction ends the turn.

    SQLite has one writer anyway, and our transactions are such from their beginning.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_TURN}'")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_OURS})")
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_TABLE_LOCK}'")


def bring(connection: Connection, before: str | None, to: str | None) -> None:
    """Upgrade or downgrade from revision `before` to `to`; None is empty. The caller commits, or nothing happened."""
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    if before is not None and not inspect(connection).has_table(_VERSIONS):
        command.stamp(config, before)  # adopted as it is, row by row
    if (before or "") < (to or ""):
        command.upgrade(config, str(to))
    else:
        command.downgrade(config, to or "base")


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
