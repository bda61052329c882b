"""The commands of `docker` that are about containers."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from tests.servers.vm import formats, inside
from tests.servers.vm.container import Definition, Line, Mount
from tests.servers.vm.engine import Engine
from tests.servers.vm.session import Session
from tests.servers.vm.words import Grammar, Refused, Words, daemon

if TYPE_CHECKING:
    from tests.servers.vm.commands import Command

ABSENT = {"exitCode": "<no value>"}  # what a template makes of an attribute that an event doesn't have
SIGNALS = {"TERM", "KILL", "HUP", "QUIT", "INT", "USR1", "USR2", "WINCH"}


def each(session: Session, names: Sequence[str], act: Callable[[str], None]) -> int:
    """Do it for each name; what is refused is told, and the others are done all the same."""
    status = 0
    for name in names:
        try:
            act(name)
        except Refused as refused:
            session.complain(refused.text)
            status = 1
    return status


def kill(engine: Engine, session: Session, words: Words) -> int:
    name = words.one("--signal", "KILL").removeprefix("SIG")
    if name not in SIGNALS:
        raise daemon(f"invalid signal: {name}")

    def one(named: str) -> None:
        engine.need(named).signal(f"SIG{name}")
        session.say(named)

    return each(session, words.rest, one)


def stop(engine: Engine, session: Session, words: Words) -> int:
    given = words.one("--time") or words.one("--timeout")

    def one(named: str) -> None:
        engine.need(named).stop(float(given) if given else None)
        session.say(named)

    return each(session, words.rest, one)


def start(engine: Engine, session: Session, words: Words) -> int:
    def one(named: str) -> None:
        engine.start(engine.need(named))
        session.say(named)

    return each(session, words.rest, one)


def restart(engine: Engine, session: Session, words: Words) -> int:
    def one(named: str) -> None:
        container = engine.need(named)
        container.stop()
        engine.start(container)
        session.say(named)

    return each(session, words.rest, one)


def rm(engine: Engine, session: Session, words: Words) -> int:
    def one(named: str) -> None:
        if engine.find(named) is None and "--force" in words.flags:
            raise Refused(f"Error response from daemon: No such container: {named}")
        engine.remove(engine.need(named), force="--force" in words.flags)
        session.say(named)

    status = each(session, words.rest, one)
    return 0 if "--force" in words.flags else status


def rename(engine: Engine, session: Session, words: Words) -> int:
    container, name = engine.need(words.rest[0]), words.rest[1]
    if name in engine.containers:
        raise daemon(f'Error when allocating new name: Conflict. The container name "/{name}" is already in use')
    with engine.lock:
        del engine.containers[container.name]
        container.rename(name)
        engine.containers[name] = container
    return 0


def wait(engine: Engine, session: Session, words: Words) -> int:
    for name in words.rest:
        container = engine.need(name)
        while not container.wait(0.2):
            if session.gone():
                return 130
        session.say(str(container.exit_code))
    return 0


def logs(engine: Engine, session: Session, words: Words) -> int:
    container = engine.need(words.rest[0])
    tail, since = words.one("--tail", "all"), _moment(words.one("--since"))
    count = -1 if tail == "all" else int(tail)
    follow, stamped = "--follow" in words.flags, "--timestamps" in words.flags
    for line in container.lines(count, follow=follow, gone=session.gone):
        if line.at >= since:
            session.say(_shown(line, stamped))
    return 0


def events(engine: Engine, session: Session, words: Words) -> int:
    """Say what became of a container between two moments, as the engine remembers it."""
    wanted = [one.partition("=")[::2] for one in words.all("--filter")]
    if unknown := {name for name, _ in wanted} - {"container", "event"}:
        raise daemon(f"invalid filter '{unknown.pop()}'")
    names, kinds = ({value for name, value in wanted if name == key} for key in ("container", "event"))
    since, until = _moment(words.one("--since")), _moment(words.one("--until"))
    if not until:
        raise daemon("the played engine tells no events to come")
    while time.time() < until and not session.gone():
        time.sleep(0.05)
    told = [(one, event) for one in engine.containers.values() if one.name in names for event in [*one.events]]
    for one, (at, kind, more) in sorted(told, key=lambda each: each[1][0]):
        if since <= at <= until and kind in kinds:
            attributes = {**ABSENT, "name": one.name, **more}
            event = {"Type": "container", "Action": kind, "Actor": {"ID": one.id, "Attributes": attributes}}
            session.say(formats.filled(words.one("--format"), event))
    return 0


def _shown(line: Line, stamped: bool) -> str:
    return f"{line.stamp} {line.text}" if stamped else line.text


def _moment(text: str) -> float:
    """Return what `--since` means: seconds of the epoch, a time, or how long ago."""
    if not text:
        return 0.0
    if text[-1] in "smh" and text[:-1].isdigit():
        return time.time() - int(text[:-1]) * {"s": 1, "m": 60, "h": 3600}[text[-1]]
    try:
        return float(text)
    except ValueError:
        pass
    try:
        whole, _, rest = text.rstrip("Z").partition(".")
        return datetime.fromisoformat(f"{whole}.{rest[:6] or 0}+00:00").timestamp()
    except ValueError as error:
        raise daemon(f'invalid value for "since": failed to parse value as time or duration: "{text}"') from error


def execute(engine: Engine, session: Session, words: Words) -> int:
    """Run a program in a container that runs: one of ours from this checkout, or one that is played."""
    name, *command = words.rest
    container = engine.need(name)
    if container.state != "running":
        raise daemon(f"container {container.id} is not running", 1)
    if not command:
        raise Refused('"docker exec" requires at least 2 arguments.')
    given = dict(one.partition("=")[::2] for one in words.all("--env"))
    return inside.run(engine, container, command, session, given, fed="--interactive" in words.flags)


def run(engine: Engine, session: Session, words: Words) -> int:
    """Make a container, and let the command in it come to its end."""
    named, *command = words.rest
    image = engine.images.find(named)
    if image is None:
        if words.one("--pull", "missing") != "never":
            raise Refused(f"docker: the played docker pulls by itself nothing: {named}", 125)
        raise Refused(f"docker: Error response from daemon: No such image: {named}", 125)
    own = dict(one.partition("=")[::2] for one in image.told["config"].get("Env") or ())
    for one in words.all("--env"):
        key, equals, value = one.partition("=")
        if equals or key in session.environment:
            own[key] = value if equals else session.environment[key]
    if words.one("--entrypoint"):
        command.insert(0, words.one("--entrypoint"))
    definition = Definition(
        name=words.one("--name") or f"eager_{time.monotonic_ns()}",
        image=image.id,
        named=named,
        environment=own,
        labels=dict(one.partition("=")[::2] for one in words.all("--label")),
        command=tuple(command),
        user=words.one("--user") or image.told["config"].get("User", ""),
        groups=tuple(int(one) for one in words.all("--group-add")),
        mounts=tuple(_mount(engine, one) for one in words.all("--volume"))
        + tuple(_long_mount(engine, one) for one in words.all("--mount")),
        networks=tuple((one, ()) for one in words.all("--network") if one not in {"none", "host"}),
        read_only="--read-only" in words.flags,
    )
    return ran(engine, session, definition, kept="--rm" not in words.flags, apart="--detach" in words.flags)


def _mount(engine: Engine, text: str) -> Mount:
    source, _, rest = text.partition(":")
    target, _, mode = rest.partition(":")
    return engine.mount(source, target, read_only="ro" in mode.split(","), make=True)


def _long_mount(engine: Engine, text: str) -> Mount:
    told = dict(one.partition("=")[::2] for one in text.split(","))
    source, target = told.get("source") or told["src"], told.get("target") or told.get("dst") or told["destination"]
    return engine.mount(source, target, read_only="readonly" in told or "ro" in told, make=False)


def ran(engine: Engine, session: Session, definition: Definition, *, kept: bool, apart: bool) -> int:
    """Run a container's command to its end, say what it says, and end as it does; `apart`: only say its id."""
    container = engine.make(definition, lambda made: inside.errand(engine, made))
    engine.start(container)
    if apart:
        session.say(container.id)
        return 0
    container.wait()
    session.say(*(line.text for line in container.log))
    if not kept:
        engine.remove(container, force=True)
    return container.exit_code


