"""Open an SQLite or PostgreSQL database, and explain its errors."""

import os
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg
from sqlalchemy import URL, Connection, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from decodeat import private, values

Row = Mapping[str, Any]  # by column
Rows = Sequence[Row]

LOCKED_SECONDS = 5.0  # that SQLite waits for another process's transaction
CONNECT_SECONDS = 5.0  # in which a server has to accept a connection
_POOL = {"pool_size": 1, "max_overflow": 1}  # one to write, one for health checks
_SCHEME = "sqlite:///"
# Parameters of libpq that asyncpg would pass to the server as settings of the session.
_OF_LIBPQ = {"connect_timeout", "gssencmode", "keepalives", "keepalives_count", "keepalives_idle",
             "keepalives_interval", "tcp_user_timeout"}  # fmt: skip


class Unusable(Exception):
    """Report that the database answers, but is not what this release needs. The text is for operators."""


def file_of(url: str) -> Path | None:
    """Return the file of an SQLite database, None for a server."""
    return Path(url.removeprefix(_SCHEME)) if url.startswith(_SCHEME) else None


def open_engine(url: str, *, waits: float = LOCKED_SECONDS, reads: bool = False) -> AsyncEngine:
    """Return a pool of at most two connections; nothing connects before it is used.

    For SQLite alone: `waits` is how many seconds to wait for a lock of another process; with `reads` no file is made
    and nothing is changed.
    """
    path = file_of(url)
    return _postgres(url) if path is None else _sqlite(path, waits, reads)


def _sqlite(path: Path, waits: float, reads: bool) -> AsyncEngine:
    # Only our own code begins transactions: the driver by itself commits before it changes a schema.
    given = {"timeout": waits, "isolation_level": None}
    query = {"uri": "true", "mode": "ro" if reads else "rw"}
    place = URL.create("sqlite+aiosqlite", database=path.as_uri(), query=query)
    engine = create_async_engine(place, connect_args=given, hide_parameters=True, **_POOL)

    def make(*_: Any) -> None:
        """Create or open the file, so that only the service's user can read results, and errors give a reason."""
        if reads:
            path.open("rb").close()
        else:
            if path == file_of(values.database("")):  # the default place
                private.directory(path.parent)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))

    def prepare(connection: Any, _: Any) -> None:
        try:
            cursor = connection.cursor()
            cursor.execute("PRAGMA synchronous = FULL")  # what is committed outlives a power cut
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.close()
        except sqlite3.OperationalError as error:
            # The process that holds a lock has set the mode, or the next connection does; any mode is safe.
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                connection.close()
                raise
        except BaseException:
            connection.close()
            raise

    def begin(connection: Connection) -> None:
        # Take the write lock at once: at the first write it might be refused, in the middle of a transaction.
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    event.listen(engine.sync_engine, "do_connect", make)
    if not reads:
        event.listen(engine.sync_engine, "connect", prepare)
    event.listen(engine.sync_engine, "begin", begin)
    return engine


def _postgres(url: str) -> AsyncEngine:
    parts = urlsplit(url)
    asked = parse_qsl(parts.query, keep_blank_values=True)
    wait = next((float(value) for name, value in asked if name == "connect_timeout" and value.isdecimal()), 0.0)
    query = urlencode([(name, value) for name, value in asked if name not in _OF_LIBPQ])
    dsn = urlunsplit(parts._replace(query=query))

    async def connect() -> "asyncpg.Connection":
        return await asyncpg.connect(dsn, timeout=wait or CONNECT_SECONDS)

    return create_async_engine("postgresql+asyncpg://", async_creator=connect, hide_parameters=True, **_POOL)


def reason(error: BaseException) -> str:
    """Return what went wrong, in words that hold no address, path, password or value."""
    error = _driver_error(error)
    if isinstance(error, Unusable):
        return str(error)
    if isinstance(error, TimeoutError):
        return "it does not answer"
    if isinstance(error, asyncpg.PostgresError):
        return _WORDS.get(str(error.sqlstate), f"the server refuses ({type(error).__name__}, {error.sqlstate})")
    if isinstance(error, sqlite3.Error):
        return str(error)
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno) if error.errno > 0 else "its host is not known"
    if isinstance(error, ConnectionError):
        return "the connection was broken off"
    return type(error).__name__


_WORDS = {
    "28P01": "the server refuses the user or the password",
    "28000": "the server refuses the user",
    "3D000": "there is no database of that name",
    "42501": "the database's user may not do that",
    "25006": "it takes no writes: it is a standby, or read-only",
    "53100": "the server's disk is full",
    "53300": "the server has no connection left",
    "55P03": "another session holds what is needed",
    "57P01": "the server is shutting down",
    "57P03": "the server is starting or shutting down",
}


def refused(error: BaseException) -> bool:
    """Return whether the row itself was refused, so that no later try can succeed."""
    error = _driver_error(error)
    if isinstance(error, asyncpg.PostgresError):
        return str(error.sqlstate)[:2] in {"22", "23"}  # data exception, integrity constraint violation
    return isinstance(error, sqlite3.IntegrityError | sqlite3.DataError | OverflowError | UnicodeEncodeError)


def _driver_error(error: BaseException) -> BaseException:
    """Return the driver's error from inside SQLAlchemy's."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        error = error.orig
    inner = error.__cause__
    return inner if isinstance(inner, asyncpg.PostgresError | asyncpg.InterfaceError | OSError) else error
