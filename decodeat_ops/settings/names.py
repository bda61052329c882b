"""Look up what the schema says about its keys: which there are, what they mean, which is closest to a misspelt one."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from decodeat_ops.settings.schema import Settings


@cache
def fields() -> dict[str, FieldInfo]:
    """Return every key that is not a section, by dotted path, in the schema's order."""
    return dict(_fields(Settings, ""))


def _fields(model: type[BaseModel], prefix: str) -> list[tuple[str, FieldInfo]]:
    found: list[tuple[str, FieldInfo]] = []
    for name, info in model.model_fields.items():
        section = info.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            found += _fields(section, f"{prefix}{name}.")
        else:
            found.append((f"{prefix}{name}", info))
    return found


def leaves() -> tuple[str, ...]:
    return tuple(fields())


@cache
def open_tables() -> tuple[str, ...]:
    """Return the keys that are tables of names chosen by the operator: service.environment and service.secrets."""
    return tuple(path for path, info in fields().items() if get_origin(info.annotation) is dict)


def is_text(path: str) -> bool:
    """Return whether a key takes plain text, so that 123 from a variable stays "123"."""
    for table in open_tables():
        if path.startswith(f"{table}."):
            return get_args(fields()[table].annotation)[1] is str
    info = fields().get(path)
    if info is None or info.annotation is str:
        return True
    return get_origin(info.annotation) is Literal and isinstance(get_args(info.annotation)[0], str)


def description(path: str) -> str:
    info = fields().get(path)
    return (info.description or "") if info else ""


def nearest(path: str) -> str:
    """Suggest the key that was misspelt or put under the wrong section, "" when none is close."""
    import difflib

    known = [*leaves(), *sorted({leaf.rpartition(".")[0] for leaf in leaves()} - {""})]
    section, _, name = path.rpartition(".")
    elsewhere = [key for key in known if key.rpartition(".")[2] == name]
    if elsewhere:
        return elsewhere[0]
    siblings = [key for key in known if key.rpartition(".")[0] == section]
    close = difflib.get_close_matches(path, siblings, n=1) or difflib.get_close_matches(path, known, n=1, cutoff=0.75)
    if close:
        return close[0]
    by_name = {key.rpartition(".")[2]: key for key in known}
    return next((by_name[n] for n in difflib.get_close_matches(name, by_name, n=1, cutoff=0.75)), "")


_WANTED = {
    "int_type": "must be a whole number, without quotes",
    "float_type": "must be a number, without quotes",
    "string_type": "must be text in quotes",
    "bool_type": "must be true or false, without quotes",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "list_type": "must be a list",
    "string_unicode": "is not valid text",
}


def words(kind: str, message: str, context: Mapping[str, Any]) -> str:
    """Return what pydantic found wrong, in the words of this tool; the value itself is never part of it."""
    if kind in _WANTED:
        return _WANTED[kind]
    if kind == "string_pattern_mismatch":
        return f"must match {context['pattern']}"
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    return message.replace("Input should be", "must be").replace("Keys should be", "must be")
