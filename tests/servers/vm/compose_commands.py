"""The commands of `docker compose`."""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.servers.vm import compose_file, container_commands, formats
from tests.servers.vm.compose import PROJECT, SERVICE, Project
from tests.servers.vm.container import Container
from tests.servers.vm.documents import listed
from tests.servers.vm.engine import Engine
from tests.servers.vm.session import Session
from tests.servers.vm.words import Grammar, Refused, Words, read

if TYPE_CHECKING:
    from tests.servers.vm.commands import Command

VERSION = "2.36.2"
WHOLE = Grammar(
    ("--ansi",), ("-p --project-name", "-f --file", "--env-file", "--progress", "--project-directory"), ends=True
)
BELOW = {
    "up": Grammar(
        ("-d --detach", "--force-recreate", "--no-build", "--no-deps", "--remove-orphans", "--wait", "--quiet-pull",
         "--no-color"),
        ("--pull", "-t --timeout", "--wait-timeout"),
    ),
    "stop": Grammar((), ("-t --timeout",)),
    "start": Grammar(),
    "restart": Grammar(("--no-deps",), ("-t --timeout",)),
    "down": Grammar(("--remove-orphans", "-v --volumes"), ("-t --timeout",)),
    "rm": Grammar(("-f --force", "-s --stop", "-v --volumes")),
    "ps": Grammar(("-a --all", "-q --quiet", "--no-trunc"), ("--format", "--filter")),
    "config": Grammar(("-q --quiet", "--services", "--images", "--no-interpolate"), ("--hash", "--format")),
    "logs": Grammar(("-f --follow", "-t --timestamps", "--no-color", "--no-log-prefix"), ("-n --tail", "--since")),
    "exec": Grammar(("-T --no-TTY",), ("-e --env", "--index"), least=2, ends=True),
    "run": Grammar(
        ("-d --detach", "-T --no-TTY", "--no-deps", "--rm"), ("--name", "-l --label", "-e --env", "--pull"), least=1,
        ends=True,
    ),
    "kill": Grammar((), ("-s --signal",)),
}  # fmt: skip


def version(engine: Engine, session: Session, words: Words) -> int:
    session.say(VERSION if "--short" in words.flags else f"Docker Compose version v{VERSION}")
    return 0


COMMANDS: "dict[str, tuple[Grammar, Command]]" = {
    "compose version": (Grammar(("--short",), ("-f --format",), most=0), version)
}


def run(engine: Engine, session: Session, argv: list[str]) -> int:
    """Carry out one command of Compose. Raises `Refused`."""
    whole = read("docker compose", argv, WHOLE)
    if not whole.rest or whole.rest[0] not in BELOW:
        raise Refused(f'unknown docker command: "compose {" ".join(whole.rest[:1])}"')
    name, *given = whole.rest
    words = read(f"docker compose {name}", given, BELOW[name])
    if name not in {"ps", "config", "logs"}:
        engine.changes.append(f"compose {name}")
    shown = whole.one("--file")
    if not shown or not whole.one("--project-name"):
        raise Refused("the played docker compose wants its project and its file named: -p and -f")
    full = shown if shown.startswith("/") else f"{session.directory}/{shown}"
    variables = dict(session.environment)
    for one in whole.all("--env-file"):
        path = one if one.startswith("/") else f"{session.directory}/{one}"
        variables = {**compose_file.env_file(engine.real(path), one), **variables}
    told = compose_file.read(engine.real(full), shown, variables)
    project = Project(engine, whole.one("--project-name"), told, variables, os.path.dirname(full))  # noqa: PTH120 a path of the machine
    return _act(name, project, session, words)


def _act(name: str, project: Project, session: Session, words: Words) -> int:
    acts: dict[str, Callable[[Project, Session, Words], int]] = {
        "up": _up,
        "run": _run,
        "exec": _exec,
        "ps": _ps,
        "config": _config,
        "logs": _logs,
        "start": _start,
        "restart": _start,
    }
    if name in acts:
        return acts[name](project, session, words)
    return _end(name, project, session, words)


def _there(project: Project, words: Words) -> list[Container]:
    return [one for one in project.containers() if not words.rest or one.definition.labels[SERVICE] in words.rest]


