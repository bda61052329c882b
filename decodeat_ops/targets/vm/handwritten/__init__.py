"""Read what was written by hand for machines (Compose, nginx, Dockerfile, scripts), and name the mistakes in it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from decodeat_ops.core.abilities import Defect
from decodeat_ops.core.errors import Usage
from decodeat_ops.targets.vm.handwritten import compose, dockerfile, nginx, script
from decodeat_ops.targets.vm.place import Place

Kind = Literal["compose", "nginx", "script", "dockerfile"]
# What a deploy of ours lays out in the place of such a file; "" where there is nothing of its kind.
_OURS: dict[Kind, str] = {"compose": "compose.yaml", "nginx": "edge/nginx/nginx.conf", "script": "", "dockerfile": ""}


@dataclass(frozen=True)
class Handwritten:
    """Hold one file by its kind."""

    name: str
    kind: Kind
    text: str

    @property
    def counterpart(self) -> str:
        """Return the name of our file to compare it with, "" for none."""
        return _OURS[self.kind]

    def defects(self, place: Place) -> tuple[Defect, ...]:
        """Return the mistakes in it, by number."""
        found = (replace(one, where=self.name) for one in self._found(place))
        return tuple(sorted(found, key=lambda one: one.number))

    def _found(self, place: Place) -> Iterable[Defect]:
        if self.kind == "compose":
            return compose.defects(place, self.text)
        if self.kind == "nginx":
            return nginx.defects(place, self.text)
        return script.defects(place, self.text) if self.kind == "script" else dockerfile.defects(place, self.text)


def parse(name: str, text: str) -> Handwritten:
    """Return a file by its kind. Raises `Usage` for one of no kind that is known here."""
    if re.search(r"^\s*FROM\s+\S", text, re.MULTILINE | re.IGNORECASE):
        return Handwritten(name, "dockerfile", text)
    if re.search(r"^services:\s*$", text, re.MULTILINE):
        return Handwritten(name, "compose", text)
    if re.search(r"^\s*(http|server|upstream\s+\S+)\s*\{", text, re.MULTILINE):
        return Handwritten(name, "nginx", text)
    if text.startswith("#!") or re.search(r"^\s*(sudo\s+)?(docker|docker-compose|ssh|rsync|scp|ufw)\s", text, re.M):
        return Handwritten(name, "script", text)
    raise Usage(
        f"{name} can't be compared: it is no Compose file, no configuration of nginx, no Dockerfile and no script.",
        hint="Give a Compose file, a configuration of nginx, a Dockerfile or a deploy script.",
        where="--against",
    )
