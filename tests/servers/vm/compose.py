"""`docker compose`: projects of containers by a file, made anew when their definition has changed."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.servers.vm import compose_file
from tests.servers.vm.container import Container, Definition, Mount
from tests.servers.vm.engine import Engine
from tests.servers.vm.words import Refused

PROJECT, SERVICE, HASH = (f"com.docker.compose.{name}" for name in ("project", "service", "config-hash"))


@dataclass(frozen=True)
class Project:
    """A project: its name, its file with the caller's variables filled in, and these variables."""

    engine: Engine
    name: str
    told: Mapping[str, Any]
    given: Mapping[str, str]
    folder: str  # of the file, as the machine names it

    def containers(self, service: str = "") -> list[Container]:
        """Return those that are there, whatever the file says."""
        return [
            one for one in [*self.engine.containers.values()]
            if one.definition.labels.get(PROJECT) == self.name
            and service in {"", one.definition.labels[SERVICE]} and "oneoff" not in one.definition.labels
        ]  # fmt: skip

    def order(self, wanted: Sequence[str], *, alone: bool) -> list[str]:
        """Return the services that are wanted, each after those it depends on."""
        found: list[str] = []

        def add(name: str) -> None:
            if name not in self.told["services"]:
                raise Refused(f"no such service: {name}")
            for other in self.told["services"][name].get("depends_on") or ():
                if not alone:
                    add(other)
            if name not in found:
                found.append(name)

        for name in wanted or self.told["services"]:
            add(name)
        return found

    def up(self, name: str, *, force: bool, pull: bool) -> str:
        """Bring a service to its definition, and return what Compose says of its container."""
        made = self.definition(name, pull=pull)
        there = next(iter(self.containers(name)), None)
        if there is not None and not force and there.definition.labels[HASH] == made.labels[HASH]:
            if there.state != "running":
                self.engine.start(there)
                return f" Container {there.name}  Started"
            return f" Container {there.name}  Running"
        if there is not None:
            there.stop()
            self.engine.remove(there, force=True)
        container = self.engine.make(made)
        self.engine.start(container)
        return f" Container {container.name}  {'Recreated' if there else 'Started'}"

    def definition(self, name: str, *, pull: bool = True) -> Definition:
        """Return what the container of a service is made from today. Raises `Refused`."""
        service = self.told["services"][name]
        image = self.engine.images.find(service["image"])
        if image is None:
            if not pull:
                raise Refused(
                    f" Container {self.name}-{name}-1  Error response from daemon: No such image: {service['image']}"
                )
            image = self.engine.images.pull(service["image"], "")
        configured = image.told["config"]
        own = dict(one.partition("=")[::2] for one in configured.get("Env") or ())
        for one in _list(service.get("env_file")):
            path = one["path"] if isinstance(one, dict) else one
            full = path if path.startswith("/") else f"{self.folder}/{path}"
            own |= compose_file.env_file(self.engine.real(full), full)
        own |= compose_file.pairs(service.get("environment"), self.given)
        made = Definition(
            name=service.get("container_name") or f"{self.name}-{name}-1",
            image=image.id,
            named=service["image"],
            environment=own,
            labels=compose_file.pairs(service.get("labels"), {}),
            command=tuple(_words(service.get("entrypoint"))) + tuple(_words(service.get("command"))),
            user=str(service.get("user") or configured.get("User") or ""),
            groups=tuple(int(one) for one in service.get("group_add") or ()),
            mounts=tuple(self._mount(one) for one in service.get("volumes") or ()),
            ports=tuple(_port(one) for one in service.get("ports") or ()),
            networks=tuple(self._networks(name, service)),
            restart=str(service.get("restart") or "no"),
            stop_signal=service.get("stop_signal") or "SIGTERM",
            grace=compose_file.seconds(service.get("stop_grace_period") or "10s"),
            checked=bool(service.get("healthcheck")) and not service["healthcheck"].get("disable"),
            memory=compose_file.size(service.get("mem_limit") or 0),
            cpus=float(service.get("cpus") or 0),
            pids=int(service.get("pids_limit") or 0),
            read_only=bool(service.get("read_only")),
            dropped=tuple(service.get("cap_drop") or ()),
            security=tuple(service.get("security_opt") or ()),
            logging=_logging(service.get("logging") or {}),
        )
        told = json.dumps([service, own, image.id], sort_keys=True, default=str)
        ours = {PROJECT: self.name, SERVICE: name, HASH: hashlib.sha256(told.encode()).hexdigest()}
        return replace(made, labels={**made.labels, **ours})

    def entrypoint(self, name: str) -> list[str]:
        return _words(self.told["services"][name].get("entrypoint"))

    def _mount(self, told: Any) -> Mount:
        if isinstance(told, dict):
            if told.get("type") not in {"bind", "volume"}:
                raise Refused(f"the type {told.get('type')!r} of a volume is not played")
            make = bool((told.get("bind") or {}).get("create_host_path", False))
            source = self._source(str(told["source"]))
            return self.engine.mount(source, told["target"], read_only=bool(told.get("read_only")), make=make)
        source, _, rest = told.partition(":")
        target, _, mode = rest.partition(":")
        return self.engine.mount(self._source(source), target, read_only="ro" in mode.split(","), make=True)

    def _source(self, source: str) -> str:
        if source.startswith("."):
            return f"{self.folder}/{source.removeprefix('./')}"
        if source.startswith("/"):
            return source
        if source not in (self.told.get("volumes") or {}):
            raise Refused(f"service refers to undefined volume {source}: invalid compose project")
        volume = (self.told["volumes"][source] or {}).get("name") or f"{self.name}_{source}"
        self.engine.volumes.setdefault(volume, {PROJECT: self.name})
        return str(volume)

    def _networks(self, name: str, service: Mapping[str, Any]) -> list[tuple[str, tuple[str, ...]]]:
        told = service.get("networks") or {"default": None}
        if isinstance(told, list):
            told = dict.fromkeys(told)
        found = []
        for one, more in told.items():
            about = (self.told.get("networks") or {}).get(one)
            if about is None and one != "default":
                raise Refused(f'service "{name}" refers to undefined network {one}: invalid compose project')
            about = about or {}
            network = about.get("name") or f"{self.name}_{one}"
            if network not in self.engine.networks:
                if about.get("external"):
                    raise Refused(f"network {network} declared as external, but could not be found")
                self.engine.networks[network] = {PROJECT: self.name}
            found.append((network, (name, *((more or {}).get("aliases") or ()))))
        return found


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []


def _words(value: Any) -> list[str]:
    if isinstance(value, str):
        raise Refused(f"a command as one text is not played: {value!r}")
    return [str(one) for one in value or ()]


def _port(told: Any) -> tuple[str, int, int]:
    if isinstance(told, dict):
        return str(told.get("host_ip") or ""), int(told["published"]), int(told["target"])
    address, _, rest = str(told).partition(":") if str(told).count(":") == 2 else ("", "", str(told))
    outside, _, inside = rest.partition(":")
    return address, int(outside), int(inside.removesuffix("/tcp"))


def _logging(told: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    return told.get("driver") or "json-file", {name: str(one) for name, one in (told.get("options") or {}).items()}
