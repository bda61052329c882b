"""Read a release's manifest and check all of it: an operator, a bad disk or a newer version may have changed it."""

import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

from decodeat_ops.core.errors import Configuration
from decodeat_ops.core.release import FORMAT, Release


def read_json(path: Path, hint: str) -> dict[str, Any] | None:
    """Read a JSON object, None when the file isn't there. Raises `Configuration` with this hint when it is damaged."""
    try:
        data = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, RecursionError) as error:
        raise damaged(path, f"not JSON ({error})", hint) from error
    if not isinstance(data, dict):
        raise damaged(path, "not a JSON object", hint)
    return data


def format_of(raw: Mapping[str, Any], path: Path, hint: str) -> int:
    """Return the format number of a state file, 0 when it has none. Raises `Configuration` when it is no integer."""
    found = raw.get("format", 0)
    if type(found) is not int:
        raise damaged(path, "its format is not a number", hint)
    return found


def read_release(path: Path, *, serves: bool) -> Release | None:
    """Read the release whose manifest is `path`, None when there is none. Raises `Configuration` naming what is wrong.

    With `serves`, the hint doesn't advise to remove the release's directory, since the release takes traffic.
    """
    hint = _way_out(path, serves)
    raw = read_json(path, hint)
    if raw is None:
        return None
    if format_of(raw, path, hint) > FORMAT:
        raise Configuration(
            f"Release {path.parent.name} was written by a newer version of decodeat-ops "
            f"(format {raw['format']}, this one knows {FORMAT}).",
            hint="Use that version or a later one.",
            where=str(path),
        )
    kinds = {field.name: field.type for field in fields(Release)}
    wrong = [name for name, value in raw.items() if name in kinds and type(value) is not kinds[name]]
    wrong += [name for name in kinds if name not in raw and name not in ("pinned", "format", "sequence")]
    if wrong:
        raise damaged(path, f"{', '.join(wrong)} missing or of the wrong kind", hint)
    try:
        datetime.fromisoformat(raw["created_at"])
    except ValueError as error:
        raise damaged(path, "created_at is not a moment in time", hint) from error
    return Release(**{name: value for name, value in raw.items() if name in kinds})


def missing(path: Path) -> Configuration:
    """Return the error for a missing manifest of the release that serves."""
    return Configuration(
        f"Release {path.parent.name} is the one that serves, and its {path.name} is missing.",
        hint=_way_out(path, serves=True),
        where=str(path),
    )


def damaged(path: Path, why: str, hint: str) -> Configuration:
    return Configuration(f"{path} is damaged: {why}.", hint=hint, where=str(path))


def _way_out(path: Path, serves: bool) -> str:
    if not serves:
        return f"Remove {path.parent}: that release does not serve, and what serves does not need it."
    return (
        "What serves goes on as long as its process lives. Put the file back out of an archive made since that deploy: "
        f"`tar --zstd -xOf ARCHIVE release/{path.name} > {path}`."
    )
