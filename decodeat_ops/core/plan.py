"""Plans are pure data: what will be done, how each step is undone, and what each step yields."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Action:
    """A named action of the engine's table and its parameters (JSON values only, never a secret)."""

    name: str
    params: Params = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One thing to do.

    `undo` is safe after a half-done `do`. `preview` is the exact text a dry run shows, secrets masked.
    `produces` names results that later steps may use as `<name from id>`. A step with `after_commit` comes
    after the point of no return: when it fails, the change stands and `resume` finishes it.
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
    """Steps in order. `subject` is what they are about (a release, a snapshot).

    `facts` is shown above them, to people alone: what code decides on has a field of its own.
    """

    verb: str
    deployment: str
    subject: str
    steps: tuple[Step, ...]
    facts: tuple[tuple[str, str], ...] = ()
    inputs: str = ""  # digest of settings, release and secrets the plan was derived from; resume compares it
    serves_now: str | None = None  # id of the release that serves before it, "" for none; None: it doesn't say

    @property
    def fingerprint(self) -> str:
        """SHA-256 over verb, subject, steps and inputs: equal plans have equal fingerprints."""
        return hashlib.sha256(json.dumps(self.as_json(), sort_keys=True).encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def text(self) -> str:
        """The plan as text, as a dry run shows it and as tests compare it."""
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
    """Rebuild a plan from a journal's header; raises KeyError or TypeError when it is not one."""

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
