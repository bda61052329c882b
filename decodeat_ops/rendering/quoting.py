"""Quote command lines and variables for systemd and cron, each of which has its own special characters."""

import re
import shlex
from collections.abc import Mapping, Sequence

_PLAIN = re.compile(r"[A-Za-z0-9_./:@=+,-]+")


def systemd(text: str, *, argument: bool = False) -> str:
    """Quote one word of a unit file: `%` begins a specifier, and `$` a variable, but only in an argument."""
    if _PLAIN.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("%", "%%")
    return f'"{escaped.replace("$", "$$") if argument else escaped}"'


def systemd_command(argv: Sequence[str]) -> str:
    """Quote a command of a unit file. systemd expands no variables in the program's own path."""
    return " ".join((systemd(argv[0]), *(systemd(word, argument=True) for word in argv[1:])))


def cron(argv: Sequence[str], variables: Mapping[str, str]) -> str:
    """Quote a command of a crontab for `sh`; an unescaped `%` would end the command."""
    words = [f"{name}={shlex.quote(value)}" for name, value in variables.items()]
    return " ".join((*words, shlex.join(argv))).replace("%", "\\%")


def compose(text: str) -> str:
    """Quote a value of a Compose file: in double quotes of YAML, with `$` doubled, since Compose replaces variables."""
    return f'"{"".join(map(_yaml, text)).replace("$", "$$")}"'


def _yaml(sign: str) -> str:
    if sign in '"\\':
        return f"\\{sign}"
    return sign if " " <= sign <= "~" else f"\\U{ord(sign):08x}"  # of the rest YAML takes only some as they are
