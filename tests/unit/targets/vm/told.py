"""Machines that say what a test wants: strict, each script is known by what it asks."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from decodeat_ops.core.abilities import Attached
from decodeat_ops.core.errors import OpsError, Unreachable
from decodeat_ops.core.ports import Completed, Endpoint, Response
from decodeat_ops.core.remote import Answer, Held
from decodeat_ops.settings.load import load
from decodeat_ops.targets.vm.names import Names
from decodeat_ops.targets.vm.place import Place

SETTINGS = """name = "demo"
target = "vm"

[vm]
hosts = [{hosts}]
redis = true
nginx_image = "nginx@sha256:1111111111111111111111111111111111111111111111111111111111111111"
redis_image = "redis@sha256:2222222222222222222222222222222222222222222222222222222222222222"
{more}
"""
# What tells each script from the others.
LOOK, GROUND, CLOCK, NAMES_OF = "docker image ls", "docker info", "date +%s.%N\n", "Config.Env"
LAST, HOLDS, FILES, INSIDE, APART = "--timestamps --tail", "grep -qF", "for path in", "docker exec", "run --rm"
KINDS = (LOOK, GROUND, NAMES_OF, LAST, HOLDS, FILES, APART, INSIDE)
Reply = str | tuple[int, str] | OpsError


class Told:
    """A machine whose scripts have these answers, by kind; one that is not expected fails the test."""

    def __init__(
        self, name: str, look: Reply, replies: Mapping[str, Reply] | None = None, *, address: str = "192.0.2.1"
    ) -> None:
        self.name, self.address = name, address
        self.replies: dict[str, Reply] = {LOOK: look, **(replies or {})}
        self.scripts: list[tuple[str, str]] = []
        self.holding: list[Held] = []

    def run(self, script: str, *, given: str = "", timeout: float = 60.0) -> Answer:
        self.scripts.append((script, given))
        if script == CLOCK:
            return Answer(0, str(self.replies.get(CLOCK) or f"{time.time()}\n"), "")
        kind = next(one for one in KINDS if one in script)
        assert kind in self.replies, f"nobody expected at {self.name}: {script}"
        reply = self.replies[kind]
        if isinstance(reply, OpsError):
            raise reply
        return Answer(*reply, "") if isinstance(reply, tuple) else Answer(0, reply, "")

    def send(self, script: str, content: Iterable[bytes], *, timeout: float = 600.0) -> Answer:
        raise AssertionError("a look sends nothing")

    def lines(self, script: str) -> AbstractContextManager[Iterator[str]]:
        raise AssertionError("not in this test")

    @contextmanager
    def hold(self, script: str) -> Iterator[Held]:
        self.scripts.append((script, ""))
        yield self.holding.pop(0)

    def attached(self, script: str) -> Attached:
        return Attached(("ssh", self.name, script), {}, self.name)

    def close(self) -> None:
        """Nothing is open."""


class Web:
    """The address that clients use: answers with this, or nothing; `asked` are the requests."""

    def __init__(self, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self.answer = Response(status, headers or {}, b"", 0.01)
        self.asked: list[tuple[Endpoint, str, str, Mapping[str, str]]] = []
        self.silent: set[str] = set()  # hosts

    def request(
        self, endpoint: Endpoint, method: str, path: str, *, body: bytes = b"",
        headers: Mapping[str, str] | None = None, timeout: float = 5.0,
    ) -> Response:  # fmt: skip
        self.asked.append((endpoint, method, path, headers or {}))
        if endpoint.host in self.silent:
            raise Unreachable(f"{endpoint} did not answer: timed out.")
        return self.answer


class Shown:
    """What servers show: a certificate (DER) by address, or nothing."""

    def __init__(self, certificates: Mapping[str, bytes] | None = None) -> None:
        self.certificates = certificates or {}

    def certificate(self, host: str, port: int, name: str, timeout: float = 5.0) -> bytes:
        if host not in self.certificates:
            raise Unreachable(f"{name}:{port} shows no certificate: timed out.")
        return self.certificates[host]


class Passing:
    """A clock that a wait advances."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


class Here:
    """The operator's machine, where programs say this."""

    def __init__(self, stdout: str = "{}") -> None:
        self.stdout = stdout
        self.ran: list[tuple[tuple[str, ...], Mapping[str, str]]] = []

    def run(self, argv: Any, *, env: Any = None, cwd: Any = None, stdin: str = "", timeout: float = 60.0) -> Completed:
        self.ran.append((tuple(argv), env or {}))
        return Completed(tuple(argv), 0, self.stdout, "")


def no_images() -> Any:
    raise AssertionError("a look needs no engine here")


def place_of(home: Path, *machines: Any, more: str = "", **ports: Any) -> Place:
    """Return the place of a deployment on these machines. `more` are lines of its table [vm], and tables after it."""
    hosts = ", ".join(f'"{one.name}"' for one in machines)
    path = home / "decodeat-ops.toml"
    path.write_text(SETTINGS.format(hosts=hosts, more=more))
    path.chmod(0o600)
    loaded = load(path, None, {}, environ={})
    given: dict[str, Any] = {
        "http": Web(), "machine": Here(), "images": no_images, "clock": Passing(), "tls": Shown(), **ports,
    }  # fmt: skip
    return Place(loaded, Names.of(loaded), {one.name: one for one in machines}, **given)
