"""The engine of a machine that is played: its containers, images and networks, and what becomes of them."""

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.vm.behaviour import Behaviour
from tests.servers.vm.container import Container, Definition, Mount, Program
from tests.servers.vm.images import Image, Store
from tests.servers.vm.played_nginx import Nginx
from tests.servers.vm.played_postgres import Postgres
from tests.servers.vm.played_service import Service
from tests.servers.vm.words import Refused, daemon

KIND = "played"  # the label of an image that says which program is in it


class Idle:
    """A program that does nothing but run, as Redis does as far as it is played."""

    health = "healthy"

    def __init__(self, container: Container) -> None:
        self._container = container

    def start(self) -> None:
        self._container.say("ready to accept connections")

    def signal(self, name: str) -> None:
        if name in {"SIGTERM", "SIGINT", "SIGQUIT"}:
            self._container.ended(0)

    def kill(self) -> None:
        """Nothing is left."""


class Errand:
    """A command that ends by itself: `outcome` returns its exit status and what it says."""

    health = ""

    def __init__(self, container: Container, outcome: Callable[[Container], tuple[int, str]]) -> None:
        self._container, self._outcome = container, outcome

    def start(self) -> None:
        status, said = self._outcome(self._container)
        self._container.say(*said.splitlines())
        self._container.ended(status)

    def signal(self, name: str) -> None:
        """It has ended."""

    def kill(self) -> None:
        """It has ended."""


@dataclass
class Engine:
    """`places` say where a path of the machine is really. `behaves` returns how a release with these variables behaves.

    `down` is an engine that does not run: nobody answers. `changes` are the commands that changed something.
    """

    root: Path
    address: str
    places: Mapping[str, Path]
    behaves: Callable[[Mapping[str, str]], Behaviour] = lambda variables: Behaviour()
    images: Store = field(default_factory=Store)
    containers: dict[str, Container] = field(default_factory=dict)
    networks: dict[str, dict[str, str]] = field(default_factory=dict)  # with their labels
    volumes: dict[str, dict[str, str]] = field(default_factory=dict)
    down: bool = False
    nginx_refuses: str = ""
    changes: list[str] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def real(self, path: str) -> Path:
        """Return where a path of the machine is really."""
        for prefix, where in self.places.items():
            if path == prefix or path.startswith(f"{prefix}/"):
                return where / path[len(prefix) :].lstrip("/")
        return Path(path)

    def mount(self, source: str, target: str, *, read_only: bool, make: bool) -> Mount:
        """Return a mount. One whose source is missing is made, or refused."""
        if not source.startswith("/"):
            with self.lock:
                self.volumes.setdefault(source, {})
            where = self.root / "volumes" / source
            where.mkdir(parents=True, exist_ok=True)
            return Mount(source, target, where, read_only)
        real = self.real(source)
        if not real.exists():
            if not make:
                raise daemon(f'invalid mount config for type "bind": bind source path does not exist: {source}')
            real.mkdir(parents=True)
        return Mount(source, target, real, read_only)

    def find(self, name: str) -> Container | None:
        with self.lock:
            found = self.containers.get(name)
            if found is None and len(name) >= 4:
                found = next((one for one in self.containers.values() if one.id.startswith(name)), None)
            return found

    def need(self, name: str) -> Container:
        found = self.find(name)
        if found is None:
            raise daemon(f"No such container: {name}")
        return found

    def make(self, definition: Definition, outcome: Callable[[Container], tuple[int, str]] | None = None) -> Container:
        """Make a container; with `outcome` it runs a command that ends by itself."""
        with self.lock:
            other = self.containers.get(definition.name)
            if other is not None:
                raise daemon(
                    f'Conflict. The container name "/{definition.name}" is already in use by container "{other.id}". '
                    "You have to remove (or rename) that container to be able to reuse that name."
                )
            for name, _ in definition.networks:
                if name not in self.networks:
                    raise daemon(f"network {name} not found")
            image = self.images.images.get(definition.image)
            if image is None:
                raise daemon(f"No such image: {definition.image}")
            program = self._program(image) if outcome is None else lambda container: Errand(container, outcome)
            made = Container(next(self._numbers), definition, program)
            self.containers[definition.name] = made
            return made

    def _program(self, image: Image) -> Callable[[Container], Program]:
        kind = (image.told["config"].get("Labels") or {}).get(KIND, "service")
        if kind == "nginx":
            return lambda container: Nginx(container, self.address, self.nginx_refuses)
        if kind == "postgres":
            return Postgres
        if kind != "service":
            return Idle
        return lambda container: Service(container, self.behaves(container.definition.environment))

    def start(self, container: Container) -> None:
        """Start a container. Raises `Refused` when a port that it publishes is taken."""
        for address, port, _ in container.definition.ports:
            for other in self.containers.values():
                taken = {one[1] for one in other.definition.ports if other.state == "running"}
                if other is not container and port in taken:
                    raise daemon(
                        f"driver failed programming external connectivity on endpoint {container.name}: "
                        f"Bind for {address or '0.0.0.0'}:{port} failed: port is already allocated"
                    )
        container.start()

    def remove(self, container: Container, *, force: bool) -> None:
        if container.runs and not force:
            raise daemon(
                f'cannot remove container "/{container.name}": container is running: stop the container before '
                "removing or force remove"
            )
        container.kill()
        with self.lock:
            self.containers.pop(container.name, None)

    def used_images(self) -> dict[str, str]:
        with self.lock:
            return {one.definition.image: one.id[:12] for one in self.containers.values()}

    def reach(self, container: Container) -> dict[str, dict[str, tuple[str, int]]]:
        """Return where a container reaches others: by the names that they have in its networks, by port."""
        mine = {name for name, _ in container.definition.networks}
        found: dict[str, dict[str, tuple[str, int]]] = {}
        for other in [*self.containers.values()]:
            program = other.program
            if isinstance(program, Nginx) and other.state == "running":
                ports = {str(port): where for port, where in program.bound.items()}
                for network, names in other.definition.networks:
                    if network in mine:
                        found |= dict.fromkeys((other.name, *names), ports)
        return found

    def cut(self) -> None:
        """End all as the machine's end does, and let nothing but files be left."""
        for one in [*self.containers.values()]:
            one.cut()

    def boot(self) -> None:
        """Start what ran, as its definition says, and as nobody ended it."""
        for one in [*self.containers.values()]:
            kept = one.definition.restart
            if kept == "always" or (kept == "unless-stopped" and not one.ended_by_hand):
                with contextlib.suppress(Refused):
                    self.start(one)

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Let no engine run for a while; all containers end with it, as without `live-restore`."""
        self.down = True
        self.cut()
        yield
        self.down = False
        self.boot()
