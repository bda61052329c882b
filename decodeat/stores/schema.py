"""Find the revision of a database and migrate it to another one: with Alembic, inside one transaction of ours."""

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
_BEFORE_MIGRATIONS = 1  # PRAGMA user_version of a database whose table was made by a release from before migrations
_OURS = 0x6465636F  # names our lock among the server's advisory locks: "deco"
_TURN = "60s"  # to wait for another process's migration
# A change of the table waits for every transaction that uses it, and meanwhile all others wait behind it.
_TABLE_LOCK = "10s"


@dataclass(frozen=True)
class Revision:
    """Describe one migration; `reversible` and `lossless` as `decodeat.migrations` defines them."""

    id: str
    title: str
    reversible: bool
    lossless: bool


def revisions() -> tuple[Revision, ...]:
    """Return every migration that this release knows, oldest first."""
    from alembic.script import ScriptDirectory

    scripts = reversed([*ScriptDirectory.from_config(_config()).walk_revisions()])
    return tuple(
        Revision(one.revision, one.doc.rstrip("."), one.module.reversible, one.module.lossless) for one in scripts
    )


def current_revision(connection: Connection) -> str | None:
    """Return the revision of a database, None when it is empty. Raises `Unusable` for a table of another program."""
    tables = inspect(connection)
    if tables.has_table(_VERSIONS):
        # Not quoted: the name is Alembic's own.
        version: str | None = connection.scalar(text(f"SELECT version_num FROM {_VERSIONS}"))  # noqa: S608
        return version
    if not tables.has_table(results.name):
        return None
    sqlite = connection.dialect.name == "sqlite"
    if sqlite and connection.exec_driver_sql("PRAGMA user_version").scalar() == _BEFORE_MIGRATIONS:
        return "0001"
    raise Unusable(f"it holds a table {results.name} that no release of this service made")


def fill(connection: Connection) -> str:
    """Migrate an empty database to the newest revision, unless another process does so first; return its revision."""
    lock_schema(connection)
    revision = current_revision(connection)
    if revision is not None:
        return revision
    migrate(connection, None, REVISION)
    return REVISION


def require_revision(revision: str | None) -> str:
    """Return the revision. Raises `Unusable` when it is older than this release needs."""
    if revision is None or revision < REVISION:
        raise Unusable(
            f"its schema is {revision}, and this release needs {REVISION}: run `python -m decodeat --migrate`"
        )
    return revision


def lock_schema(connection: Connection) -> None:
    """Wait for the lock under which one process at a time changes the schema; it ends with the transaction.

    It counts for all machines. SQLite needs none: our transactions begin by taking its one write lock.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_TURN}'")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_OURS})")
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_TABLE_LOCK}'")


def migrate(connection: Connection, before: str | None, to: str | None) -> None:
    """Upgrade or downgrade from revision `before` to `to`; None is empty. Nothing changes unless the caller commits."""
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    if before is not None and not inspect(connection).has_table(_VERSIONS):
        command.stamp(config, before)  # the table is adopted as it is
    if (before or "") < (to or ""):
        command.upgrade(config, str(to))
    else:
        command.downgrade(config, to or "base")


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
