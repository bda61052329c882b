"""A container of the service, as strict as a platform may be, and what can be seen of it from outside."""

import contextlib
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from decodeat_ops.checks import label
from tests.lab.engine import NETWORK, Engine
from tests.support.waiting import PATIENCE, wait_for
from tests.unit.decodeat.web import CLIENT, Web


def strict() -> tuple[str, ...]:
    """Nothing can be written or gained, and the user is one that nobody has heard of."""
    user, group = random.sample(range(20_000, 2**31), 2)
    rights = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
    return (*rights, "--user", f"{user}:{group}", "--pids-limit", "200")


@dataclass(frozen=True)
class Process:
    """One process of a container: its numbers inside, the state's letter (Z is a zombie), and what it runs."""

    pid: int
    parent: int
    state: str
    command: str


_PROCESSES = """
import contextlib, json, pathlib
found = []
for entry in pathlib.Path("/proc").glob("[0-9]*"):
    with contextlib.suppress(OSError):
        name, _, rest = (entry / "stat").read_text().rpartition(")")
        words = (entry / "cmdline").read_bytes().replace(b"\\0", b" ").decode().strip()
        found.append([int(entry.name), int(rest.split()[1]), rest.split()[0], words or name.partition("(")[2]])
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Container:
    engine: Engine
    id: str
    port: int

    @property
    def url(self) -> str:
        return f"http://{self.inspect()['NetworkSettings']['Networks'][NETWORK]['IPAddress']}:{self.port}"

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.inspect()["State"]
        return found

    def inspect(self) -> dict[str, Any]:
        (found,) = json.loads(self.engine.ok("inspect", self.id))
        return dict(found)

    def execute(self, *argv: str) -> str:
        """Run a program inside, as the container's user; what it wrote."""
        return self.engine.ok("exec", self.id, *argv)

    def processes(self) -> list[Process]:
        """All that began with the container's first process; what was sent in from outside has no parent here."""
        found = [Process(*one) for one in json.loads(self.execute("python", "-c", _PROCESSES))]
        return [one for one in found if one.pid == 1 or one.parent]

    def logs(self) -> str:
        done = self.engine.run("logs", self.id)
        return (done.stdout + done.stderr).decode()

    def wait_ready(self) -> str:
        """Where it answers, as soon as it does."""
        url = self.url

        def ready() -> bool:
            with contextlib.suppress(httpx.TransportError):
                return CLIENT.get(f"{url}/ready", timeout=PATIENCE).status_code == 200
            assert self.state["Running"], self.logs()
            return False

        wait_for(ready, otherwise="it did not become ready", every=0.2)
        return url


@contextlib.contextmanager
def started(
    engine: Engine, image: str, *options: str, port: int = 8000, command: tuple[str, ...] = (), **variables: object
) -> Iterator[Container]:
    """`docker run`; removed afterwards with its anonymous volumes."""
    given = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
    container = engine.ok("run", "--detach", "--network", NETWORK, *options, *given, image, *command)
    try:
        yield Container(engine, container, port)
    finally:
        engine.ok("rm", "--force", "--volumes", container)


def known_label(host: Web, path: str = "/known%20label.png") -> str:
    """The known label's address on a picture host."""
    return host.serve(path, label.PICTURE.read_bytes(), Content_Type="application/octet-stream")


def read(url: str, picture: str, seconds: float = 300) -> None:
    """Have one picture, which shows the known label, read by the service at `url`; every field must be right."""
    answer = httpx.post(f"{url}/api/v1/analyze", json={"image_urls": [picture]}, timeout=seconds, trust_env=False)
    assert answer.status_code == 200, answer.text
    compared, wrong = label.differences(label.expected(), answer.json())
    assert compared == 14 and wrong == [], answer.text
