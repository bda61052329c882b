"""Stand in for a load balancer: HTTP on loopback, forwarded to the newest healthy containers of a service."""

import contextlib
import http.client
import itertools
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from tests.lab.engine import NETWORK, Engine
from tests.support.ports import free_port
from tests.support.serving import serving

CLUSTER = "com.amazonaws.ecs.cluster"
REVISION = "com.amazonaws.ecs.task-definition-version"
_HEALTH = "/health"
_PORT = 8000
_EVERY = 0.2  # seconds between two looks at what runs
_PATIENCE = 2.0  # seconds that a container may take to answer the balancer's own question
_FORGIVEN = 3  # unanswered questions in a row until a container that was well counts as ill
_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "proxy-connection"})


@dataclass(frozen=True)
class Container:
    """Describe a running container: where it is reached, and which revision of its task definition it runs."""

    id: str
    address: str
    revision: int


@dataclass
class Balancer:
    """Forward to those containers of a cluster that are well, and of these to the revision that was started last.

    A load balancer sends to every healthy target; while an old and a new revision are both well, clients may still get
    the old one. Here they get one of them, so that a test sees one answer at a time.
    """

    engine: Engine
    cluster: str  # its ARN, in which one service runs
    port: int = field(default_factory=free_port)
    _well: tuple[Container, ...] = ()
    _ill: dict[str, int] = field(default_factory=dict)
    _turn: "itertools.count[int]" = field(default_factory=itertools.count)
    _ending: threading.Event = field(default_factory=threading.Event)
    _docker: httpx.Client = field(init=False)  # kept, since making one takes as long as twenty questions

    def __post_init__(self) -> None:
        transport = httpx.HTTPTransport(uds=str(self.engine.directory / "docker.sock"))
        self._docker = httpx.Client(transport=transport, base_url="http://engine", timeout=30, trust_env=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def running(self) -> tuple[Container, ...]:
        """Return the running containers of the service, the newest first, whatever they answer."""
        wanted = {"label": [f"{CLUSTER}={self.cluster}"], "status": ["running"]}
        answer = self._docker.get("/containers/json", params={"filters": json.dumps(wanted)})
        answer.raise_for_status()
        return tuple(_container(found) for found in answer.json())

    def targets(self) -> tuple[Container, ...]:
        """Return where the next requests go, in turns."""
        newest = self._well[0].revision if self._well else 0
        return tuple(one for one in self._well if one.revision == newest)

    def next_targets(self) -> tuple[Container, ...]:
        """Return every target, beginning with the one whose turn it is."""
        targets = self.targets()
        first = next(self._turn) % len(targets) if targets else 0
        return targets[first:] + targets[:first]

    def watch(self) -> None:
        """Look at what runs and ask how it is, until the balancer ends."""
        while not self._ending.wait(_EVERY):
            with contextlib.suppress(httpx.TransportError):  # a busy engine is asked again
                self._look()

    def end(self) -> None:
        self._ending.set()

    def _look(self) -> None:
        running = self.running()
        was = {one.id for one in self._well}
        self._ill = {one.id: 0 if _answers(one) else self._ill.get(one.id, 0) + 1 for one in running}
        self._well = tuple(
            one for one in running if self._ill[one.id] == 0 or (one.id in was and self._ill[one.id] < _FORGIVEN)
        )


def _container(found: dict[str, Any]) -> Container:
    networks = found["NetworkSettings"]["Networks"]
    address = networks[NETWORK]["IPAddress"] if NETWORK in networks else ""
    return Container(found["Id"], address, int(found["Labels"][REVISION]))


def _answers(container: Container) -> bool:
    """Return whether the service in a container says that it is healthy, as a target group asks."""
    connection = http.client.HTTPConnection(container.address, _PORT, timeout=_PATIENCE)
    try:
        connection.request("GET", _HEALTH)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _forward(handler: BaseHTTPRequestHandler, target: Container) -> bool:
    """Pass a request on and its answer back; False when the target takes no connection."""
    connection = http.client.HTTPConnection(target.address, _PORT, timeout=300)
    try:
        try:
            connection.connect()
        except OSError:
            return False
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        headers = {name: value for name, value in handler.headers.items() if name.lower() not in _HOP}
        connection.request(handler.command, handler.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
    except (OSError, http.client.HTTPException) as error:
        _refuse(handler, 502, str(error))
        return True
    finally:
        connection.close()
    with contextlib.suppress(ConnectionError):  # the client has gone
        handler.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in {*_HOP, "content-length", "date", "server"}:
                handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)
    return True


def _refuse(handler: BaseHTTPRequestHandler, status: int, why: str) -> None:
    with contextlib.suppress(ConnectionError):
        handler.send_error(status, why)


@contextlib.contextmanager
def balancer(engine: Engine, cluster: str) -> Iterator[Balancer]:
    """Balance until the block ends. What no container takes is answered with 503, as a load balancer does."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not any(_forward(self, target) for target in made.next_targets()):
                _refuse(self, 503, "no target is healthy")

        do_POST = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            pass

    made = Balancer(engine, cluster)
    server = ThreadingHTTPServer(("127.0.0.1", made.port), Handler)
    server.daemon_threads = True
    watching = threading.Thread(target=made.watch, daemon=True)
    with serving(server):
        watching.start()
        try:
            yield made
        finally:
            made.end()
            watching.join()
