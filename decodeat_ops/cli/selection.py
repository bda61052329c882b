"""Repeat --env, --config and --target of the operator's own call in every command that a message prints.

Texts hold a command between backticks, and outcomes hold some in `next`; both begin with the program's name. Only the
command line knows what `--env`, `--config` and `--target` selected, so it is put in when a text is printed.
A command that is copied from a message then acts on the deployment that the message is about.
"""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PROGRAM = "decodeat-ops"

_COMMAND = re.compile(rf"`({PROGRAM} [^`]*)`")
_chosen: list[str] = []


def select(*, env: str | None = None, config: Path | None = None, target: str | None = None) -> None:
    """Remember what this invocation selected."""
    _chosen[:] = [
        *(("--env", shlex.quote(env)) if env else ()),
        *(("--target", shlex.quote(target)) if target else ()),
        *(("--config", shlex.quote(str(config))) if config else ()),
    ]


def command(text: str) -> str:
    """Return a command line with the selection right after the program's name, where every command takes it."""
    program, _, rest = text.partition(" ")
    if program != PROGRAM:
        return text
    return " ".join((program, *_chosen, rest))


def commands(text: str) -> str:
    """Return a text whose commands repeat the selection."""
    return _COMMAND.sub(lambda match: f"`{command(match[1])}`", text) if _chosen else text


def everywhere(data: Any) -> Any:
    """Return JSON data with the selection in the commands of every text."""
    if isinstance(data, str):
        return commands(data)
    if isinstance(data, Mapping):
        return {name: everywhere(value) for name, value in data.items()}
    return [everywhere(value) for value in data] if isinstance(data, list | tuple) else data
