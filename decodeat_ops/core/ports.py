"""Define the ports: what operations, targets and checks may ask of the outside world."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Completed:
    """Hold a finished process's exit status and decoded output."""

    argv: tuple[str, ...]
    status: int
    stdout: str
    stderr: str


class Host(Protocol):
    """Run programs on a machine: this one now, others over SSH later."""

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: str = "",
        timeout: float = 60.0,
    ) -> Completed:
        """Run a program to its end; `env` replaces the environment. Raises `Unreachable` after `timeout` seconds."""
        ...


class Terminal(Protocol):
    """Let a program have the operator's own terminal."""

    def attach(self, argv: Sequence[str], variables: Mapping[str, str]) -> int:
        """Run a program to its end with more variables, and return its exit status. Ctrl-C reaches it alone."""
        ...


@dataclass(frozen=True)
class Endpoint:
    """Name where an HTTP server listens: TCP host and port, or a unix socket's path.

    `name` is what clients call it, which is sent as Host; without one it is asked as "localhost". `tls`: over HTTPS,
    where `trusted` is the one certificate (PEM) that is believed; without it the system's authorities decide.
    """

    host: str = "127.0.0.1"
    port: int = 0
    unix: Path | None = None
    name: str = ""
    tls: bool = False
    trusted: str = ""

    @property
    def sent_as(self) -> str:
        """Return the Host header of a request, which leaves the scheme's own port out."""
        if not self.name:
            return "localhost"
        return self.name if self.port == (443 if self.tls else 80) else f"{self.name}:{self.port}"

    def __str__(self) -> str:
        if self.unix:
            return f"unix:{self.unix.name}"
        where = self.sent_as if self.name else f"{self.host}:{self.port}"
        return f"{'https' if self.tls else 'http'}://{where}"


@dataclass(frozen=True)
class Response:
    """Hold a whole answer; without one, a request raises `Unreachable`. `seconds` is the time to its last byte."""

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
        """Send a request on a connection of its own. Raises `Unreachable` when there is no whole answer in time."""
        ...
