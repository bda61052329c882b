"""Let a test have actions or places of its own, where a command would find the deployment's."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from decodeat_ops.application.desk import Desk
from decodeat_ops.core.layout import Layout
from decodeat_ops.deployment.machine import Machine
from decodeat_ops.engine.executor import Do
from decodeat_ops.targets.local.target import Local


@dataclass(frozen=True)
class Acting(Local):
    """Answer as this machine does, and know these actions alone."""

    own: Mapping[str, Do] = field(default_factory=dict)

    @functools.cached_property
    def actions(self) -> Mapping[str, Do]:
        return self.own


@dataclass(frozen=True)
class Placed(Machine):
    """Have the state in `root` and the other places in `beside`, whatever the settings say; nothing is looked at."""

    root: Path = field(kw_only=True)
    beside: Path = field(kw_only=True)

    @functools.cached_property
    def layout(self) -> Layout:
        return Layout(self.root)

    @functools.cached_property
    def environments(self) -> Path:
        return self.beside / "environments"

    @functools.cached_property
    def archives(self) -> Path:
        return self.beside / "backups"


def machine_of(desk: Desk) -> Machine:
    target = desk.target
    assert isinstance(target, Local)
    return target.machine


def acting(desk: Desk, actions: Mapping[str, Do]) -> Desk:
    """Return the same desk with these actions instead of the target's."""
    target = desk.target
    assert isinstance(target, Local)
    return replace(desk, target=Acting(target.machine, target.secrets, target.boot, own=actions))
