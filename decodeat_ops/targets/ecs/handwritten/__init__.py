"""Read what was written by hand for ECS (documents, deploy scripts, a Dockerfile), and name the mistakes in it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from decodeat_ops.core.abilities import Defect
from decodeat_ops.core.errors import Usage
from decodeat_ops.targets.ecs.handwritten import dockerfile, document, script
from decodeat_ops.targets.ecs.place import Place

Kind = Literal["task-definition", "service", "script", "dockerfile"]


@dataclass(frozen=True)
class Handwritten:
    """Hold one file by its kind; `told` is its JSON, {} where it is no JSON."""

    name: str
    kind: Kind
    text: str
    told: Mapping[str, Any]

    def defects(self, place: Place) -> tuple[Defect, ...]:
        """Return the mistakes in it, by number."""
        found = (replace(one, where=self.name) for one in self._found(place))
        return tuple(sorted(found, key=lambda one: one.number))

    def _found(self, place: Place) -> Iterable[Defect]:
        if self.kind == "task-definition":
            return document.defects(place, self.told)
        if self.kind == "script":
            return script.defects(place, self.text)
        return dockerfile.defects(place, self.text) if self.kind == "dockerfile" else ()


def parse(name: str, text: str) -> Handwritten:
    """Return a file by its kind. Raises `Usage` for one of no kind that is known here."""
    if text.lstrip().startswith("{"):
        return _json(name, text)
    lines = [line.strip() for line in text.splitlines()]
    if any(line.upper().startswith("FROM ") for line in lines):
        return Handwritten(name, "dockerfile", text, {})
    if text.startswith("#!") or any(line.startswith(("aws ", "docker ")) for line in lines):
        return Handwritten(name, "script", text, {})
    raise _unknown(name, "it is no JSON, no shell script and no Dockerfile")


def _json(name: str, text: str) -> Handwritten:
    try:
        told = json.loads(text)
    except ValueError as error:
        raise _unknown(name, f"its JSON is broken: {error}") from error
    inner = told.get("taskDefinition")  # what `aws ecs describe-task-definition` prints
    told = inner if isinstance(inner, dict) else told
    if isinstance(told.get("containerDefinitions"), list):
        return Handwritten(name, "task-definition", text, told)
    if "serviceName" in told or "deploymentConfiguration" in told:
        return Handwritten(name, "service", text, told)
    raise _unknown(name, "it has neither containerDefinitions nor serviceName")


def _unknown(name: str, why: str) -> Usage:
    return Usage(
        f"{name} can't be compared: {why}.",
        hint="Give a task definition, a service, a deploy script or a Dockerfile.",
        where="--against",
    )