NAMES = Grammar(least=1)
COMMANDS: "dict[str, tuple[Grammar, Command]]" = {
    "kill": (Grammar(values=("-s --signal",), least=1), kill),
    "stop": (Grammar(values=("-t --time", "--timeout"), least=1), stop),
    "start": (NAMES, start),
    "restart": (NAMES, restart),
    "rename": (Grammar(least=2, most=2), rename),
    "rm": (Grammar(("-f --force", "-v --volumes"), least=1), rm),
    "wait": (NAMES, wait),
    "logs": (
        Grammar(("-f --follow", "-t --timestamps"), ("-n --tail", "--since"), least=1, most=1),
        logs,
    ),
    "events": (Grammar(values=("-f --filter", "--since", "--until", "--format"), most=0), events),
    "exec": (
        Grammar(("-i --interactive", "-t --tty"), ("-e --env", "-u --user", "-w --workdir"), least=1, ends=True),
        execute,
    ),
    "run": (
        Grammar(
            ("--rm", "--read-only", "-i --interactive", "-d --detach", "--init"),
            ("--name", "-e --env", "-v --volume", "--mount", "--network", "-u --user", "--group-add", "--entrypoint",
             "--label", "--pull", "--tmpfs", "--cap-drop", "--security-opt", "-m --memory", "--cpus", "--pids-limit",
             "--log-driver", "--stop-timeout", "--ulimit"),
            least=1, ends=True,
        ),
        run,
    ),
}  # fmt: skip
