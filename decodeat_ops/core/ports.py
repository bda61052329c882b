"""The ports: what operations, targets and checks may ask of the outside world."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Completed:
    """A finished process: exit status and decoded output."""

    argv: tuple[str, ...]
    status: int
    stdout: str
    stderr: str


class Host(Protocol):
    """Runs argv on a machine: this one now, others over SSH later."""

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: str = "",
        timeout: float = 60.0,
    ) -> Completed:
        """Run to the end; `env` replaces the environment. Raises `Unreachable` past `timeout` seconds."""
        ...


@dataclass(frozen=True)
class Endpoint:
    """Where an HTTP server listens: TCP host and port, or a unix socket's path."""

    host: str = "127.0.0.1"
    port: int = 0
    unix: Path | None = None

    def __str__(self) -> str:
        return f"unix:{self.unix.name}" if self.unix else f"http://{self.host}:{self.port}"


@dataclass(frozen=True)
class Response:
    """`status` 0 never occurs: no answer is the exception `Unreachable`. `seconds` is wall time to the last byte."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float


class Http(Protocol):
    def request(
        self,
        endpoint: Endpoint,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout: float = 5.0,
    ) -> Response:
        """One request on its own connection. Raises `Unreachable` when there is no whole answer in time."""
        ...