def _config(project: Project, session: Session, words: Words) -> int:
    for service in project.told["services"]:
        project.definition(service)
    session.say(*(project.told["services"] if "--services" in words.flags else ()))
    return 0


def _start(project: Project, session: Session, words: Words) -> int:
    for one in _there(project, words):
        if words.command.endswith("restart"):
            one.stop()
        project.engine.start(one)
    return 0


def _ps(project: Project, session: Session, words: Words) -> int:
    shape = "{{.ID}}" if "--quiet" in words.flags else words.one("--format", "{{.Names}} {{.State}}")
    for one in _there(project, words):
        if one.runs or "--all" in words.flags:
            row = listed(one, whole=True)
            row |= {"Name": one.name, "Service": one.definition.labels[SERVICE], "Project": project.name}
            session.say(formats.filled(shape, {**row, "Health": one.health, "ExitCode": one.exit_code}))
    return 0


def _logs(project: Project, session: Session, words: Words) -> int:
    for one in _there(project, words):
        session.say(*(line.text for line in one.log))
    return 0


def _exec(project: Project, session: Session, words: Words) -> int:
    there = project.containers(words.rest[0])
    if not there:
        raise Refused(f'service "{words.rest[0]}" is not running')
    words.rest[0] = there[0].name
    words.flags.add("--interactive")
    return container_commands.execute(project.engine, session, words)


def _up(project: Project, session: Session, words: Words) -> int:
    if "--detach" not in words.flags and "--wait" not in words.flags:
        raise Refused("the played docker compose stays nowhere: up -d")
    pull = words.one("--pull", "missing")
    if pull not in {"never", "missing"}:
        raise Refused(f"the played docker compose does not know --pull {pull}")
    names = project.order(words.rest, alone="--no-deps" in words.flags)
    for one in names:
        project.definition(one, pull=pull != "never")  # all of it is looked at before anything is done
    for one in names:
        session.complain(project.up(one, force="--force-recreate" in words.flags, pull=pull != "never"))
    if "--remove-orphans" in words.flags:
        for container in project.containers():
            if container.definition.labels[SERVICE] not in project.told["services"]:
                container.stop()
                project.engine.remove(container, force=True)
    if "--wait" in words.flags:
        failed = [one for one in project.containers() if not one.runs or one.health == "unhealthy"]
        if failed:
            raise Refused(f"container {failed[0].name} is unhealthy")
    return 0


def _end(name: str, project: Project, session: Session, words: Words) -> int:
    engine = project.engine
    grace = float(words.one("--timeout")) if words.one("--timeout") else None
    for one in _there(project, words):
        if name == "kill":
            one.signal(f"SIG{words.one('--signal', 'KILL').removeprefix('SIG')}")
            continue
        if name != "rm" or "--stop" in words.flags:
            one.stop(grace)
            session.complain(f" Container {one.name}  Stopped")
        if name in {"down", "rm"}:
            engine.remove(one, force=name == "down")
            session.complain(f" Container {one.name}  Removed")
    if name == "down":
        for network, labels in [*engine.networks.items()]:
            if labels.get(PROJECT) == project.name:
                del engine.networks[network]
        if "--volumes" in words.flags:
            for volume, labels in [*engine.volumes.items()]:
                if labels.get(PROJECT) == project.name:
                    del engine.volumes[volume]
    return 0


def _run(project: Project, session: Session, words: Words) -> int:
    service, *command = words.rest
    if service not in project.told["services"]:
        raise Refused(f"no such service: {service}")
    made = project.definition(service, pull=words.one("--pull", "missing") != "never")
    more = dict(one.partition("=")[::2] for one in words.all("--env"))
    labels = dict(one.partition("=")[::2] for one in words.all("--label"))
    definition = replace(
        made,
        name=words.one("--name") or f"{project.name}-{service}-run-1",
        command=(*project.entrypoint(service), *command) if command else made.command,
        environment={**made.environment, **more},
        labels={**made.labels, **labels, "oneoff": "True"},
        ports=(),
        restart="no",
        checked=False,
    )
    return container_commands.ran(
        project.engine, session, definition, kept="--rm" not in words.flags, apart="--detach" in words.flags
    )
