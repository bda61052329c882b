"""A real redis-server for tests: on a random port, with a password, as nobody, and gone when its test is."""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis

from tests.support.ports import free_port
from tests.support.waiting import PATIENCE


@dataclass
class RedisServer:
    """One server, which keeps nothing on disk: after `kill` and `start` it is empty, at the same address."""

    directory: Path
    options: tuple[str, ...]
    password: str = field(default_factory=lambda: secrets.token_hex(12))
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    @property
    def client(self) -> redis.Redis:
        """To look into it, and to put things there."""
        return redis.Redis.from_url(self.url, socket_timeout=PATIENCE)

    def start(self) -> None:
        """Raises AssertionError with its own words when it does not answer."""
        log = self.directory / "log"
        with log.open("wb") as output:
            self.process = subprocess.Popen(self._argv(), cwd=self.directory, stdout=output, stderr=output)
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(redis.ConnectionError, redis.TimeoutError), self.client as client:
                client.ping()
                return
            time.sleep(0.01)
        self.kill()
        raise AssertionError(f"redis-server did not start:\n{log.read_text()}")

    def kill(self) -> None:
        """As a power cut does. Nothing to do when it is dead already."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def restart(self) -> None:
        self.kill()
        self.start()

    def pause(self) -> None:
        """It keeps its connections, takes new ones, and answers nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def _argv(self) -> tuple[str, ...]:
        # Dies with whoever started it, however that ends; setpriv becomes the server, so that signals reach it.
        bound = ["setpriv", "--pdeathsig", "KILL"]
        if os.geteuid() == 0:
            bound += ["--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
        listen = ("--bind", "127.0.0.1", "--port", str(self.port), "--requirepass", self.password)
        nothing_kept = ("--save", "", "--appendonly", "no", "--dir", str(self.directory))
        return (*bound, "redis-server", *listen, *nothing_kept, *self.options)


@contextlib.contextmanager
def redis_server(*options: str) -> Iterator[RedisServer]:
    """`options` as on redis-server's command line, such as "--maxmemory", "2mb". Skips the test where it is missing."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    with tempfile.TemporaryDirectory(prefix="decodeat-redis-") as directory:
        if os.geteuid() == 0:
            shutil.chown(directory, "nobody", "nogroup")
        server = RedisServer(Path(directory), options)
        try:
            server.start()
            yield server
        finally:
            server.kill()
