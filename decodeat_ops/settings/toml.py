"""Read a toml file or one value, and say line and column when it isn't toml."""

import tomllib
from pathlib import Path
from typing import Any

from decodeat_ops.core.errors import Configuration


def read(path: Path) -> dict[str, Any]:
    """Return the file's tables. Raises `Configuration` naming the file and, where they are known, line and column."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Configuration(
            f"{path} can't be read: {error.strerror}.",
            hint="Give yourself read permission, or name another file with --config.",
            where=str(path),
        ) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise Configuration(
            f"{path.name}:{line}: not UTF-8 text.", hint="Save the file as UTF-8.", where=f"{path}:{line}"
        ) from error
    except ValueError as error:  # TOMLDecodeError, or an integer of thousands of digits
        what = str(error).replace(" (at line ", " (line ").rstrip(".")
        raise Configuration(
            f"{path.name} is not valid TOML: {what[0].lower()}{what[1:]}.",
            hint="Text needs quotes, a table is [name], a list is [a, b]. Correct the line and run the command again.",
            where=str(path),
        ) from None  # the cause would repeat the file's text in a traceback
    except RecursionError:
        raise Configuration(
            f"{path.name} is not valid TOML: brackets are nested too deeply.", where=str(path)
        ) from None


def scalar(text: str) -> Any:
    """Return the number, boolean or list that a text is in toml; return any other text unchanged."""
    try:
        found = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    value = found.get("value")
    plain = len(found) == 1 and isinstance(value, bool | int | float | list)
    return value if plain else text
