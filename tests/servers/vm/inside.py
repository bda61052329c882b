"""What is run in a container that is played: modules of this checkout, nginx's own commands, and migrations."""

import contextlib
import http.client
import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from decodeat import ask
from decodeat_ops.targets.vm.documents.paths import GENERATION_PORT
from tests.servers.vm.container import Container
from tests.servers.vm.engine import Engine
from tests.servers.vm.nginx_config import Emergency
from tests.servers.vm.played_nginx import Loaded, Nginx
from tests.servers.vm.played_postgres import Postgres
from tests.servers.vm.session import Session
from tests.servers.vm.unix_sockets import reachable
from tests.servers.vm.words import Refused

REPOSITORY = Path(__file__).resolve().parents[3]
WITHIN = Path(__file__).with_name("within.py")
TESTS_WELL = (
    "nginx: the configuration file /etc/nginx/nginx.conf syntax is ok\n"
    "nginx: configuration file /etc/nginx/nginx.conf test is successful"
)


class Streams(Protocol):
    def say(self, *lines: str) -> None: ...

    def complain(self, *lines: str) -> None: ...


def run(
    engine: Engine,
    container: Container,
    command: Sequence[str],
    session: Session,
    given: Mapping[str, str],
    *,
    fed: bool,
) -> int:
    """Run a command in a container that runs, with its variables and its view of the machine."""
    program = container.program
    if isinstance(program, Nginx) and command[0] == "nginx":
        return nginx(program, command[1:], session)
    if isinstance(program, Nginx) and command[:2] == ["sh", "-c"] and "/generation" in command[2]:
        return _generation(program, session)
    if isinstance(program, Postgres):
        return _postgres(program, command, session, fed=fed)
    match command:
        case ["python", "-m", "decodeat.ask"]:
            return _ask(engine, container, session) if fed else 0
        case ["python", "-m", module, *words] if module.startswith("decodeat"):
            return _python(engine, container, (module, *words), session, given, fed=fed)
        case ["python", "-c", text]:
            return subprocess.run(
                (sys.executable, "-c", text), env=dict(container.definition.environment), stdin=subprocess.DEVNULL,
                stdout=session.output, stderr=session.errors, check=False,
            ).returncode  # fmt: skip
        case ["cat", path]:
            where = container.definition.outside(path)
            if where is None or not where.is_file():
                session.complain(f"cat: {path}: No such file or directory")
                return 1
            session.say(where.read_text().rstrip("\n"))
            return 0
    raise Refused(f"OCI runtime exec failed: exec failed: {command} is not played", 126)


def _generation(program: Nginx, session: Session) -> int:
    """Say what the program that an image of nginx has, wget or curl, says of the files in use."""
    host, port = program.bound[GENERATION_PORT]
    connection = http.client.HTTPConnection(host, port, timeout=60)
    connection.request("GET", "/generation")
    session.say(connection.getresponse().read().decode())
    connection.close()
    return 0


def _postgres(program: Postgres, command: Sequence[str], session: Session, *, fed: bool) -> int:
    match [*command]:
        case ["pg_isready", "-q", "-h", "127.0.0.1"]:
            return 0
        case ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", "decodeat", "-d", "decodeat"] if fed:
            with open(os.dup(session.input)) as given:  # noqa: PTH123 a descriptor
                program.psql(given.read())
            return 0
    raise Refused(f"OCI runtime exec failed: exec failed: {command} is not played", 126)


def nginx(program: Nginx, words: Sequence[str], streams: Streams) -> int:
    if words[:1] == ["-c"]:
        words = words[2:]  # the file that it was started with
    try:
        match [*words]:
            case ["-s", "reload"]:
                program.tested()
                program.reload()
            case ["-s", "quit" | "stop"]:
                program.signal("SIGQUIT")
            case ["-t", *_]:
                program.tested()
                streams.complain(*TESTS_WELL.splitlines())
            case _:
                raise Refused(f'nginx: invalid option: "{" ".join(words)}"')
    except Emergency as error:
        streams.complain(*str(error).splitlines())
        return 1
    return 0


def _python(
    engine: Engine, container: Container, words: Sequence[str], session: Session, given: Mapping[str, str], *, fed: bool
) -> int:
    told = {
        "paths": [[mount.target, str(mount.real)] for mount in container.definition.mounts],
        "names": engine.reach(container),
    }
    environment = {
        "PYTHONPATH": str(REPOSITORY),
        "PATH": os.environ["PATH"],
        **container.definition.environment,
        **given,
    }
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    argv = (sys.executable, str(WITHIN), json.dumps(told), *words)
    running = subprocess.Popen(
        argv, env=environment, stdin=session.input if fed else subprocess.DEVNULL,
        stdout=session.output, stderr=session.errors,
    )  # fmt: skip
    ends = os.pidfd_open(running.pid)
    try:
        while not select.select([ends], [], [], 0.2)[0]:
            if session.gone() or container.state != "running":
                running.kill()
    finally:
        os.close(ends)
    return running.wait() & 255


def _ask(engine: Engine, container: Container, session: Session) -> int:
    """Answer as `python -m decodeat.ask` does, by its own code, in this process: starting one takes most of a test."""
    with open(os.dup(session.input), "rb") as requests:  # noqa: PTH123 a descriptor
        for line in requests:
            if container.state != "running":
                return 137
            with _as_from_there(engine, container, line) as seen:
                session.say(json.dumps(ask.answer(seen)))
    return 0


@contextlib.contextmanager
def _as_from_there(engine: Engine, container: Container, line: bytes) -> Iterator[bytes]:
    """Yield a request with the addresses that its socket and names have on this machine."""
    try:
        told = json.loads(line)
    except ValueError:
        yield line
        return
    if "unix" in told:
        path = container.definition.outside(told["unix"])
        if path is None or not path.parent.is_dir():
            yield json.dumps({**told, "unix": "/nonexistent"}).encode()
            return
        with reachable(path) as address:
            yield json.dumps({**told, "unix": address}).encode()
        return
    there = engine.reach(container).get(told.get("host", ""), {})
    address, port = there.get(str(told.get("port")), ("127.0.0.1", 1))  # nobody listens there
    headers = {"Host": told.get("name") or told.get("host"), **told.get("headers", {})}
    yield json.dumps({**told, "host": address, "port": port, "headers": headers}).encode()


def errand(engine: Engine, container: Container) -> tuple[int, str]:
    """Carry out the command of a container that ends by itself: its exit status, and what it says."""
    definition = container.definition
    said: list[str] = []

    class Said:
        def say(self, *lines: str) -> None:
            said.extend(lines)

        complain = say

    match [one for one in definition.command if one != "/usr/bin/env"]:
        case ["nginx", *words] if "-t" in words:
            status = _tested(engine, container, Said())
            return status, "\n".join(said)
        case ["python", "-m", "decodeat", *words]:
            return _decodeat(engine, container, words)
    raise Refused(f"docker: Error response from daemon: the command {definition.command} is not played", 127)


def _tested(engine: Engine, container: Container, streams: Streams) -> int:
    try:
        if engine.nginx_refuses:
            raise Emergency(engine.nginx_refuses)
        Loaded(container)
    except Emergency as error:
        streams.complain(*str(error).splitlines())
        return 1
    streams.complain(*TESTS_WELL.splitlines())
    return 0


def _decodeat(engine: Engine, container: Container, words: Sequence[str]) -> tuple[int, str]:
    """Play a migration or run what the service answers of itself without a database."""
    definition = container.definition
    behaviour = engine.behaves(definition.environment)
    if "--migrate" in words and behaviour.migration:
        return behaviour.migration, "\n".join((*behaviour.lines, '{"ok": false, "problem": "broken on purpose"}'))
    environment = {"PYTHONPATH": str(REPOSITORY), "PATH": os.environ["PATH"], **definition.environment}
    told = {"paths": [], "names": engine.reach(container)}
    database = _database(engine, definition.environment.get("DATABASE_URL", "none"))
    for mount in definition.mounts:
        database = database.replace(f"//{mount.target}/", f"//{mount.real}/")
    environment["DATABASE_URL"] = database
    done = subprocess.run(
        (sys.executable, str(WITHIN), json.dumps(told), "decodeat", *words), env=environment, cwd=REPOSITORY,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def _database(engine: Engine, address: str) -> str:
    """Return where the database is really that an address names."""
    url = urlsplit(address)
    for container in [*engine.containers.values()]:
        if isinstance(container.program, Postgres) and url.hostname == "postgres":
            return container.program.database(unquote(url.password or ""))
    return address
