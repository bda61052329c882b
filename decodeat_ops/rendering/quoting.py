"""Command lines and variables as systemd and cron read them, each with signs of its own that mean something."""

import re
import shlex
from collections.abc import Mapping, Sequence

_PLAIN = re.compile(r"[A-Za-z0-9_./:@=+,-]+")


def systemd(text: str, *, argument: bool = False) -> str:
    """One word of a unit file: `%` begins a specifier there, and `$` in an argument (not in a variable) a variable."""
    if _PLAIN.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("%", "%%")
    return f'"{escaped.replace("$", "$$") if argument else escaped}"'


def systemd_command(argv: Sequence[str]) -> str:
    """A command of a unit file. The program's own path takes no variables."""
    return " ".join((systemd(argv[0]), *(systemd(word, argument=True) for word in argv[1:])))


def cron(argv: Sequence[str], variables: Mapping[str, str]) -> str:
    """A command of a crontab: for `sh`, but a `%` that is not escaped would end it."""
    words = [f"{name}={shlex.quote(value)}" for name, value in variables.items()]
    return " ".join((*words, shlex.join(argv))).replace("%", "\\%")
