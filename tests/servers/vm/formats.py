"""Fill in the templates of `--format`, of which Docker has a whole language and the product uses a few words."""

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.servers.vm.words import Refused

_HOLE = re.compile(r"\{\{(.*?)\}\}")
_PATH = re.compile(r"(json )?((?:\.[A-Za-z0-9]+)+|\.)")
_INDEX = re.compile(r"index ((?:\.[A-Za-z0-9]+)+) \"([^\"]*)\"")
_LABEL = re.compile(r"\.Label \"([^\"]*)\"|json \(\.Label \"([^\"]*)\"\)")


def filled(template: str, row: Mapping[str, Any]) -> str:
    """Return one line or object by a template. Raises `Refused` for words that Docker, or this, does not know."""
    if template == "json":
        return json.dumps(row)
    return _HOLE.sub(lambda hole: _value(hole[1].strip(), row), template)


def _value(words: str, row: Mapping[str, Any]) -> str:
    if found := _PATH.fullmatch(words):
        value = _at(row, found[2])
        return json.dumps(value) if found[1] else _text(value)
    if found := _INDEX.fullmatch(words):
        return _text((_at(row, found[1]) or {}).get(found[2], ""))
    if found := _LABEL.fullmatch(words):
        labels = dict(one.partition("=")[::2] for one in str(row.get("Labels", "")).split(",") if one)
        return labels.get(found[1], "") if found[1] else json.dumps(labels.get(found[2], ""))
    raise Refused(f"template parsing error: {{{{{words}}}}} is not played", 64)


def _at(row: Mapping[str, Any], path: str) -> Any:
    value: Any = row
    for name in path.strip(".").split("."):
        if not name:
            continue
        if not isinstance(value, dict) or name not in value:
            raise Refused(f'template: :1:2: executing "" at <{path}>: map has no entry for key "{name}"')
        value = value[name]
    return value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{' '.join(map(str, value))}]"
    if isinstance(value, dict):
        return f"map[{' '.join(f'{name}:{one}' for name, one in value.items())}]"
    return "<nil>" if value is None else str(value)
