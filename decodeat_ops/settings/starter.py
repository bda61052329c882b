"""Make what `init` writes: settings with every key explained, from the schema itself, and a file for secrets."""

import json
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_origin

from pydantic import BaseModel

from decodeat_ops.rendering import render
from decodeat_ops.settings.schema import OMITTED, Settings

SETTINGS, SECRETS = "decodeat-ops.toml", "decodeat-ops.env"
WIDTH = 96
EXAMPLES = {
    "service.environment": ('LOG_LEVEL = "INFO"', "WORKERS = 2"),
    "service.secrets": ('API_KEYS = "env:DECODEAT_API_KEYS"',),
}
NEEDED: Mapping[str, Mapping[str, Any]] = {
    "ecs": {"account": "", "region": "", "subnets": [], "security_groups": [], "target_group": ""},
    "vm": {"hosts": [], "domains": [], "nginx_image": "", "redis_image": ""},
}


@dataclass(frozen=True)
class Answers:
    """Hold what `init` asks for; everything else keeps its default. `port` is for this machine alone."""

    name: str = "decodeat"
    port: int = 8000
    target: Literal["local", "ecs", "vm"] = "local"

    def chosen(self) -> dict[str, Any]:
        """Return the keys that are written out rather than shown as a default, by dotted path.

        Elsewhere than here these are the keys that have no default, left empty: a deploy names those that are still to
        be filled in.
        """
        if self.target != "local":
            needed = {f"{self.target}.{key}": value for key, value in NEEDED[self.target].items()}
            return {"name": self.name, "target": self.target, **needed}
        return {
            "name": self.name,
            "local.port": self.port,
            "checks.label_url": "http://127.0.0.1:8099/known-label.png",
        }


@dataclass(frozen=True)
class Key:
    """Describe one line of the settings with its comment."""

    name: str
    about: tuple[str, ...]
    value: str
    chosen: bool


@dataclass(frozen=True)
class Section:
    """Describe a table of the settings; `name` is "" for the keys at the top."""

    name: str
    about: str
    keys: tuple[Key, ...]
    examples: tuple[str, ...] = ()


def files(answers: Answers) -> dict[str, str]:
    """Return both files' text by name. Raises pydantic's ValidationError when an answer isn't valid."""
    Settings.model_validate({"name": answers.name, "target": answers.target, "local": {"port": answers.port}})
    whole = _sections(Settings, "", answers.chosen())
    sections = [one for one in whole if one.name not in OMITTED[answers.target]]
    return {
        SETTINGS: render("init/decodeat-ops.toml.j2", {"sections": sections}),
        SECRETS: render("env/decodeat-ops.env.j2", {}),
    }


def _sections(model: type[BaseModel], prefix: str, chosen: Mapping[str, Any]) -> list[Section]:
    keys, below = [], []
    for name, info in model.model_fields.items():
        path = f"{prefix}{name}"
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            below += _sections(kind, f"{path}.", chosen)
        elif get_origin(kind) is dict:
            below.append(Section(path, info.description or "", (), EXAMPLES.get(path, ())))
        else:
            about = tuple(textwrap.wrap(info.description or "", WIDTH, break_on_hyphens=False))
            value = chosen.get(path, info.get_default(call_default_factory=True))
            keys.append(Key(name, about, _toml(value), path in chosen))
    doc = (model.__doc__ or "").strip() if prefix else ""
    return [Section(prefix.rstrip("."), doc, tuple(keys)), *below]


def _toml(value: Any) -> str:
    """Return a text, number or boolean as toml writes it; JSON writes these the same way."""
    return json.dumps(value, ensure_ascii=False)
