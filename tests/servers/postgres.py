"""Debian's PostgreSQL for tests: a cluster of its own on a random port, killed, frozen and started at will."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.support.ports import free_port
from tests.support.waiting import PATIENCE, wait_for

KEEPER = '"$0" "$@" & read -r _; kill -KILL $! 2>/dev/null'  # its standard input ends when the tests do
PASSWORD = "a-password-for-tests-4711"
_CONFIGURATION = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{directory}'
max_connections = 60
shared_buffers = 16MB
dynamic_shared_memory_type = mmap  # a killed server leaves it in its own directory, not in /dev/shm
fsync = off  # a killed process loses nothing that the kernel has; only a power cut would
log_min_messages = warning
"""


@dataclass
class Postgres:
    """A server and its only superuser `postgres`. A keeper ends it when the tests are killed."""

    directory: Path
    port: int
    keeper: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres", password: str = PASSWORD, query: str = "") -> str:
        return f"postgresql://postgres:{password}@127.0.0.1:{self.port}/{database}{query}"

    def database(self) -> str:
        """The URL of a new and empty database."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        self.run(f"CREATE DATABASE {name}")
        return self.url(name)

    def run(self, statement: str, url: str = "") -> list[dict[str, Any]]:
        """One statement on a connection of its own."""
        return fetched(url or self.url(), statement)

    def start(self) -> None:
        """Start it and wait until it answers."""
        server = (str(_programs() / "postgres"), "-D", str(self.directory / "data"))
        with (self.directory / "log").open("ab") as log:
            argv = (*_as_ordinary_user(), "sh", "-c", KEEPER, *server)
            self.keeper = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=self.directory)
        deadline = time.monotonic() + PATIENCE
        while True:
            assert time.monotonic() < deadline, (self.directory / "log").read_text()
            with contextlib.suppress(OSError, asyncpg.PostgresError):
                self.run("SELECT 1")
                return
            time.sleep(0.05)

    def pids(self) -> list[int]:
        """The server's own process and its children; none when it isn't running."""
        if self.keeper is None:
            return []
        servers = _children(self.keeper.pid)
        return [*servers, *(child for server in servers for child in _children(server))]

    def kill(self) -> None:
        """As a crash ends it: nothing is said to anybody, nothing is written down."""
        if self.keeper is None:
            return
        pids = self.pids()
        for pid in pids[:1]:
            os.kill(pid, signal.SIGKILL)
        self.keeper.communicate()
        self.keeper = None
        # They hold its shared memory until they notice.
        wait_for(
            lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), otherwise="a backend outlives its server"
        )

    @contextlib.contextmanager
    def crashed(self) -> Iterator[None]:
        self.kill()
        try:
            yield
        finally:
            self.start()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """A network that swallows everything: connections stay, and nothing comes back."""
        stopped = self.pids()
        for pid in stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in stopped:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)


def fetched(url: str, statement: str) -> list[dict[str, Any]]:
    """Rows of one statement. In a thread of its own, so that code inside an event loop may ask too."""

    async def fetch() -> list[dict[str, Any]]:
        connection = await asyncpg.connect(url, timeout=PATIENCE)
        try:
            return [dict(row) for row in await connection.fetch(statement)]
        finally:
            await connection.close()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(fetch())).result()


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    """A running server, gone with all its files afterwards. Skips the test where PostgreSQL isn't installed."""
    _programs()
    directory = Path(tempfile.mkdtemp(prefix="decodeat-postgres-", dir="/tmp"))
    server = Postgres(directory, free_port())
    try:
        _make(server)
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(directory)


def _make(server: Postgres) -> None:
    if os.geteuid() == 0:
        shutil.chown(server.directory, 65534, 65534)
    secret = server.directory / "password"
    secret.write_text(PASSWORD)
    argv = (*_as_ordinary_user(), str(_programs() / "initdb"), "-D", str(server.directory / "data"), "-U", "postgres")
    argv += ("--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync", "--locale=C.UTF-8", "--encoding=UTF8")
    subprocess.run(argv, check=True, capture_output=True, cwd=server.directory)
    with (server.directory / "data" / "postgresql.conf").open("a") as configuration:
        configuration.write(_CONFIGURATION.format(port=server.port, directory=server.directory))


def _programs() -> Path:
    """Debian keeps them off the PATH. Skips the test where PostgreSQL isn't installed."""
    for found in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True):
        return found.parent
    pytest.skip("PostgreSQL is not installed (Debian's package postgresql)")


def _as_ordinary_user() -> tuple[str, ...]:
    """PostgreSQL refuses to run as root."""
    return ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups") if os.geteuid() == 0 else ()


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []
