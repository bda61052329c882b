"""Describe a change as pure data: what will be done, how each step is undone, and what each step yields."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Action:
    """Name an action of the engine's table, with its parameters (JSON values only, never a secret)."""

    name: str
    params: Params = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """Describe one step of a plan.

    `undo` is safe after a half-done `do`. `preview` is the exact text that a dry run shows, secrets masked.
    `produces` names the results that `do` has to return. A step with `after_commit` comes after the point of no
    return: when it fails, the change stands and `resume` finishes it.
    """

    id: str
    title: str
    do: Action
    undo: Action | None = None
    produces: tuple[str, ...] = ()
    preview: tuple[str, ...] = ()
    after_commit: bool = False


@dataclass(frozen=True)
class Plan:
    """Hold the steps of a change in order. `subject` is what they are about (a release, a snapshot).

    `facts` are shown above the steps, to people alone: what code decides on has a field of its own.
    """

    verb: str
    deployment: str
    subject: str
    steps: tuple[Step, ...]
    facts: tuple[tuple[str, str], ...] = ()
    inputs: str = ""  # digest of settings, code, lock and secrets it was derived from, "" for none; resume compares it
    serves_now: str | None = None  # what serves before it, a release by its id; "" for nothing, None if not given

    @property
    def fingerprint(self) -> str:
        """Return the SHA-256 over all fields in hex: equal plans have equal fingerprints."""
        return hashlib.sha256(json.dumps(self.as_json(), sort_keys=True).encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def text(self) -> str:
        """Return the plan as text, as a dry run shows it and tests compare it."""
        head = [f"{self.verb} {self.subject} ({self.deployment})"]
        head += [f"  {name}: {value}" for name, value in self.facts]
        body = []
        for number, step in enumerate(self.steps, 1):
            body.append(f"{number:>2}. {step.title}  [{step.id}]")
            body += [f"      {line}" for line in step.preview]
            if step.undo is not None:
                body.append(f"      undo: {step.undo.name}")
        return "\n".join(head + body)


def plan_from_json(data: Mapping[str, Any]) -> Plan:
    """Rebuild a plan from a journal's header. Raises KeyError or TypeError when that holds no plan."""

    def action(raw: Mapping[str, Any] | None) -> Action | None:
        return None if raw is None else Action(raw["name"], dict(raw["params"]))

    steps = []
    for raw in data["steps"]:
        do = action(raw["do"])
        if do is None:
            raise TypeError(f"step {raw['id']} has nothing to do")
        steps.append(
            Step(
                id=raw["id"],
                title=raw["title"],
                do=do,
                undo=action(raw["undo"]),
                produces=tuple(raw["produces"]),
                preview=tuple(raw["preview"]),
                after_commit=raw["after_commit"],
            )
        )
    return Plan(
        verb=data["verb"],
        deployment=data["deployment"],
        subject=data["subject"],
        steps=tuple(steps),
        facts=tuple((name, value) for name, value in data["facts"]),
        inputs=data["inputs"],
        serves_now=data.get("serves_now"),  # journals of earlier versions lack it
    )
