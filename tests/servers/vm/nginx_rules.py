"""Decide by nginx's configuration what becomes of a request: an answer of its own, a file, or a server behind it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tests.servers.vm.nginx_config import Config, Directive, Server

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
SEEN_BY_CLIENTS = {200, 201, 204, 206, 301, 302, 303, 304, 307, 308}  # others get headers with `always` alone


@dataclass
class Request:
    """One request. `variables` are nginx's own of it."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]  # by names in small letters
    body: bytes
    variables: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    kind: str = "text/html"


class Pass(NamedTuple):
    """Say that a server behind answers: where it listens, with what path and headers, and how long it may take."""

    to: str
    path: str
    headers: tuple[tuple[str, str], ...]
    timeout: float


@dataclass
class Rules:
    """Apply a configuration to requests. `outside` says where a path of the container is on the machine."""

    config: Config
    outside: object

    def server(self, port: int, path: str, host: str) -> Server | None:
        """Return the server that is responsible for a name at an address."""
        there = [
            one for one in self.config.servers
            if any((port and way.port == port) or (path and way.path == path) for way in one.listens)
        ]  # fmt: skip
        named = next((one for one in there if host in one.names), None)
        default = (one for one in there if any(way.default and way.port == port for way in one.listens))
        return named or next(default, there[0] if there else None)

    def real(self, path: str) -> Path | None:
        found: Path | None = self.outside(path)  # type: ignore[operator]
        return found

    def decide(
        self, server: Server, request: Request, *, named: str = "", depth: int = 0
    ) -> tuple[Answer | Pass, "Scope"]:
        """Return what is done with a request, and the scope whose headers and error pages count."""
        assert depth < 5, "nginx: rewrite or internal redirection cycle"
        whole = Scope((self.config.http, server.block))
        if not named and (answer := self._own(server.block, request)) is not None:
            return answer, whole
        location = self._named(server, named) if named else self._location(server.block, request.path)
        if location is None:
            return self._file(whole, request), whole
        scope = Scope((*whole.blocks, *location))
        for block in location:
            if (answer := self._own(block, request)) is not None:
                return answer, scope
        passing = location[-1].word("proxy_pass")
        if passing:
            return self._passing(passing, scope, request), scope
        tries = location[-1].one("try_files")
        if tries is not None:
            return self._tried(tries, server, scope, request, depth)
        return self._file(scope, request), scope

    def _tried(
        self, tries: Directive, server: Server, scope: "Scope", request: Request, depth: int
    ) -> tuple[Answer | Pass, "Scope"]:
        *files, last = tries.words
        for one in files:
            answer = self._file(scope, request, self.filled(one, request))
            if answer.status == 200:
                return answer, scope
        if last.startswith("="):
            return Answer(int(last[1:])), scope
        return self.decide(server, request, named=last, depth=depth + 1)

    @staticmethod
    def _named(server: Server, name: str) -> tuple[Directive, ...] | None:
        if not name.startswith("@"):
            return Rules._location(server.block, name)
        return next(((one,) for one in server.block.all("location") if one.words == (name,)), None)

    @staticmethod
    def _location(block: Directive, path: str) -> tuple[Directive, ...] | None:
        """Return the location for a path, with those that it lies in, by nginx's order of kinds."""
        best: Directive | None = None
        for one in block.all("location"):
            sign, name = one.words if len(one.words) == 2 else ("", one.words[0])
            if sign == "=" and path == name:
                return (one,)
            if sign in {"", "^~"} and path.startswith(name) and (best is None or len(name) > len(best.words[-1])):
                best = one
        if best is None or best.words[0] != "^~":
            for one in block.all("location"):
                if one.words[0] in {"~", "~*"} and re.search(one.words[1], path, re.I if one.words[0] == "~*" else 0):
                    return (one,)
        inner = Rules._location(best, path) if best is not None else None
        return (best, *(inner or ())) if best is not None else None

    def _own(self, block: Directive, request: Request) -> Answer | None:
        """Return what a block answers by itself: `return`, also in an `if` that holds."""
        for one in block.inside:
            if one.name == "set":
                request.variables[one.words[0].lstrip("$")] = self.filled(one.words[1], request)
            elif one.name == "return":
                return self._returned(one, request, self._type(block))
            elif one.name == "if" and self._holds(one.words, request):
                answer = self._own(one, request)
                if answer is not None:
                    return answer
            elif one.name == "rewrite":
                raise AssertionError("the played nginx knows no rewrite")
            elif one.name == "deny" and one.words == ("all",) and not list(block.all("allow")):
                return Answer(403)
            elif one.name == "internal" and "internal" not in request.variables:
                return Answer(404)
        return None

    def _type(self, block: Directive) -> str:
        return block.word("default_type") or self.config.http.word("default_type", "text/plain")

    def _returned(self, found: Directive, request: Request, kind: str) -> Answer:
        status, text = int(found.words[0]), self.filled(" ".join(found.words[1:]), request)
        if status in {301, 302, 303, 307, 308}:
            return Answer(status, headers=(("Location", text),))
        return Answer(status, text.encode(), kind=kind)

    def _holds(self, words: tuple[str, ...], request: Request) -> bool:
        told = " ".join(words).strip("()").strip()
        if found := re.fullmatch(r"(!?)-([fed]) (\S+)", told):
            where = self.real(self.filled(found[3], request))
            looks = {"f": Path.is_file, "d": Path.is_dir, "e": Path.exists}
            there = where is not None and looks[found[2]](where)
            return there is not bool(found[1])
        if found := re.fullmatch(r"(\$\w+)(?: (=|!=|~|!~) (.*))?", told):
            value = self.filled(found[1], request)
            wanted = (found[3] or "").strip("\"'")
            match found[2]:
                case "=":
                    return value == wanted
                case "!=":
                    return value != wanted
                case "~":
                    return re.search(wanted, value) is not None
                case "!~":
                    return re.search(wanted, value) is None
                case _:
                    return value not in {"", "0"}
        raise AssertionError(f"the played nginx does not know the condition {told}")

    def _file(self, scope: "Scope", request: Request, name: str = "") -> Answer:
        alias, root = scope.here("alias"), scope.inherited("root")
        path = name or request.path
        if alias:
            path = f"{alias}{path[len(scope.blocks[-1].words[-1]) :]}"
        elif root:
            path = f"{self.filled(root, request)}{path}"
        else:
            return Answer(404)
        where = self.real(path)
        if where is None or ".." in path.split("/") or not where.is_file():
            return Answer(404)
        return Answer(200, where.read_bytes(), kind=scope.inherited("default_type") or "text/plain")

    def _passing(self, to: str, scope: "Scope", request: Request) -> Pass:
        rest = to.removeprefix("http://")
        upstream, slash, path = rest.partition("/") if not rest.startswith("unix:") else (rest, "", "")
        if rest.startswith("unix:"):
            upstream, slash, path = (
                f"unix:{rest.split(':')[1]}",
                ":" if rest.count(":") > 1 else "",
                rest.split(":")[-1][1:],
            )
        else:
            upstream = self.config.upstream(upstream) or upstream
        prefix = scope.blocks[-1].words[-1]
        asked = f"/{path}{request.path[len(prefix) :]}" if slash else request.path
        headers = [
            (one.words[0], self.filled(one.words[1], request)) for one in scope.nearest("proxy_set_header")
        ]  # fmt: skip
        seconds = re.fullmatch(r"(\d+)(ms|s|m)?", scope.inherited("proxy_read_timeout") or "60s")
        assert seconds is not None
        factor = {"ms": 0.001, "m": 60.0}.get(seconds[2] or "s", 1.0)
        return Pass(upstream, asked, tuple(headers), int(seconds[1]) * factor)

    def filled(self, text: str, request: Request) -> str:
        """Return a text with the values of its variables. Raises AssertionError for one that is not known."""
        return _VARIABLE.sub(lambda found: self._variable(found[1] or found[2], request), text)

    def _variable(self, name: str, request: Request) -> str:
        if name in request.variables:
            return request.variables[name]
        if name.startswith("http_"):
            return request.headers.get(name[5:].replace("_", "-"), "")
        if name.startswith("upstream_"):
            return ""  # nothing answered behind nginx
        if name.startswith("arg_"):
            return dict(one.partition("=")[::2] for one in request.query.split("&")).get(name[4:], "")
        for one in self.config.maps():
            if one.words[1] == f"${name}":
                return self._mapped(one, request)
        raise AssertionError(f"the played nginx does not know the variable {name}")

    def _mapped(self, block: Directive, request: Request) -> str:
        value, default = self.filled(block.words[0], request), ""
        for one in block.inside:
            if one.name == "default":
                default = one.words[0]
            elif one.name == value:
                return self.filled(one.words[0], request)
            elif one.name.startswith("~") and (found := re.search(_python(one.name[1:]), value)):
                request.variables |= {name: text or "" for name, text in found.groupdict().items()}
                return self.filled(one.words[0], request)
        return self.filled(default, request)


def _python(expression: str) -> str:
    """Return a regular expression of PCRE in Python's form: a group's name is written in another way."""
    return re.sub(r"\(\?<(?=\w)", "(?P<", expression)


@dataclass(frozen=True)
class Scope:
    """Hold the blocks that a request is in, from http inwards, and what counts of them."""

    blocks: tuple[Directive, ...]

    def here(self, name: str) -> str:
        return self.blocks[-1].word(name)

    def inherited(self, name: str) -> str:
        return next((found for one in reversed(self.blocks) if (found := one.word(name))), "")

    def nearest(self, name: str) -> Iterator[Directive]:
        """Return the directives of the innermost block that has any: nginx does not add them up."""
        return next((iter(found) for one in reversed(self.blocks) if (found := [*one.all(name)])), iter(()))

    def headers(self, status: int) -> Iterator[Directive]:
        return (
            one for one in self.nearest("add_header") if one.words[-1] == "always" or status in SEEN_BY_CLIENTS
        )  # fmt: skip

    def error_page(self, status: int) -> tuple[str, int]:
        """Return where an error leads, "" for nowhere, and with which status."""
        for one in self.nearest("error_page"):
            *codes, to = one.words
            becomes = status
            if codes and codes[-1].startswith("="):
                becomes = int(codes.pop()[1:] or 200)
            if str(status) in codes:
                return to, becomes
        return "", status
