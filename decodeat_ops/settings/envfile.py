"""Parse and write environment files strictly: what is accepted means the same to a shell and to a service."""

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from decodeat_ops.core.errors import Configuration

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BARE = re.compile(r"[A-Za-z0-9_./:@%+,=^?*!{}\[\]#-]*")
_SPECIAL = re.compile(r"""[\s'"\\$`;&|<>()~]""")
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\", "$": "$", "`": "`"}
_ESCAPED = {value: f"\\{name}" for name, value in _ESCAPES.items()} | {"\t": "\t"}


def read(path: Path, *, private: bool = False) -> dict[str, str]:
    """Return the variables of a file, in order. `private` refuses a file that others may read.

    Raises `Configuration` naming file and line, never a value; also when the file is missing.
    """
    try:
        with path.open("rb") as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            data = stream.read()
    except OSError as error:
        raise Configuration(
            f"{path} can't be read: {error.strerror}.",
            hint="Create it with mode 0600, or correct service.env_file.",
            where=str(path),
        ) from error
    if private and mode & 0o077:
        raise Configuration(
            f"{path} holds secrets and others may read it (mode {mode:04o}).",
            hint=f"chmod 600 {path}",
            where=str(path),
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _wrong(path.name, line, "not UTF-8 text", "Save the file as UTF-8.") from None
    return parse(text, path.name)


def parse(text: str, name: str = "environment file") -> dict[str, str]:
    """Return the variables of a text. Raises `Configuration` at the first line that readers could take differently."""
    found: dict[str, str] = {}
    lines: dict[str, int] = {}
    for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        line = raw.removesuffix("\r")
        if not line.strip(" \t") or line.lstrip(" \t").startswith("#"):
            continue
        try:
            variable, value = _assignment(line)
        except ValueError as problem:
            what, hint = problem.args
            raise _wrong(name, number, what, hint) from None
        if variable in found:
            raise _wrong(name, number, f"{variable} is there twice (first on line {lines[variable]})", "Keep one.")
        found[variable], lines[variable] = value, number
    return found


def render(values: Mapping[str, str]) -> str:
    """Return a file that `parse` reads back identically, and so does a shell unless a value holds a line break.

    Raises `Configuration` for what no environment can hold: a NUL, text that is not UTF-8, or an invalid name.
    """
    lines = []
    for name, value in values.items():
        if not _NAME.fullmatch(name):
            raise Configuration(f"{name!r} is not the name of a variable.", hint="Use letters, digits and _.")
        if "\0" in value or any("\ud800" <= sign <= "\udfff" for sign in value):
            raise Configuration(f"The value of {name} holds a NUL or is not UTF-8 text.", hint=f"Set {name} again.")
        lines.append(f"{name}={_quoted(value)}\n")
    return "".join(lines)


def _wrong(name: str, line: int, what: str, hint: str) -> Configuration:
    return Configuration(f"{name}:{line}: {what}.", hint=hint, where=f"{name}:{line}")


def _quoted(value: str) -> str:
    if _BARE.fullmatch(value) and not value.startswith("#"):
        return value
    if "'" not in value and "\n" not in value:
        return f"'{value}'"
    return '"' + "".join(_ESCAPED.get(sign, sign) for sign in value) + '"'


def _assignment(line: str) -> tuple[str, str]:
    """Return name and value of one line. Raises ValueError(what, hint) when it is not a plain assignment."""
    if re.match(r"[ \t]*export[ \t]", line):
        raise ValueError("`export` is for shells; a service would take it as part of the name", "Remove `export`.")
    name, equals, rest = line.partition("=")
    if not equals:
        raise ValueError("not an assignment", "Write NAME=value, or begin the line with #.")
    if name != name.strip() or rest[:1] in (" ", "\t"):
        raise ValueError("spaces around = or before the name", "Write NAME=value without spaces.")
    if not _NAME.fullmatch(name):
        raise ValueError("that is not the name of a variable", "Names hold letters, digits and _ and begin with none.")
    if rest[:1] == "'":
        return name, _closed(name, rest, rest.find("'", 1))
    if rest[:1] == '"':
        return name, _unescaped(name, rest)
    return name, _bare(name, rest)


def _bare(name: str, rest: str) -> str:
    if re.search(r"[ \t]#", rest):
        raise ValueError(
            f"a comment behind the value of {name}: a shell would drop it, docker would make it part of the value",
            "Put the comment on its own line, or the whole value in single quotes.",
        )
    trailing = rest != rest.rstrip()
    if trailing or _SPECIAL.search(rest):
        what = "ends with a space" if trailing else "holds a space or a sign that a shell would interpret"
        raise ValueError(f"the value of {name} {what}", "Put the whole value in single quotes.")
    if not rest.isprintable():
        raise ValueError(f"the value of {name} holds a control character", "Put the whole value in single quotes.")
    return rest


def _closed(name: str, rest: str, end: int) -> str:
    """Return what stands between the quotes. Raises ValueError(what, hint) when they don't close or text follows."""
    if end < 1:
        raise ValueError(f"the quote of {name} is not closed", f"End the value with {rest[0]} on the same line.")
    if end != len(rest) - 1:
        raise ValueError(
            f"something follows the quoted value of {name}", "Remove it; comments have lines of their own."
        )
    value = rest[1:end]
    if "\0" in value:
        raise ValueError(f"the value of {name} holds a NUL", "Set it again without.")
    return value


def _unescaped(name: str, rest: str) -> str:
    value: list[str] = []
    position = 1
    while position < len(rest):
        sign = rest[position]
        if sign == '"':
            _closed(name, rest, position)
            return "".join(value)
        if sign in "$`":
            raise ValueError(
                f"a shell would replace {sign} in the value of {name}",
                f"Use single quotes, or write \\{sign}.",
            )
        if sign == "\\":
            position += 1
            escaped = rest[position : position + 1]
            if escaped not in _ESCAPES:
                raise ValueError(
                    f"an unknown escape in the value of {name}",
                    r"Known are \n \t \" \\ \$ and \`; single quotes need none.",
                )
            sign = _ESCAPES[escaped]
        value.append(sign)
        position += 1
    return _closed(name, rest, -1)
