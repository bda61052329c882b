"""The commands of `docker`: what each takes, refuses, does and says."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.servers.vm import compose_commands, container_commands, formats, image_commands
from tests.servers.vm.documents import inspected, listed
from tests.servers.vm.engine import Engine
from tests.servers.vm.session import Session
from tests.servers.vm.words import Grammar, Refused, Words, daemon, read

VERSION = "28.2.2"
Command = Callable[[Engine, Session, Words], int]
READS = {
    "version", "info", "ps", "inspect", "image ls", "image inspect", "network inspect", "network ls", "logs", "exec",
    "events", "volume ls", "container inspect", "compose version",
}  # fmt: skip


def version(engine: Engine, session: Session, words: Words) -> int:
    side = {"Version": VERSION, "ApiVersion": "1.50", "Os": "linux", "Arch": "amd64"}
    return _say(session, words, {"Client": side, "Server": {**side, "MinAPIVersion": "1.24"}})


def info(engine: Engine, session: Session, words: Words) -> int:
    told = {
        "ServerVersion": VERSION, "Driver": "overlay2", "CgroupVersion": "2", "CgroupDriver": "systemd", "NCPU": 2,
        "MemTotal": 4 << 30, "DockerRootDir": "/var/lib/docker", "LiveRestoreEnabled": False, "OSType": "linux",
        "Architecture": "x86_64", "SecurityOptions": ["name=seccomp,profile=builtin"], "LoggingDriver": "json-file",
        "OperatingSystem": "Debian GNU/Linux 12 (bookworm)", "Containers": len(engine.containers), "Warnings": None,
        "Images": len(engine.images.images), "DriverStatus": [["Backing Filesystem", "extfs"]],
    }  # fmt: skip
    return _say(session, words, told)


def _say(session: Session, words: Words, row: Mapping[str, Any]) -> int:
    session.say(formats.filled(words.one("--format", "{{json .}}"), row))
    return 0


def ps(engine: Engine, session: Session, words: Words) -> int:
    chosen = [one for one in reversed([*engine.containers.values()]) if "--all" in words.flags or one.runs]
    for told in words.all("--filter"):
        name, _, value = told.partition("=")
        if name == "label":
            key, equals, wanted = value.partition("=")
            chosen = [one for one in chosen if key in one.definition.labels
                      and (not equals or one.definition.labels[key] == wanted)]  # fmt: skip
        elif name == "name":
            chosen = [one for one in chosen if re.search(value, f"/{one.name}") or re.search(value, one.name)]
        elif name == "status":
            chosen = [one for one in chosen if one.state == value]
        elif name == "ancestor":
            chosen = [one for one in chosen if value in {one.definition.image, one.definition.named}]
        else:
            raise daemon(f"invalid filter '{name}'")
    for one in chosen:
        row = listed(one, whole="--no-trunc" in words.flags)
        shape = "{{.ID}}" if "--quiet" in words.flags else words.one("--format", "{{.ID}} {{.Image}} {{.Names}}")
        session.say(formats.filled(shape, row))
    return 0


def inspect(engine: Engine, session: Session, words: Words) -> int:
    """Say what is known of each, as one list or a line each; those that are not there are told at the end."""
    kind, found, missing = words.one("--type"), list[dict[str, Any]](), list[str]()
    for name in words.rest:
        container = engine.find(name) if kind in {"", "container"} else None
        image = engine.images.find(name) if kind in {"", "image"} and container is None else None
        if container is not None:
            found.append(inspected(container))
        elif image is not None:
            found.append(image.inspected())
        elif kind in {"", "network"} and name in engine.networks:
            found.append(_network(engine, name))
        else:
            missing.append(name)
    shape = words.one("--format")
    if shape and shape != "json":
        session.say(*(formats.filled(shape, one) for one in found))
    else:
        session.say(json.dumps(found, indent=None if shape else 4))
    what = {"": "object", "container": "container"}.get(kind, kind)
    session.complain(*(f"Error: No such {what}: {name}" for name in missing))
    return 1 if missing else 0


def _network(engine: Engine, name: str) -> dict[str, Any]:
    inside = {one.id: {"Name": one.name} for one in [*engine.containers.values()]
              if one.runs and name in {network for network, _ in one.definition.networks}}  # fmt: skip
    return {"Name": name, "Id": name.encode().hex().ljust(64, "0")[:64], "Driver": "bridge", "Scope": "local",
            "Internal": False, "Labels": engine.networks[name], "Containers": inside}  # fmt: skip


def image_inspect(engine: Engine, session: Session, words: Words) -> int:
    words.values["--type"] = ["image"]
    return inspect(engine, session, words)


def container_inspect(engine: Engine, session: Session, words: Words) -> int:
    words.values["--type"] = ["container"]
    return inspect(engine, session, words)


def network_inspect(engine: Engine, session: Session, words: Words) -> int:
    words.values["--type"] = ["network"]
    return inspect(engine, session, words)


def network_create(engine: Engine, session: Session, words: Words) -> int:
    name = words.rest[0]
    if name in engine.networks:
        raise daemon(f"network with name {name} already exists")
    engine.networks[name] = dict(one.partition("=")[::2] for one in words.all("--label"))
    session.say(_network(engine, name)["Id"])
    return 0


def network_rm(engine: Engine, session: Session, words: Words) -> int:
    def one(name: str) -> None:
        if name not in engine.networks:
            raise daemon(f"network {name} not found")
        if _network(engine, name)["Containers"]:
            raise daemon(f"error while removing network: network {name} has active endpoints")
        del engine.networks[name]
        session.say(name)

    return container_commands.each(session, words.rest, one)


def network_ls(engine: Engine, session: Session, words: Words) -> int:
    for name in engine.networks:
        row = {"Name": name, "Driver": "bridge", "ID": _network(engine, name)["Id"][:12]}
        session.say(name if "--quiet" in words.flags else formats.filled(words.one("--format", "{{.Name}}"), row))
    return 0


def volume_ls(engine: Engine, session: Session, words: Words) -> int:
    wanted = [one.removeprefix("label=").partition("=")[::2] for one in words.all("--filter")]
    for name, labels in engine.volumes.items():
        if all(labels.get(key) == value for key, value in wanted):
            session.say(name)
    return 0


def volume_rm(engine: Engine, session: Session, words: Words) -> int:
    def one(name: str) -> None:
        if name not in engine.volumes:
            raise daemon(f"get {name}: no such volume")
        del engine.volumes[name]
        session.say(name)

    return container_commands.each(session, words.rest, one)


FORMAT, FILTER = "-f --format", "-f --filter"
COMMANDS: dict[str, tuple[Grammar, Command]] = {
    "version": (Grammar(values=(FORMAT,), most=0), version),
    "info": (Grammar(values=(FORMAT,), most=0), info),
    "ps": (Grammar(("-a --all", "-q --quiet", "--no-trunc"), (FILTER, "--format"), most=0), ps),
    "inspect": (Grammar((), (FORMAT, "--type"), least=1), inspect),
    "container inspect": (Grammar((), (FORMAT,), least=1), container_inspect),
    "image inspect": (Grammar((), (FORMAT,), least=1), image_inspect),
    "network create": (Grammar(values=("-d --driver", "--label", "-o --opt"), least=1, most=1), network_create),
    "network inspect": (Grammar(values=(FORMAT,), least=1), network_inspect),
    "network rm": (Grammar(("-f --force",), least=1), network_rm),
    "network ls": (Grammar(("-q --quiet",), ("--format",), most=0), network_ls),
    "volume ls": (Grammar(("-q --quiet",), (FILTER,), most=0), volume_ls),
    "volume rm": (Grammar(least=1), volume_rm),
    **container_commands.COMMANDS,
    **image_commands.COMMANDS,
    **compose_commands.COMMANDS,
}


def run(engine: Engine, session: Session) -> int:
    """Carry out one command. Raises `Refused`."""
    argv = list(session.argv)
    if engine.down:
        return -1  # its client says that nobody answers
    given = []
    while argv[:1] == ["--config"]:
        given, argv = argv[1:2], argv[2:]
    name = next((one for one in (" ".join(argv[:2]), " ".join(argv[:1])) if one in COMMANDS), "")
    if not name and argv[:1] == ["compose"]:
        return compose_commands.run(engine, session, argv[1:])
    if not name:
        raise Refused(
            f"docker: unknown command: docker {' '.join(argv[:2])}\n\nRun 'docker --help' for more information"
        )
    grammar, act = COMMANDS[name]
    words = read(f"docker {name}", argv[len(name.split()) :], grammar)
    if given:
        words.values["--config"] = given
    if name not in READS:
        engine.changes.append(name)
    return act(engine, session, words)
