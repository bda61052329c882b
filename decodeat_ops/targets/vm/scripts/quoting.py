"""Quote what becomes part of a script: the only place where values are put into sh."""

import re
import shlex
from collections.abc import Mapping

from decodeat_ops.core.secret import Secret

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def word(text: object) -> str:
    """Quote a value as one word of sh. Raises ValueError for a NUL, which no word can hold."""
    value = str(text)
    if "\0" in value:
        raise ValueError("a word of sh can't hold a NUL")
    return shlex.quote(value)


def words(*texts: object) -> str:
    """Quote values as words of sh, with a space between them."""
    return " ".join(map(word, texts))


def export(values: Mapping[str, Secret | str]) -> str:
    """Return lines that export variables when sh evaluates them. They hold secrets: they travel as input alone.

    Raises ValueError for a name that is none.
    """
    made = []
    for name, value in sorted(values.items()):
        if not _VARIABLE.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a variable")
        made.append(f"export {name}={word(value.reveal() if isinstance(value, Secret) else value)}\n")
    return "".join(made)


def lines(*parts: str) -> str:
    """Join parts of a script, each of one line or more; empty ones are left out."""
    return "".join(f"{part.rstrip()}\n" for part in parts if part.strip())
