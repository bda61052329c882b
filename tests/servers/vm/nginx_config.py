"""Read nginx's configuration as far as it is played: which file, which server, which location, and what it does."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_TOKEN = re.compile(r"""\s+|\#[^\n]*|([{};])|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|((?:\$\{[^}]*\}|[^\s{};"'])+)""")
OF_THE_IMAGE = ("mime.types", "fastcgi_params")  # what lies beside nginx's own configuration
BLOCKS = {"events", "http", "server", "location", "if", "map", "upstream", "types", "geo", "limit_except"}


class Emergency(Exception):
    """Hold why nginx does not take a configuration, in its own form."""

    def __init__(self, text: str) -> None:
        super().__init__(f"nginx: [emerg] {text}\nnginx: configuration file /etc/nginx/nginx.conf test failed")


@dataclass(frozen=True)
class Directive:
    name: str
    words: tuple[str, ...]
    inside: tuple["Directive", ...] = ()

    def all(self, name: str) -> Iterator["Directive"]:
        return (one for one in self.inside if one.name == name)

    def one(self, name: str) -> "Directive | None":
        return next(self.all(name), None)

    def word(self, name: str, default: str = "") -> str:
        found = self.one(name)
        return found.words[0] if found and found.words else default


@dataclass(frozen=True)
class Listen:
    """One address that a server listens at: a port, or the path of a socket."""

    port: int = 0
    path: str = ""
    tls: bool = False
    default: bool = False
    loopback: bool = False


@dataclass
class Server:
    block: Directive
    listens: list[Listen] = field(default_factory=list)
    names: tuple[str, ...] = ()


def _tokens(text: str) -> Iterator[tuple[str, bool]]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise Emergency(f"unexpected {text[at : at + 10]!r}")
        at = found.end()
        if found[1]:
            yield found[1], True
        elif found.lastindex:
            yield next(one for one in found.groups()[1:] if one is not None), False


def parsed(text: str, include: Callable[[str], Sequence[Directive]]) -> tuple[Directive, ...]:
    """Return the directives of a file. Raises `Emergency` where nginx would not read it."""
    tokens = _tokens(text)
    return tuple(_block(tokens, include, "", top=True))


def _block(
    tokens: Iterator[tuple[str, bool]], include: Callable[[str], Sequence[Directive]], within: str, *, top: bool = False
) -> Iterator[Directive]:
    words: list[str] = []
    for token, sign in tokens:
        if not sign:
            words.append(token)
            continue
        if token == "}":
            if words or top:
                raise Emergency('unexpected "}"')
            return
        if not words:
            raise Emergency(f'unexpected "{token}"')
        name, *rest = words
        words = []
        if token == "{":
            if name not in BLOCKS:
                raise Emergency(f'unknown directive "{name}"')
            yield Directive(name, tuple(rest), tuple(_block(tokens, include, name)))
        elif name == "include" and within not in {"map", "types"}:
            yield from include(rest[0])
        else:
            yield Directive(name, tuple(rest))
    if words or not top:
        raise Emergency('unexpected end of file, expecting ";" or "}"')


@dataclass
class Config:
    """Hold a configuration that was read, with the file that it came from."""

    directives: tuple[Directive, ...]
    servers: list[Server]

    @property
    def http(self) -> Directive:
        return next(one for one in self.directives if one.name == "http")

    def maps(self) -> Iterator[Directive]:
        return self.http.all("map")

    def upstream(self, name: str) -> str:
        """Return the address of an upstream's server, "" where there is none of that name."""
        found = next((one for one in self.http.all("upstream") if one.words[0] == name), None)
        return found.word("server") if found else ""


def read(path: str, outside: Callable[[str], Path | None]) -> Config:
    """Return the configuration of a file. `outside` says where a path of the container is on the machine."""

    def content(name: str) -> str:
        where = outside(name)
        try:
            return where.read_text() if where is not None else _missing(name)
        except OSError as error:
            raise Emergency(f'open() "{name}" failed ({error.errno}: {error.strerror})') from error

    def include(name: str) -> Sequence[Directive]:
        full = name if name.startswith("/") else f"{path.rpartition('/')[0]}/{name}"
        if name.rpartition("/")[2] in OF_THE_IMAGE and (
            outside(full) is None or not (outside(full) or Path()).exists()
        ):
            return ()
        if "*" in full:
            folder, _, pattern = full.rpartition("/")
            where = outside(folder)
            found = sorted(where.glob(pattern)) if where else []
            return [one for file in found for one in parsed(content(f"{folder}/{file.name}"), include)]
        return parsed(content(full), include)

    directives = parsed(content(path), include)
    if not any(one.name == "http" for one in directives):
        raise Emergency('no "http" section in configuration')
    config = Config(directives, [])
    for block in config.http.all("server"):
        names = tuple(word for one in block.all("server_name") for word in one.words)
        config.servers.append(Server(block, [_listen(one.words) for one in block.all("listen")], names))
    return config


def _missing(name: str) -> str:
    raise Emergency(f'open() "{name}" failed (2: No such file or directory)')


def _listen(words: Sequence[str]) -> Listen:
    address, more = words[0], set(words[1:])
    tls, default = "ssl" in more, "default_server" in more
    if address.startswith("unix:"):
        return Listen(path=address.removeprefix("unix:"), tls=tls, default=default)
    port = address.rpartition(":")[2]
    if not port.isdigit():
        raise Emergency(f'invalid port in "{address}" of the "listen" directive')
    return Listen(int(port), tls=tls, default=default, loopback=address.startswith("127."))
