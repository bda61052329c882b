"""The commands of `docker` that are about images and registries."""

import base64
import json
import os
from typing import TYPE_CHECKING, Any

from tests.servers.vm import container_commands, formats
from tests.servers.vm.documents import image_rows
from tests.servers.vm.engine import Engine
from tests.servers.vm.session import Session
from tests.servers.vm.words import Grammar, Refused, Words, daemon

if TYPE_CHECKING:
    from tests.servers.vm.commands import Command


def image_ls(engine: Engine, session: Session, words: Words) -> int:
    for image in [*engine.images.images.values()]:
        for row in image_rows(image.inspected()):
            if words.rest and row["Repository"] != words.rest[0]:
                continue
            shown = row if "--no-trunc" in words.flags else {**row, "ID": row["ID"][7:19]}
            shape = "{{.ID}}" if "--quiet" in words.flags else words.one("--format", "{{.Repository}} {{.Tag}} {{.ID}}")
            session.say(formats.filled(shape, shown))
    return 0


def image_rm(engine: Engine, session: Session, words: Words) -> int:
    return container_commands.each(session, words.rest, lambda one: session.say(
        *engine.images.remove(one, engine.used_images())))  # fmt: skip


def image_prune(engine: Engine, session: Session, words: Words) -> int:
    if "--force" not in words.flags:
        raise Refused("the played docker asks nobody: --force is missing")
    used = engine.used_images()
    for image in [*engine.images.images.values()]:
        if image.id not in used and ("--all" in words.flags or not (image.tags or image.digests)):
            session.say(*engine.images.remove(image.id, used))
    session.say("Total reclaimed space: 0B")
    return 0


def image_tag(engine: Engine, session: Session, words: Words) -> int:
    image, name = engine.images.need(words.rest[0]), words.rest[1]
    for other in engine.images.images.values():
        other.tags.discard(name if ":" in name else f"{name}:latest")
    image.tags.add(name if ":" in name else f"{name}:latest")
    return 0


def load(engine: Engine, session: Session, words: Words) -> int:
    path = words.one("--input")
    with open(engine.real(path) if path else os.dup(session.input), "rb") as source:  # noqa: PTH123 a descriptor
        session.say(*engine.images.load(source))
    return 0


def pull(engine: Engine, session: Session, words: Words) -> int:
    name = words.rest[0]
    image = engine.images.pull(name, login_of(engine, session, words, name.partition("/")[0]))
    if "--quiet" not in words.flags:
        session.say(f"Digest: {name.partition('@')[2]}", f"Status: Downloaded newer image for {name}")
    session.say(name)
    assert image is not None
    return 0


def login_of(engine: Engine, session: Session, words: Words, registry: str) -> str:
    """Return the login for a registry in the client's own configuration, "" for none."""
    try:
        told = json.loads(_configuration(engine, session, words).read_text())
    except (OSError, ValueError):
        return ""
    return base64.b64decode(told.get("auths", {}).get(registry, {}).get("auth", "")).decode()


def _configuration(engine: Engine, session: Session, words: Words) -> Any:
    home = session.environment.get("HOME", "/root")
    folder = words.one("--config") or session.environment.get("DOCKER_CONFIG") or f"{home}/.docker"
    return engine.real(folder if folder.startswith("/") else f"{session.directory}/{folder}") / "config.json"


def login(engine: Engine, session: Session, words: Words) -> int:
    if "--password-stdin" not in words.flags or not words.one("--username"):
        raise Refused("the played docker takes a password from its input alone")
    registry = engine.images.registries.get(words.rest[0])
    with os.fdopen(os.dup(session.input)) as given:
        text = f"{words.one('--username')}:{given.read().rstrip(chr(10))}"
    if registry is None or registry.down:
        raise daemon(f'Get "https://{words.rest[0]}/v2/": dial tcp: connection refused')
    if not registry.allows(text):
        raise daemon(f"login attempt to https://{words.rest[0]}/v2/ failed with status: 401 Unauthorized")
    path = _configuration(engine, session, words)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps({"auths": {words.rest[0]: {"auth": base64.b64encode(text.encode()).decode()}}}))
    session.say("Login Succeeded")
    return 0


def logout(engine: Engine, session: Session, words: Words) -> int:
    _configuration(engine, session, words).unlink(missing_ok=True)
    session.say(f"Removing login credentials for {words.rest[0]}")
    return 0


COMMANDS: "dict[str, tuple[Grammar, Command]]" = {
    "image ls": (Grammar(("-q --quiet", "--no-trunc", "--digests", "-a --all"), ("--format",), most=1), image_ls),
    "image rm": (Grammar((), (), least=1), image_rm),
    "image prune": (Grammar(("-a --all", "-f --force"), (), most=0), image_prune),
    "image tag": (Grammar(least=2, most=2), image_tag),
    "tag": (Grammar(least=2, most=2), image_tag),
    "load": (Grammar(("-q --quiet",), ("-i --input",), most=0), load),
    "image load": (Grammar(("-q --quiet",), ("-i --input",), most=0), load),
    "pull": (Grammar(("-q --quiet",), ("--platform",), least=1, most=1), pull),
    "image pull": (Grammar(("-q --quiet",), ("--platform",), least=1, most=1), pull),
    "login": (Grammar(("--password-stdin",), ("-u --username",), least=1, most=1), login),
    "logout": (Grammar(least=1, most=1), logout),
}
